/** Configurations, envelopes and header fields whose addresses are rewritten by both sides (rewriting.test.ts). */

/** By name: settings of one service. */
export const CONFIGURATIONS: Readonly<Record<string, readonly string[]>> = {
  usual: [],
  'nothing appended': ['append_at_myorigin = no'],
  'mydomain appended': ['append_dot_mydomain = yes'],
  'no operators': ['swap_bangpath = no', 'allow_percent_hack = no', 'append_dot_mydomain = yes'],
  'others than local clients': ['local_header_rewrite_clients ='],
  'a domain for others': [
    'local_header_rewrite_clients =',
    'remote_header_rewrite_domain = domain.invalid',
    'canonical_maps = inline:{{joe@domain.invalid=jd@can.example},{joe@origin.example=jo@can.example}}',
  ],
  'clients of a table': ['local_header_rewrite_clients = static:all', 'append_dot_mydomain = yes'],
  canonical: [
    'canonical_maps = inline:{{joe@origin.example=Joe.Doe},{@lan.example=@wan.example},{a@far.example=b@far.example},{b@far.example=c@far.example},{bare=gate!bare},{x@z.example=xz@isp.example},{d@e.example=d%f.example}}',
  ],
  'canonical of senders and recipients': [
    'sender_canonical_maps = inline:{{joe@origin.example=sender@s.example},{a@far.example=sa@s.example}}',
    'recipient_canonical_maps = inline:{{joe@origin.example=rcpt@r.example},{a@far.example=ra@r.example}}',
    'canonical_maps = inline:{{sa@s.example=csa@s.example},{ra@r.example=cra@r.example},{joe@origin.example=never@x.example}}',
  ],
  'canonical in the header only': [
    'canonical_classes = header_sender, header_recipient',
    'canonical_maps = inline:{{joe@origin.example=h@h.example},{a@far.example=ha@h.example},{x@z.example=hx@h.example}}',
  ],
  'canonical in the envelope only': [
    'canonical_classes = envelope_sender, envelope_recipient',
    'sender_canonical_classes = header_sender',
    'recipient_canonical_classes = header_recipient',
    'canonical_maps = inline:{{joe@origin.example=e@e.example},{a@far.example=ea@e.example}}',
    'sender_canonical_maps = inline:{{x@z.example=sx@s.example},{joe@origin.example=sjoe@s.example}}',
    'recipient_canonical_maps = inline:{{x@z.example=rx@r.example},{joe@origin.example=rjoe@r.example}}',
  ],
  'extensions that go': [
    'recipient_delimiter = +-',
    'propagate_unmatched_extensions =',
    'canonical_maps = inline:{{joe@origin.example=j@can.example},{x@z.example=xz@isp.example},{@lan.example=@wan.example}}',
  ],
  'several delimiters': [
    'recipient_delimiter = -+',
    'canonical_maps = inline:{{joe@origin.example=j@can.example},{x@z.example=xz},{@lan.example=@wan.example},{bare=barex}}',
  ],
  'owners and requests': [
    'recipient_delimiter = -+',
    'canonical_maps = inline:{{owner@far.example=o@can.example},{list@far.example=l@can.example},{mailer@far.example=m@can.example},{double@far.example=d@can.example}}',
  ],
  'owners and requests at another delimiter': [
    'recipient_delimiter = +',
    'canonical_maps = inline:{{owner@far.example=o@can.example},{list@far.example=l@can.example},{mailer@far.example=m@can.example},{double@far.example=d@can.example}}',
  ],
  'owners and requests divided': [
    'recipient_delimiter = -',
    'owner_request_special = no',
    'canonical_maps = inline:{{owner@far.example=o@can.example},{list@far.example=l@can.example},{mailer@far.example=m@can.example},{double@far.example=d@can.example}}',
  ],
  'no field dropped': [
    'message_drop_headers =',
    'canonical_maps = inline:{{joe@origin.example=j@can.example},{a@far.example=b@far.example}}',
  ],
  'a loop of tables': ['canonical_maps = inline:{{a@far.example=b@far.example},{b@far.example=a@far.example}}'],
  masquerading: ['masquerade_domains = far.example lan.example', 'masquerade_exceptions = root, Joe'],
  'masquerading everywhere': [
    'masquerade_domains = !keep.far.example far.example EXAMPLE',
    'masquerade_classes = envelope_sender, envelope_recipient, header_sender, header_recipient',
    'canonical_maps = inline:{{x@z.example=x@deep.far.example}}',
  ],
  'no operators and canonical': [
    'swap_bangpath = no',
    'allow_percent_hack = no',
    'canonical_maps = inline:{{joe%host.far.example@origin.example=p@p.example},{site!user@origin.example=s@s.example},{@far.example=@near.example}}',
  ],
  'all at once': [
    'append_dot_mydomain = yes',
    'propagate_unmatched_extensions = canonical',
    'canonical_maps = inline:{{joe=joe@deep.far.example},{u@host.interop.example=host},{bare@origin.example=B.A.R.E@x.y.far.example}}',
    'masquerade_domains = far.example interop.example',
  ],
  ...Object.fromEntries(
    [13, 14, 16, 17, 20, 21, 29].map((limit) => [
      `${limit} tokens of a field`,
      ['append_dot_mydomain = yes', `header_address_token_limit = ${limit}`],
    ]),
  ),
  'masquerading of the envelope': [
    'masquerade_domains = far.example',
    'masquerade_classes = envelope_sender, envelope_recipient',
  ],
};

