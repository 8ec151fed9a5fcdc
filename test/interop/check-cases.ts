/**
 * Messages and tables of checks that go to two servers: each must say the same, log the same and hand the same on.
 * A configuration is a service of its own in both.
 */

export interface CheckConfiguration {
  /** Parameters of cleanup; a table's lines where the parameter names one. */
  readonly tables?: Readonly<Record<string, readonly string[]>>;
  readonly settings?: readonly string[];
}

export interface CheckCase {
  readonly name: string;
  readonly by: keyof typeof CONFIGURATIONS;
  /** Lines that end with CRLF, latin1. */
  readonly message: string;
  /** How many recipients; one if absent. */
  readonly recipients?: number;
}

const EVERYTHING = {
  header_checks: ['!/^Received:/ INFO header'],
  mime_header_checks: ['/./ INFO mime'],
  nested_header_checks: ['/./ INFO nested'],
  body_checks: ['/^/ INFO body'],
};

export const CONFIGURATIONS = {
  actions: {
    tables: {
      header_checks: [
        '/^Subject: reject4/ REJECT 4.7.5 come back later',
        '/^Subject: reject2/ REJECT 2.7.5 a wrong class',
        '/^Subject: reject5/ REJECT 5.9.9 an own code',
        '/^Subject: rejectcode/ REJECT 521 no code of a reply',
        '/^Subject: rejecttext/ REJECT go away',
        '/^Subject: reject/ reject',
        '/^Subject: warn$/ WARN',
        '/^Subject: warn text/ WARN look at this',
        '/^Subject: info (.*)/ INFO [$1] ${1}',
        '/^Subject: discard text/ DISCARD gone',
        '/^Subject: discard/ DISCARD',
        '/^Subject: hold/ HOLD wait',
        '/^Subject: filter none/ FILTER',
        '/^Subject: filter bad/ FILTER nowhere',
        '/^Subject: prepend none/ PREPEND',
        '/^Subject: prepend bad/ PREPEND no header',
        '/^Subject: prepend (.*)/ PREPEND X-Before: $1',
        '/^Subject: replace none/ REPLACE',
        '/^Subject: replace bad/ REPLACE no header',
        '/^Subject: replace (.*)/ REPLACE Subject: [$1]',
        '/^Subject: redirect bad/ REDIRECT nobody',
        '/^Subject: redirect (.*)/ REDIRECT $1@redirected.example',
        '/^Subject: bcc bad/ BCC nobody',
        '/^Subject: bcc (.*)/ BCC $1@copied.example',
        '/^Subject: strip/ STRIP with a word',
        '/^Subject: ignore/ IGNORE',
        '/^Subject: dunno/ DUNNO',
        '/^Subject: ok/ OK',
        '/^Subject: pass/ PASS on',
        '/^Subject: unknown/ Frobnicate it',
        '/^Subject:x/ INFO no blank behind the colon',
        '/^Date:/ IGNORE',
        '/^To:/ REPLACE X-To: y',
        '/^Bcc:/ INFO a Bcc is seen before it is dropped',
        '/^X-Mailbox-Line/ INFO mailbox line',
        '/^X-Later/ WARN looked at',
        '/^X-Two: a\\n[ \\t]b/ INFO two lines',
        '/^X-Any: a.*c/ INFO the dot is any character',
        '/^X-Case: (ABC)/ INFO was $1',
        '/^X-Utf: (.*)/ REPLACE X-Utf: <$1>',
        '/^X-Long: (v{200})/ INFO long',
        '/^X-Fold: (.*)$/ REPLACE X-Fold: {$1}',
        'if /^X-If/',
        '/inner/ INFO within if',
        '!/inner/ INFO not within if',
        'endif',
      ],
      body_checks: [
        '/^reject4/ REJECT 4.3.2 body later',
        '/^reject/ REJECT body',
        '/^$/ INFO an empty line is never looked up',
        '/^prepend (.*)/ PREPEND before $1',
        '/^replace (.*)/ REPLACE $1 is new',
        '/^ignore/ IGNORE',
        '/^strip/ STRIP',
        '/^warn/ WARN',
        '/^info/ INFO seen',
        '/^redirect/ REDIRECT body@redirected.example',
        '/^bcc/ BCC body@copied.example',
        '/^discard/ DISCARD gone',
        '/^field/ REPLACE X-Not: a field',
        '/^dot/ REPLACE .',
        '/^y{2000}/ INFO a piece of a long line',
        '/^z/ INFO z',
      ],
    },
  },
  received: {
    tables: {
      header_checks: ['/^Received: from .*with (E?SMTP)/ REPLACE X-Was: $1', '/^Subject: (.*)/ PREPEND X-Head: $1'],
    },
  },
  everything: { tables: EVERYTHING },
  'no parts': { tables: EVERYTHING, settings: ['disable_mime_input_processing=yes'] },
  'small limits': {
    tables: EVERYTHING,
    settings: ['body_checks_size_limit=10', 'mime_boundary_length_limit=3', 'mime_nesting_limit=2'],
  },
  'no body limit': { tables: { body_checks: ['/^a/ INFO a'] }, settings: ['body_checks_size_limit=0'] },
  'short fields': { tables: EVERYTHING, settings: ['header_size_limit=300'] },
  'header alone': { tables: { header_checks: ['/^Subject: a/ REJECT', '/^Content-Type: (.*)/ INFO [$1]'] } },
  'two tables': {
    tables: { header_checks: ['/^Subject: first/ INFO first'], body_checks: ['/^x/ INFO x'] },
  },
  strict_7bit_headers: { settings: ['strict_7bit_headers=yes'] },
  strict_8bitmime: { settings: ['strict_8bitmime=yes'] },
  strict_8bitmime_body: { settings: ['strict_8bitmime_body=yes'] },
  strict_mime_encoding_domain: { settings: ['strict_mime_encoding_domain=yes'] },
} as const satisfies Readonly<Record<string, CheckConfiguration>>;

