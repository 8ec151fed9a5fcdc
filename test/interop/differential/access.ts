/** Access tables: each action at each stage, each form of key, in time and delayed. */
import { type Cases, EHLO, MAIL, MESSAGE, mail, RCPT } from './cases.ts';

/** access(5), "ACCEPT ACTIONS" to "OTHER ACTIONS", and what is none. */
const ACTIONS = [
  'OK',
  'ok',
  '250',
  '1',
  'REJECT',
  'reject',
  'REJECT go away',
  'REJECT 5.7.9 go away',
  'REJECT 4.7.9 of another class',
  'REJECT   two   blanks',
  'REJECT a\ttab, and $sender $1',
  'REJECT,',
  'DEFER',
  'DEFER later',
  'DEFER 4.7.9 later',
  'DEFER_IF_REJECT',
  'DEFER_IF_REJECT perhaps',
  'DEFER_IF_PERMIT',
  'DEFER_IF_PERMIT 4.7.9 perhaps',
  '450 four',
  '450 4.1.9 four',
  '450',
  '450 4.1.9',
  '550 5.7.9',
  '550 five',
  '554 5.1.9 five',
  '554 4.1.9 of another class',
  '550',
  '521 hang up',
  '521 5.3.2 hang up',
  '421 hang up',
  '421 4.3.2 hang up',
  '600 six',
  '299 two',
  '55 short',
  '5500 long',
  'DUNNO',
  'dunno whatever',
  'DISCARD',
  'DISCARD silently',
  'HOLD',
  'HOLD a while',
  'FILTER smtp:[127.0.0.1]:9',
  'FILTER',
  'FILTER nothing',
  'REDIRECT else@where.test',
  'REDIRECT nobody',
  'REDIRECT',
  'BCC copy@where.test',
  'BCC nobody',
  'BCC',
  'PREPEND X-A: b',
  'PREPEND no field',
  'PREPEND',
  'INFO',
  'INFO seen',
  'WARN',
  'WARN seen',
  'permit',
  'reject_unauth_destination',
  'permit_mynetworks, reject',
  'warn_if_reject reject',
  'restrictive',
  'permissive',
  'sleep x',
  'sleep',
  'nonsense',
  'nonsense with text',
];

const table = (key: (i: number) => string): string => ACTIONS.map((action, i) => `${key(i)} ${action}\n`).join('');
const TABLE = 'texthash:$config_directory/actions';
const CLASSES = [
  'smtpd_restriction_classes = restrictive permissive',
  'restrictive = check_sender_access inline:{{sender.test = REJECT in the class}}',
  'permissive = permit',
];
const REST = ', permit_mynetworks, reject_unauth_destination';

/** The list in which the table is asked, and how the client shows the key. */
const STAGES: Readonly<Record<string, { readonly settings: readonly string[]; says(i: number): string[] }>> = {
  client: {
    settings: [`smtpd_client_restrictions = check_client_access ${TABLE}`],
    says: () => mail(),
  },
  helo: {
    settings: [`smtpd_helo_restrictions = check_helo_access ${TABLE}`],
    says: (i) => mail({ helo: `EHLO h${i}.test` }),
  },
  sender: {
    settings: [`smtpd_sender_restrictions = check_sender_access ${TABLE}`],
    says: (i) => mail({ mail: `MAIL FROM:<x@h${i}.test>` }),
  },
  relay: {
    settings: [`smtpd_relay_restrictions = check_sender_access ${TABLE}${REST}`],
    says: (i) => mail({ mail: `MAIL FROM:<x@h${i}.test>` }),
  },
  recipient: {
    settings: [`smtpd_recipient_restrictions = check_recipient_access ${TABLE}`],
    says: (i) => mail({ rcpt: [`RCPT TO:<r${i}@relay.test>`, RCPT] }),
  },
  data: {
    settings: [`smtpd_data_restrictions = check_sender_access ${TABLE}`],
    says: (i) => mail({ mail: `MAIL FROM:<x@h${i}.test>` }),
  },
  'end of data': {
    settings: [`smtpd_end_of_data_restrictions = check_sender_access ${TABLE}`],
    says: (i) => mail({ mail: `MAIL FROM:<x@h${i}.test>` }),
  },
  etrn: {
    settings: [`smtpd_etrn_restrictions = check_etrn_access ${TABLE}`],
    says: (i) => [EHLO, `ETRN h${i}.test`, 'QUIT'],
  },
};
const DELAYED = new Set(['client', 'helo', 'sender']);

const actions: Cases = {
  house: {
    name: 'access actions',
    main: [...CLASSES, 'relay_domains = relay.test', 'fast_flush_domains = $relay_domains'],
    files: { actions: table((i) => `h${i}.test`) + table((i) => `127.0.1.${i}`) + table((i) => `r${i}@relay.test`) },
    services: Object.fromEntries(
      Object.entries(STAGES).flatMap(([stage, { settings }]) => [
        [stage, settings],
        ...(DELAYED.has(stage) ? [[`${stage}, at once`, [...settings, 'smtpd_delay_reject = no']] as const] : []),
      ]),
    ),
  },
  dialogs: Object.entries(STAGES).flatMap(([stage, { says }]) =>
    [stage, ...(DELAYED.has(stage) ? [`${stage}, at once`] : [])].flatMap((service) =>
      ACTIONS.map((_, i) => ({ service, client: stage === 'client' ? `127.0.1.${i}` : '127.0.0.1', says: says(i) })),
    ),
  ),
};