/** From and to. */
export const ENVELOPES: readonly (readonly [string, readonly string[]])[] = [
  ['a@far.example', ['r@far.example']],
  ['joe', ['joe', 'x+ext@z.example']],
  ['joe+e', ['bare', 'bare-e', 'joe-e+f']],
  ['host.far.example!joe', ['joe%host.far.example', 'u@host']],
  ['Joe@Host.Far.Example', ['root@host.far.example', 'u@keep.far.example', 'u@x.keep.far.example']],
  ['', ['a@far.example', 'x@z.example', 'u@host.lan.example', 'u@lan.example']],
  ['@route.example:a@far.example', ['"joe doe"', '"q@r"@far.example']],
  ['x@z.example', ['a%b%c.example', 'h!i!j', 'd@e.example', 'dot@far.example.']],
  [
    'Owner-list@far.example',
    [
      'list-Request@far.example',
      'owner-list+x@far.example',
      'list+request@far.example',
      'owner+list-request@far.example',
    ],
  ],
  ['mailer-daemon@far.example', ['double-bounce@far.example', 'mailer-daemons@far.example', '-request@far.example']],
];

const ADDRESSES = [
  'joe',
  'Joe <joe>',
  '"Joe D." <joe+ext@origin.example>',
  'a@far.example',
  'A@FAR.EXAMPLE (comment)',
  'u@host',
  'u@host.far.example',
  'root@host.far.example',
  'Joe@a.b.lan.example',
  'x-y@z.example',
  'x+y@z.example',
  'site!user',
  'one!two!user',
  'user%site.example',
  'user%site',
  'a!b%c',
  '"quoted user"@lan.example',
  '"simple"@origin.example',
  '"a%b"',
  '<@r1,@r2:a@far.example>',
  '<>',
  'group: joe, a@far.example;',
  'undisclosed-recipients:;',
  'u@[127.0.0.1]',
  'dot@far.example.',
  'dot@host.',
  'dot.',
  'back\\\\slash@lan.example',
  'two words',
  'bare',
  'd@e.example',
  'u@lan.example, u@x.lan.example',
  'a!b%c@d.example, (one) b@far.example (two), "q r"@lan.example, joe, e@f.g.h.far.example',
  'Very Long Name Of A Person <joe@origin.example>, Another Long Name <bare>, "Third, One" <x@z.example>',
] as const;

const FIELDS = [
  'From',
  'To',
  'Cc',
  'Reply-To',
  'Sender',
  'Resent-From',
  'Resent-To',
  'Errors-To',
  'Return-Receipt-To',
  'X-From',
  'Subject',
  'Return-Path',
  'Resent-Bcc',
] as const;

/** Messages, each with some of the addresses in some of the fields. */
export function messages(): readonly { readonly envelope: (typeof ENVELOPES)[number]; readonly fields: string }[] {
  return ENVELOPES.map((envelope, i) => {
    const lines = ADDRESSES.filter((_one, k) => k % ENVELOPES.length === i || (k + 3) % ENVELOPES.length === i).flatMap(
      (address, k) => [
        `${FIELDS[(i + k) % FIELDS.length]}: ${address}`,
        `${FIELDS[(i + 3 * k + 1) % FIELDS.length]}:${address}`,
      ],
    );
    return {
      envelope,
      fields: [
        ...new Map(lines.map((line) => [line.split(':')[0], line])).values(),
        'Date: Fri, 20 Nov 2026 22:33:01 +0000',
        'Message-Id: <1@qq.com>',
      ].join('\r\n'),
    };
  });
}