const FROM = 'From: a@far.example\r\n';
const subject = (text: string): string => `Subject: ${text}\r\n${FROM}X-Later: y\r\n\r\nbody\r\n`;
const MIXED = `Subject: s\r\nContent-Type: multipart/mixed; boundary=abc\r\n\r\n`;

const ACTIONS = [
  'reject4',
  'reject2',
  'reject5',
  'rejectcode',
  'rejecttext',
  'reject',
  'warn',
  'warn text',
  'info a b',
  'INFO A b',
  'info a\r\n  folded\r\n\ttwice',
  'discard text',
  'discard',
  'filter none',
  'filter bad',
  'prepend none',
  'prepend bad',
  'prepend p',
  'prepend a\r\n b',
  'replace none',
  'replace bad',
  'replace r',
  'replace a\r\n b',
  'redirect bad',
  'redirect r',
  'bcc bad',
  'bcc c',
  'strip',
  'ignore',
  'dunno',
  'ok',
  'pass',
  'unknown',
  'something else',
];

const HEADERS: Readonly<Record<string, string>> = {
  'white space before the colon': 'Subject :x\r\n',
  'a mailbox line': 'From me today\r\nSubject: warn\r\n',
  'a field that is missing then': 'Date: Fri, 20 Nov 2026 22:33:01 +0000\r\nSubject: dunno\r\n',
  'a destination that is missing then': 'To: b@far.example\r\nSubject: dunno\r\n',
  'a Bcc': 'Bcc: a@x,\r\n b@x\r\nSubject: dunno\r\n',
  'two lines': 'X-Two: a\r\n b\r\n',
  'any character': 'X-Any: a\r\n b\r\n c\r\n',
  'capitals are kept': 'X-Case: aBc\r\n',
  'octets beyond US-ASCII': 'X-Utf: gr\xc3\xbc\xc3\x9fe\r\nX-Utf: \xff\xfe\r\n',
  'a long field': `X-Long: ${'v'.repeat(3000)}\r\n`,
  'a folded field': 'X-Fold: a\r\n b\r\n\tc\r\n',
  if: 'X-If: inner\r\nX-If: other\r\n',
  'no field': 'Subject: dunno\r\nno field\r\nX-Later: y\r\n',
  'a blank first': ' x\r\nX-Later: y\r\n',
};