const KEYS = `
user@full.test REJECT user@full.test
only.test REJECT only.test
.below.test REJECT .below.test
both.test REJECT both.test
.both.test REJECT .both.test
local@ REJECT local@
<> REJECT the null sender
UPPER.test REJECT UPPER.test
user+ext@full.test REJECT user+ext@full.test
127.0.2 REJECT 127.0.2
127.0.2.9 REJECT 127.0.2.9
127.0.3. REJECT 127.0.3.
[1.2.3.4] REJECT [1.2.3.4]
1.2.3 REJECT 1.2.3
com REJECT com
spaced\\ name@full.test REJECT spaced
`;
const ADDRESSES = [
  'user@full.test',
  'USER@FULL.TEST',
  'user+ext@full.test',
  'user+other@full.test',
  'other@full.test',
  'a@only.test',
  'a@sub.only.test',
  'a@below.test',
  'a@sub.below.test',
  'a@deep.sub.below.test',
  'a@both.test',
  'a@sub.both.test',
  'local@anywhere.test',
  'local+ext@anywhere.test',
  'LOCAL@anywhere.test',
  'a@upper.test',
  'a@UPPER.TEST',
  'a@x.com',
  'a@[1.2.3.4]',
  'a@[1.2.3.5]',
  'a@[IPv6:::1]',
  '"user"@full.test',
  'us.er@full.test',
  'user@full.test@only.test',
  '@only.test:user@full.test',
  'user',
  'local',
];
const KEY_TABLE = 'texthash:$config_directory/keys';

const keys: Cases = {
  house: {
    name: 'access keys',
    main: ['recipient_delimiter = +'],
    files: { keys: KEYS },
    services: {
      sender: [`smtpd_sender_restrictions = check_sender_access ${KEY_TABLE}`],
      'sender, with dots': [
        `smtpd_sender_restrictions = check_sender_access ${KEY_TABLE}`,
        'parent_domain_matches_subdomains =',
      ],
      recipient: [`smtpd_recipient_restrictions = check_recipient_access ${KEY_TABLE}`],
      client: [`smtpd_client_restrictions = check_client_access ${KEY_TABLE}`],
      helo: [`smtpd_helo_restrictions = check_helo_access ${KEY_TABLE}`],
      null: [
        `smtpd_sender_restrictions = check_sender_access ${KEY_TABLE}`,
        'smtpd_null_access_lookup_key = only.test',
      ],
    },
  },
  dialogs: [
    ...ADDRESSES.flatMap((address) => [
      { service: 'sender', says: [EHLO, `MAIL FROM:<${address}>`, RCPT] },
      { service: 'sender, with dots', says: [EHLO, `MAIL FROM:<${address}>`, RCPT] },
      { service: 'recipient', says: [EHLO, MAIL, `RCPT TO:<${address}>`] },
    ]),
    { service: 'sender', says: [EHLO, 'MAIL FROM:<>', RCPT] },
    { service: 'null', says: [EHLO, 'MAIL FROM:<>', RCPT] },
    ...['127.0.2.1', '127.0.2.9', '127.0.3.1', '127.0.4.1'].map((client) => ({
      service: 'client',
      client,
      says: [EHLO, MAIL, RCPT],
    })),
    ...['only.test', 'sub.only.test', 'below.test', 'sub.below.test', 'ONLY.TEST', '[1.2.3.4]', 'com', 'x.com'].map(
      (name) => ({ service: 'helo', says: [`HELO ${name}`, MAIL, RCPT] }),
    ),
  ],
};

/** Patterns see the key in its own case. */
const patterns: Cases = {
  house: {
    name: 'access patterns',
    main: [],
    files: {
      regexp: [
        '/^(User)@([a-z.]*)$/ REJECT $1 at $2',
        '/^CASE/i REJECT exact case only',
        '!/(test)$/ REJECT not test',
        'if /@if\\.test$/',
        '/^(a)/ REJECT ${1} in if',
        '/^(b)/ 450 ${1} in if',
        'endif',
        '/^dollar/ REJECT costs $$5',
        '/^both/',
        '  REJECT on the next line',
        '/^(x)?opt/ REJECT [$1]',
        '',
      ].join('\n'),
      cidr: '127.0.5.0/24 REJECT five\n!127.0.0.0/8 REJECT not loopback\nif 127.0.6.0/24\n127.0.6.7 REJECT seven\nendif\n127.0.0.0/8 DUNNO\n',
    },
    services: {
      regexp: ['smtpd_sender_restrictions = check_sender_access regexp:$config_directory/regexp'],
      cidr: ['smtpd_client_restrictions = check_client_access cidr:$config_directory/cidr'],
    },
  },
  dialogs: [
    ...[
      'User@Full.test',
      'user@full.test',
      'CASE@x.test',
      'case@x.test',
      'a@x.org',
      'a@if.test',
      'b@if.test',
      'c@if.test',
      'dollar@x.test',
      'both@x.test',
      'xopt@x.test',
      'opt@x.test',
    ].map((address) => ({ service: 'regexp', says: [EHLO, `MAIL FROM:<${address}>`, RCPT] })),
    ...['127.0.5.1', '127.0.6.7', '127.0.6.8', '127.0.0.1'].map((client) => ({
      service: 'cidr',
      client,
      says: [EHLO, MAIL, RCPT, 'DATA', MESSAGE],
    })),
  ],
};

export const access: readonly Cases[] = [actions, keys, patterns];