const BODIES: Readonly<Record<string, string>> = {
  reject: 'reject\r\n',
  reject4: 'a\r\nreject4\r\n',
  changes: 'prepend it\r\nreplace this\r\nignore\r\nstrip\r\nwarn\r\ninfo\r\nREPLACE Case\r\nend\r\n',
  copies: 'bcc\r\nwarn\r\n',
  redirect: 'a\r\nredirect\r\nwarn\r\n',
  discard: 'discard\r\nreject\r\n',
  'nothing but an empty line': '\r\n',
  'a line that looks like a field': 'field\r\nwarn\r\n',
  'a dot alone': 'dot\r\nwarn\r\n',
  'long lines': `${'y'.repeat(5000)}\r\n${'z'.repeat(2047)}\r\n${'z'.repeat(2048)}\r\n${'z'.repeat(2049)}\r\nwarn\r\n`,
};

const STRUCTURES: Readonly<Record<string, string>> = {
  plain: `Subject: s\r\n\r\none\r\n\r\ntwo\r\n`,
  'a part': `${MIXED}before\r\n--abc\r\nX-P : q\r\nContent-Type: text/plain\r\n\r\ntext\r\n--abc--\r\nbehind\r\n`,
  'a part without a blank line': `${MIXED}--abc\r\nContent-Type: text/plain\r\nno field here\r\nmore\r\n--abc--\r\n`,
  'boundaries that only begin alike': `${MIXED}--abcdef\r\nA: b\r\n\r\nx\r\n--abc-\r\nC: d\r\n\r\n--abc--xx\r\nbehind\r\n`,
  'MIME fields': `Subject: s\r\nMIME-Version: 1.0\r\nContent-ID: <x>\r\nContent-Description: y\r\nContent-Disposition: z\r\nContent-Length: 3\r\nContent-Language: de\r\nContent-Transfer-Encoding: 7bit\r\n\r\nx\r\n`,
  'an enclosed message': 'Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: text/plain\r\n\r\nbody\r\n',
  'an enclosed message with a label':
    'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nSubject: in\r\n\r\nbody\r\n',
  'an enclosed message of RFC 6532': 'Content-Type: message/global\r\n\r\nSubject: in\r\n\r\nbody\r\n',
  'a part of a message': 'Content-Type: message/partial\r\n\r\nSubject: in\r\n\r\nbody\r\n',
  'messages in each other': 'Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nx\r\n',
  'an enclosed message without a header': 'Content-Type: message/rfc822\r\n\r\nno field\r\nX: y\r\n',
  'a digest': 'Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: in\r\n\r\nbody\r\n--d--\r\n',
  'two boundaries':
    'Content-Type: multipart/mixed; boundary="a b"; boundary=c\r\n\r\n--a b\r\nX: 1\r\n\r\n--c\r\nY: 2\r\n\r\n--a b--\r\n',
  'comments and quotes': 'Content-Type: multipart/mixed (c) ; boundary = "ab\\c" (d)\r\n\r\n--abc\r\nX: y\r\n\r\n',
  'no boundary': 'Content-Type: multipart/mixed\r\n\r\n--\r\nX: y\r\n\r\n',
  'an empty boundary': 'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\nX: y\r\n\r\n',
  'a boundary of RFC 2231': "Content-Type: multipart/mixed; boundary*=us-ascii''abc\r\n\r\n--abc\r\nX: y\r\n\r\n",
  'a boundary with an equals sign': 'Content-Type: multipart/mixed; boundary=abc=d/e\r\n\r\n--abc=d/e\r\nX: y\r\n\r\n',
  'a folded boundary': 'Content-Type: multipart/mixed;\r\n\tboundary="abc"\r\n\r\n--abc\r\nX: y\r\n\tz\r\n\r\n',
  'parts in parts': `${MIXED}--abc\r\nContent-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\nX: y\r\n\r\nz\r\n--q--\r\n--abc--\r\n`,
  'a part that is not closed': `${MIXED}--abc\r\nContent-Type: multipart/alternative; boundary=q\r\n\r\n--q\r\nX: y\r\n\r\nz\r\n--abc\r\nY: z\r\n\r\n--q\r\nno more\r\n`,
  'a header alone': 'Subject: s\r\nX: y\r\n',
  nothing: '',
};

const nested = (levels: number): string =>
  Array.from(
    { length: levels },
    (_one, i) =>
      `${i === 0 ? '' : `--${'abcdef'[i - 1]}\r\n`}Content-Type: multipart/mixed; boundary=${'abcdef'[i]}\r\n\r\n`,
  ).join('');

const STRICT: Readonly<Record<string, string>> = {
  'eight bits in the header': 'Subject: \xff\r\n\r\nx\r\n',
  'eight bits in the body': 'Subject: s\r\n\r\nok\r\nabc\xff\r\n',
  'eight bits that are announced': 'Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xff\r\n',
  'eight bits in base64': 'Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff\r\n',
  'eight bits before parts':
    'Content-Type: multipart/mixed; boundary=a\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xff\r\n--a\r\n\r\nx\r\n',
  'eight bits in a part':
    'Content-Type: multipart/mixed; boundary=a\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--a\r\n\r\n\xff\r\n',
  'eight bits in the header of a part': 'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nX: \xff\r\n\r\nx\r\n',
  'an encoded multipart': 'Content-Type: multipart/mixed; boundary=a\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n',
  'an encoded message': 'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx\r\n',
  'a partial message of 8 bits': 'Content-Type: message/partial\r\nContent-Transfer-Encoding: 8bit\r\n\r\nx\r\n',
  'an external body': 'Content-Type: message/external-body\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n',
  'another message': 'Content-Type: message/foo\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n',
};

const each = (by: CheckCase['by'], messages: Readonly<Record<string, string>>): CheckCase[] =>
  Object.entries(messages).map(([name, message]) => ({ name: `${by}: ${name}`, by, message }));

export const CASES: readonly CheckCase[] = [
  ...ACTIONS.map((text): CheckCase => ({ name: `Subject: ${text}`, by: 'actions', message: subject(text) })),
  ...Object.entries(HEADERS).map(
    ([name, header]): CheckCase => ({ name, by: 'actions', message: `${header}X-Later: y\r\n\r\nbody\r\n` }),
  ),
  ...Object.entries(BODIES).map(
    ([name, body]): CheckCase => ({ name: `body: ${name}`, by: 'actions', message: `Subject: dunno\r\n\r\n${body}` }),
  ),
  { name: 'the first text is no field', by: 'actions', message: 'Subject: dunno\r\nfield\r\nwarn\r\n' },
  { name: 'two recipients', by: 'actions', message: subject('warn'), recipients: 2 },
  { name: 'two recipients, redirected', by: 'actions', message: subject('redirect r'), recipients: 2 },
  { name: 'two recipients, copied', by: 'actions', message: subject('bcc c'), recipients: 2 },
  { name: 'two recipients, refused', by: 'actions', message: subject('reject'), recipients: 2 },
  { name: 'our own field', by: 'received', message: subject('s') },
  ...each('everything', STRUCTURES),
  ...each('no parts', {
    'a part': STRUCTURES['a part'] ?? '',
    'an enclosed message': STRUCTURES['an enclosed message'] ?? '',
  }),
  ...each('small limits', {
    plain: 'Subject: s\r\n\r\n12345\r\n678\r\n9\r\n0\r\n',
    'a short boundary':
      'Content-Type: multipart/mixed; boundary=abcd\r\n\r\n0123456789012\r\nno\r\n--abcX\r\n\r\n0123456789012\r\n123\r\n--abc--\r\nbehind the parts\r\nmore\r\n',
    'three levels': `${nested(3)}--c\r\nX: y\r\n\r\nz\r\n`,
    'four levels': `${nested(4)}--d\r\nX: y\r\n\r\nz\r\n`,
    'a long line': `Subject: s\r\n\r\n${'1'.repeat(3000)}\r\n2\r\n`,
  }),
  ...each('no body limit', { 'a long body': `Subject: s\r\n\r\n${'b\r\n'.repeat(40_000)}a\r\n` }),
  ...each('everything', { 'a body beyond the limit': `Subject: s\r\n\r\n${'0123456789\r\n'.repeat(4700)}` }),
  ...each('short fields', {
    'one line': `X: ${'v'.repeat(500)}\r\n y\r\nSubject: s\r\n\r\nbody\r\n`,
    folds: `X: a\r\n${` ${'1234567'}\r\n`.repeat(60)}Subject: s\r\n\r\nbody\r\n`,
    'a long fold late': `X: ${'a'.repeat(285)}\r\n ${'v'.repeat(900)}\r\n b\r\nSubject: s\r\n\r\nbody\r\n`,
    'within a part': `${MIXED}--abc\r\nX: ${'v'.repeat(500)}\r\nY: z\r\n\r\nbody\r\n`,
  }),
  ...each('header alone', {
    refused: 'Subject: a\r\n\r\nx\r\n',
    'with parts': STRUCTURES['parts in parts'] ?? '',
    'a megabyte': `${MIXED}--abc\r\nContent-Type: text/plain\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(13_000)}--abc\r\nContent-Type: image/png\r\n\r\nx\r\n--abc--\r\n`,
  }),
  ...each('two tables', { both: 'Subject: first\r\n\r\nx\r\n' }),
  ...(
    ['strict_7bit_headers', 'strict_8bitmime', 'strict_8bitmime_body', 'strict_mime_encoding_domain'] as const
  ).flatMap((by) => each(by, STRICT)),
];

/** Dialogs: the settings of a service, and what a client says. Both servers must answer the same. */
export const DIALOGS: Readonly<
  Record<string, { readonly settings: readonly string[]; readonly say: readonly string[] }>
> = {
  soft_bounce: {
    settings: [
      'soft_bounce=yes',
      '{ smtpd_recipient_restrictions = check_recipient_access inline:{{r1@far.example=REJECT},{r2@far.example=550 5.7.9 no}}, permit_mynetworks, reject }',
    ],
    say: [
      'FOO',
      'EHLO a',
      'MAIL FROM:<a@far.example>',
      'RCPT TO:<r1@far.example>',
      'RCPT TO:<r2@far.example>',
      'RCPT TO:<>',
      'VRFY',
      'DATA',
      'DATA x',
      'MAIL FROM:<a@far.example>',
    ],
  },
  'soft_bounce ends with 521': {
    settings: [
      'soft_bounce=yes',
      '{ smtpd_recipient_restrictions = check_recipient_access inline:{{r1@far.example=521 gone}}, permit_mynetworks, reject }',
    ],
    say: ['EHLO a', 'MAIL FROM:<a@far.example>', 'RCPT TO:<r1@far.example>', 'NOOP'],
  },
  smtpd_reject_footer: {
    settings: [
      '{ smtpd_reject_footer = For help, call\\n  $client_name $client_address $server_name <$sender> <$helo_name> ${helo_name?{said}:{silent}} $$5 }',
    ],
    say: [
      'FOO',
      'EHLO a.b',
      'MAIL FROM:<a@far.example>',
      'RCPT TO:<>',
      'DATA',
      'RCPT TO:<b@far.example>',
      'RSET',
      'FOO',
      'VRFY',
      'NOOP x',
    ],
  },
  'smtpd_reject_footer in the line': {
    settings: ['{ smtpd_reject_footer = \\c. Contact us. }', 'soft_bounce=yes'],
    say: ['FOO', 'EHLO a.b', 'MAIL FROM:<>', 'RCPT TO:<>', 'DATA'],
  },
  smtpd_forbidden_commands: {
    settings: ['{ smtpd_forbidden_commands = GET, FOO }'],
    say: ['BAR', 'get', 'NOOP'],
  },
  disable_vrfy_command: {
    settings: ['disable_vrfy_command=yes'],
    say: ['EHLO a', 'VRFY a@far.example', 'NOOP'],
  },
  smtpd_etrn_restrictions: {
    settings: ['smtpd_etrn_restrictions=reject'],
    say: ['EHLO a', 'ETRN far.example', 'ETRN', 'ETRN a b'],
  },
  'smtpd_etrn_restrictions by table': {
    settings: ['{ smtpd_etrn_restrictions = check_etrn_access inline:{{far.example=450 4.7.9 wait}} }'],
    say: ['EHLO a', 'ETRN far.example', 'ETRN .far.example'],
  },
  queue_minfree: {
    settings: ['queue_minfree=900000000000000'],
    say: ['EHLO a', 'MAIL FROM:<a@far.example>', 'RCPT TO:<b@far.example>', 'NOOP'],
  },
};
