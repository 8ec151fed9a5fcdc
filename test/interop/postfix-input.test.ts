/**
 * The octets of incoming messages, compared with a real Postfix: the same octets go to both, and both must store the
 * same message except for trace lines. Line ends, stray CRs, dots, the end of DATA, BDAT, long headers.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { ENDINGS, playEnding, RECIPIENT } from '../server/smtp/endings.ts';
import { openHouse } from '../server/smtp/house.ts';
import { DOMAIN, type House, openMailbox, startInteropHouse } from './house.ts';
import { bdat, converse, data, type Exchange, replyTo, typed, withoutTrace } from './octets.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, ran, until } from './program.ts';

/** Services that differ in a few parameters; the port is ours, Postfix uses any free one. */
const SERVICES = {
  normalize: { port: 1640, settings: ['smtpd_forbid_bare_newline=normalize'] },
  no: { port: 1641, settings: ['smtpd_forbid_bare_newline=no'] },
  reject: { port: 1642, settings: ['smtpd_forbid_bare_newline=reject'] },
  excluded: {
    port: 1643,
    settings: ['smtpd_forbid_bare_newline=normalize', 'smtpd_forbid_bare_newline_exclusions=127.0.0.0/8'],
  },
} as const;
type ServiceName = keyof typeof SERVICES;

/** In Postfix, these are parameters of cleanup. */
const SMALL_HEADERS = { port: 1644, settings: ['header_size_limit=200'] };
const STRAY_CRS = { port: 1645, settings: ['cleanup_replace_stray_cr_lf=no'] };

/** As `smtpd`, for log lines. */
const PLAIN = {
  port: 1648,
  settings: ['message_size_limit=60000', 'smtpd_forbid_bare_newline=normalize', 'syslog_name=postfix/plain'],
};

const COMMON = [
  'smtpd_forbid_bare_newline_exclusions =',
  'always_add_missing_headers = yes',
  'undisclosed_recipients_header = To: undisclosed-recipients:;',
  'smtpd_client_connection_count_limit = 0',
  'smtpd_peername_lookup = no',
  // What follows an early end of a message is answered line by line: if a server disconnected, its replies could be
  // lost.
  'smtpd_forbidden_commands =',
  'smtpd_hard_error_limit = 1000',
  'smtpd_error_sleep_time = 0',
  'smtp_line_length_limit = 0',
];

const H = 'Subject: s\r\n';
const fields = (count: number, length: number): string =>
  Array.from({ length: count }, (_one, i) => `X-${i}: ${'v'.repeat(length)}\r\n`).join('');
const folded = (name: string, count: number, line: string): string => `${name}: a\r\n${` ${line}\r\n`.repeat(count)}`;

const DATA: Readonly<Record<string, string>> = {
  plain: `${H}\r\nbody\r\n`,
  empty: '',
  'a header alone': H,
  'a blank line first': `\r\n${H}\r\nbody\r\n`,
  'no field first': `hello\r\n${H}\r\nbody\r\n`,
  'a blank first': ` x\r\n${H}\r\nbody\r\n`,
  'no field within': `${H}hello world\r\nTo-Do: y\r\n\r\nbody\r\n`,
  'a line of blanks': `${H}  \r\nT: y\r\n\r\nbody\r\n`,
  'blanks before the colon': 'Subject : s\r\nT\t \t: y\r\n\r\nbody\r\n',
  'a mailbox line': `From a b\r\n${H}\r\nbody\r\n`,
  'a quoted mailbox line': `>>From a b\r\n${H}\r\nbody\r\n`,
  'a mailbox line later': `${H}From a b\r\n\r\nbody\r\n`,
  'Bcc and Return-Path': `Bcc: a,\r\n b\r\n${H}Return-Path: <x>\r\nX: y\r\n\r\nBcc: body\r\n`,
  'a CR within the header': 'Subject: x\rX-Injected: yes\r\nT: y\r\n\r\nbody\r\n',
  'a CR at the end of a field': 'Subject: s\r\r\nT: y\r\n\r\nbody\r\n',
  'two CRs at the end of a field': 'Subject: s\r\r\r\nT: y\r\n\r\nbody\r\n',
  'a CR on the blank line': `${H}\r\r\nT: y\r\n\r\nbody\r\n`,
  'a CR in a name': 'Sub\rject: s\r\nT: y\r\n\r\nbody\r\n',
  'CRs alone in the header': 'Subject: s\r\r\rT: y\r\rbody\r\n',
  'LF CR in the header': 'Subject: s\n\rT: y\r\n\r\nbody\r\n',
  'LF in the header': 'Subject: s\nT: y\n\nbody\n',
  'CR LF CR in the header': 'Subject: s\r\n\rT: y\r\n\r\nbody\r\n',
  'LF LF ends a header': `Subject: s\n\nT: y\r\n`,
  'a CR in the body': `${H}\r\na\rb\r\n`,
  'CRs at the ends of lines': `${H}\r\na\r\r\nb\r\r\r\nc\r\n`,
  'LF CR in the body': `${H}\r\na\n\rb\r\n`,
  'CR CR': `${H}\r\n\r\ra\r\r\n\r\r\n`,
  'LF in the body': `${H}\r\na\nb\n\nc\n`,
  'LF everywhere': 'Subject: s\n\na\n..b\n...\nc\n',
  'a stuffed dot behind CRLF': `${H}\r\n..b\r\n...\r\n.c\r\n`,
  'a stuffed dot behind LF': `${H}\r\na\n..b\n...\n.c\r\n`,
  'a stuffed dot behind CR': `${H}\r\na\r..b\r.c\r\n`,
  'a dot first': `.${H}\r\nbody\r\n`,
  'two dots first': `..${H}\r\nbody\r\n`,
  'a dot before the blank line': `${H}.\r.\r\n\r\nbody\r\n`,
  'LF . LF': `${H}\r\na\n.\nb\r\n`,
  'LF . CRLF': `${H}\r\na\n.\r\nb\r\n`,
  'CRLF . LF': `${H}\r\na\r\n.\nb\r\n`,
  'CRLF . CR': `${H}\r\na\r\n.\rb\r\n`,
  'CRLF . CRCRLF': `${H}\r\na\r\n.\r\r\nb\r\n`,
  'CR . CR': `${H}\r\na\r.\rb\r\n`,
  'CR . CRLF': `${H}\r\na\r.\r\nb\r\n`,
  'CR . LF': `${H}\r\na\r.\nb\r\n`,
  'CRCRLF . CRLF': `${H}\r\na\r\r\n.\r\nNOOP\r\n`,
  'LF . CRLF and the end': `${H}\r\na\n.\r\n`,
  'LF . LF . CRLF': `${H}\r\na\n.\n.\r\nb\r\n`,
  'dots behind LF': `${H}\r\na\n.\n..\n...\n.\r.\n..\r\n`,
  'LFs first': '\n\nbody\r\n',
  'LF . LF first': `.\n${H}\r\nbody\r\n`,
  'eight bits': `Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\n\xff\xfe\x80\r\n`,
  'control characters': `${H}\r\n\x01\x1b[0m\x7f\x0b\x0c\r\n`,
  'long lines': `${H}\r\n${'y'.repeat(2047)}\r\n${'z'.repeat(2048)}\r\n${'w'.repeat(70_000)}\r\n`,
  'a dot in a long line': `${H}\r\n${'y'.repeat(2048)}.z\r\n`,
  'a smuggled message': `${H}\r\na\n.\nMAIL FROM:<evil@far.example>\nRCPT TO:<one@${DOMAIN}>\nDATA\nSubject: evil\n\nevil\n.\n\r\n`,
  'a header of 150 KB': `${fields(1500, 92)}${H}MIME-Version: 1.0\r\n\r\nbody\r\n`,
  'one field of 150 KB': `X: ${'v'.repeat(150_000)}\r\n${H}\r\nbody\r\n`,
  'one folded field of 150 KB': `${folded('X', 1500, 'v'.repeat(97))}${H}\r\nbody\r\n`,
  'a Bcc of 150 KB': `${folded('Bcc', 1500, 'v'.repeat(97))}${H}\r\nbody\r\n`,
  'a header of 3 MB': `${fields(30_000, 92)}${H}\r\nbody\r\n`,
};

/** With header_size_limit = 200. */
const SMALL: Readonly<Record<string, string>> = {
  'one line': `X: ${'v'.repeat(500)}\r\n${H}\r\nbody\r\n`,
  'one very long line': `X: ${'v'.repeat(9000)}\r\n more\r\n${H}\r\nbody\r\n`,
  'exactly the limit': `X: ${'v'.repeat(197)}\r\n w\r\n${H}\r\nbody\r\n`,
  'one under the limit': `X: ${'v'.repeat(196)}\r\n w\r\n x\r\n${H}\r\nbody\r\n`,
  'short folds': `${folded('X', 100, '1234567')}${H}\r\nbody\r\n`,
  'long folds': `${folded('X', 10, 'v'.repeat(97))}${H}\r\nbody\r\n`,
  'a long fold early': `X: a\r\n ${'v'.repeat(300)}\r\n b\r\n${H}\r\nbody\r\n`,
  'a long fold late': `X: ${'a'.repeat(185)}\r\n ${'v'.repeat(9000)}\r\n b\r\n${H}\r\nbody\r\n`,
  'a long name': `${'N'.repeat(300)}: v\r\n${H}\r\nbody\r\n`,
  'many fields': `${fields(100, 10)}${H}\r\nbody\r\n`,
  'a long Bcc': `${folded('Bcc', 100, '1234567')}${H}\r\nbody\r\n`,
  'a long mailbox line': `From ${'v'.repeat(300)}\r\n${H}\r\nbody\r\n`,
  'the last field': `${H}X: ${'v'.repeat(500)}\r\n`,
  'long fields in a row': `X: ${'v'.repeat(300)}\r\nY: ${'w'.repeat(300)}\r\n\r\n${'x'.repeat(500)}: body\r\n`,
};

const BDAT: readonly Exchange[] = [
  bdat('one chunk', [`${H}\r\nbody\r\n`]),
  bdat('dots', [`${H}\r\n.\r\n..\r\n.a\r\n`]),
  bdat('no last line end', [`${H}\r\nbody`]),
  bdat('a header alone without a line end', ['Subject: s']),
  bdat('LF', ['Subject: s\n\na\n..b\n.\n']),
  bdat('a CR at the end', [`${H}\r\na\r`]),
  bdat('a CR at the end of a chunk', [`${H}\r\na\r`, 'b\r\n']),
  bdat('a CR before CRLF in two chunks', [`${H}\r\na\r`, '\r\nb\r\n']),
  bdat('an empty last chunk', [`${H}\r\nbody\r\n`, '']),
  bdat('an empty chunk', [`${H}\r\nbody`, '', 'more\r\n']),
  bdat('three chunks within a line', ['Sub', 'ject: s\r\n\r', '\nbody\r\n']),
];

/** Postfix disconnects after a command that looks like a header line. */
const HEADER_BEHIND_END = /(?<=\n\.\r*\n.*)X: y/gs;

/** Pieces that matter when searching for lines and dots, split at any place. */
const soup = fc
  .tuple(
    fc.array(
      fc.constantFrom(
        '\r',
        '\n',
        '.',
        '\r\n',
        '\r\n.',
        '\n.',
        '\r.',
        'a',
        'X: y',
        ' ',
        '\t',
        '\r\r\n',
        '..',
        '\r\n\r\n',
      ),
      { maxLength: 25 },
    ),
    fc.array(fc.nat(200), { maxLength: 3 }),
  )
  .map(([pieces, cuts]) => {
    const text = `${H}${pieces.join('')}\r\n`.replace(HEADER_BEHIND_END, '');
    const edges = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length];
    return edges.slice(1).flatMap((edge, i) => (edge > (edges[i] ?? 0) ? [text.slice(edges[i], edge)] : []));
  });
const random = (seed: number, numRuns: number): Exchange[] =>
  fc.sample(soup, { seed, numRuns }).map((pieces, i) => data(`random ${seed}/${i} ${JSON.stringify(pieces)}`, pieces));

/** Names for HELO, in latin1 octets. */
const HELO_NAMES = [
  ...[
    'a',
    'a.b',
    'a_b.c',
    '-a.b',
    'a-.b',
    'a..b',
    '.a',
    'a.',
    'a.b.',
    '1.2.3.4',
    '1.2',
    '1',
    '1.2.3.4.',
    '1.2.3.256',
    '1.2.3.4.5',
    '0x7f.1',
    'a.1',
    '1a',
    '_',
    '*.a',
  ],
  ...[
    '[1.2.3.4]',
    '[1.2.3]',
    '[1.2.3.4',
    '[1.2.3.4]x',
    '[ 1.2.3.4]',
    '[1.2.3.4]:25',
    '[]',
    '[x]',
    '[::1]',
    '[IPv6:::1]',
    '[ipv6:fe80::1]',
    '[IPv6:]',
    '[IPv6:12345::]',
  ],
  ...[
    '[IPv6:1.2.3.4]',
    '[IPv6:::ffff:1.2.3.4]',
    '[IPv6:fe80::1%eth0]',
    '[IPv6:fe80::1%1]',
    '[IPv6:fe80::1%]',
    '[1.2.3.4%eth0]',
    'fe80::1',
    'fe80::1%1',
    '1.2.3.4%eth0',
    '%eth0',
  ],
  ...[
    'h\xc3\xb6f.test',
    'caf\xc3\xa9',
    '\xe2\x80\x8b.test',
    'h\xf6f.test',
    'a\x80',
    'xn--hf-fka.test',
    `${'a'.repeat(63)}.b`,
    `${'a'.repeat(64)}.b`,
  ],
  ...['a b', 'a@b', 'a!b', 'a+b', 'a:b', 'a#b', 'a/b', 'a,b'],
];
const HELO = {
  reject_invalid_helo_hostname: 1646,
  reject_non_fqdn_helo_hostname: 1647,
} as const;

let house: House;
let postfix: Postfix;
let sink: Sink;
let count = 0;
const postfixPorts = new Map<number, number>();

beforeAll(async () => {
  sink = await openSink();
  const helo = Object.entries(HELO).map(([restriction, port]) => ({
    port,
    settings: [`smtpd_helo_restrictions=${restriction}`, 'smtpd_delay_reject=no'],
  }));
  const all = [...Object.values(SERVICES), SMALL_HEADERS, STRAY_CRS, ...helo, PLAIN];
  for (const { port } of all) postfixPorts.set(port, await freePort());
  const override = (settings: readonly string[]): string => settings.map((setting) => ` -o ${setting}`).join('');
  const cleanups = [SMALL_HEADERS, STRAY_CRS];
  postfix = await startPostfix({
    main: [
      ...COMMON,
      'smtpd_client_connection_rate_limit = 0',
      `relayhost = [127.0.0.1]:${sink.port}`,
      'myhostname = mail.interop.example',
    ],
    services: [
      ...[...Object.values(SERVICES), ...helo, PLAIN].map(
        ({ port, settings }) => `127.0.0.1:${postfixPorts.get(port)} inet n - n - - smtpd${override(settings)}`,
      ),
      ...cleanups.flatMap(({ port, settings }) => [
        `127.0.0.1:${postfixPorts.get(port)} inet n - n - - smtpd -o smtpd_forbid_bare_newline=normalize -o cleanup_service_name=cleanup${port}`,
        `cleanup${port} unix n - n - 0 cleanup${override(settings)}`,
      ]),
    ],
  });
  house = await startInteropHouse({
    names: ['one'],
    main: [...COMMON, 'recipient_delimiter = +'],
    files: {
      'master.cf': [...all, { port: 25, settings: [] }]
        .map(({ port, settings }) => `${port} inet n - n - - smtpd${override(settings)}\n`)
        .join(''),
    },
  });
});
afterAll(async () => {
  await house?.stop();
  await postfix?.stop();
  await sink?.close();
});

interface Outcome {
  readonly name: string;
  readonly codes: readonly string[];
  readonly message: string | null;
}

const AT_ONCE = 6;

/** Sends each to both; returns the result on each. */
async function compare(port: number, exchanges: readonly Exchange[]): Promise<{ ours: Outcome[]; theirs: Outcome[] }> {
  const first = count;
  count += exchanges.length;
  const codes: { ours: string[]; theirs: string[] }[] = [];
  const work = exchanges.entries();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const [i, exchange] of work) {
        const from = 'source@far.example';
        const to = `one+${first + i}@${DOMAIN}`;
        const [ours, theirs] = await Promise.all([
          converse({ port: house.port(port), from, to }, exchange),
          converse({ port: postfixPorts.get(port) ?? 0, from, to }, exchange),
        ]);
        codes[i] = { ours, theirs };
      }
    }),
  );
  const theirs = await relayed(first, codes.map((one) => one.theirs.at(-1) === '250').filter(Boolean).length);
  const ours = await stored();
  const outcome = (who: 'ours' | 'theirs', messages: ReadonlyMap<number, string>): Outcome[] =>
    exchanges.map(({ name }, i) => ({ name, codes: codes[i]?.[who] ?? [], message: messages.get(first + i) ?? null }));
  return { ours: outcome('ours', ours), theirs: outcome('theirs', theirs) };
}

const numberOf = (recipient: string): number => Number(/one\+(\d+)@/.exec(recipient)?.[1] ?? -1);

async function relayed(first: number, expected: number): Promise<Map<number, string>> {
  const since = (): [number, string][] =>
    sink.received
      .map(({ to, text }) => [numberOf(to[0] ?? ''), withoutTrace(text)] as [number, string])
      .filter(([number]) => number >= first);
  await until('Postfix to hand all over', async () => since().length >= expected);
  return new Map(since());
}

/** Everything in the mailbox, which is then emptied. */
async function stored(): Promise<Map<number, string>> {
  const client = await openMailbox(house, 'one');
  const found = new Map<number, string>();
  try {
    const text = (await client.imap('f1', 'FETCH 1:* BODY.PEEK[]')).join('\r\n');
    for (let at = 0; ; ) {
      const literal = /^\* \d+ FETCH \(.*\{(\d+)\}\r\n/m.exec(text.slice(at, at + 200));
      if (literal === null) break;
      const start = at + literal.index + literal[0].length;
      const message = text.slice(start, start + Number(literal[1]));
      found.set(numberOf(/^Delivered-To: (.*)/m.exec(message)?.[1] ?? ''), withoutTrace(message));
      at = start + Number(literal[1]) + 3;
    }
    await client.imap('s1', 'STORE 1:* +FLAGS.SILENT (\\Deleted)');
    await client.imap('e1', 'EXPUNGE');
  } finally {
    client.close();
  }
  return found;
}

const brief = (outcome: Outcome | undefined): string =>
  JSON.stringify(outcome, (_key, value: unknown) => (typeof value === 'string' ? value.slice(0, 600) : value));

async function same(port: number, exchanges: readonly Exchange[]): Promise<void> {
  const { ours, theirs } = await compare(port, exchanges);
  const different = ours.flatMap((outcome, i) =>
    isDeepStrictEqual(outcome, theirs[i]) ? [] : [{ ours: brief(outcome), theirs: brief(theirs[i]) }],
  );
  expect(different).toEqual([]);
}

const table = (cases: Readonly<Record<string, string>>): Exchange[] =>
  Object.entries(cases).map(([name, body]) => data(name, body));

describe('message octets are stored as by Postfix', () => {
  it.each(Object.keys(SERVICES) as ServiceName[])('by DATA: %s', async (name) => {
    await same(SERVICES[name].port, table(DATA));
  });

  it.each(['normalize', 'no'] as const)('by BDAT: %s', async (name) => {
    await same(SERVICES[name].port, BDAT);
  });

  it('with header_size_limit, which applies to one field', async () => {
    await same(SMALL_HEADERS.port, table(SMALL));
  });

  it('with cleanup_replace_stray_cr_lf = no', async () => {
    await same(STRAY_CRS.port, table(DATA));
  });

  it.each([
    ['normalize', 150],
    ['no', 60],
    ['reject', 60],
  ] as const)('in any order of CR, LF, dots and text, however they are split: %s', async (name, runs) => {
    await same(SERVICES[name].port, random(20_261_126, runs));
  });
});

describe('replies to names, and log lines at the end of sessions, as in Postfix', () => {
  it.each(Object.keys(HELO) as (keyof typeof HELO)[])('%s accepts the same names', async (restriction) => {
    const port = HELO[restriction];
    for (const name of HELO_NAMES) {
      const [ours, theirs] = await Promise.all([
        replyTo(house.port(port), `HELO ${name}\r\n`),
        replyTo(postfixPorts.get(port) ?? 0, `HELO ${name}\r\n`),
      ]);
      expect([name, ours]).toEqual([name, theirs]);
    }
  });

  it('a lost connection and the command counts are logged in the same form', async () => {
    const recorder = await openHouse({ parameters: { message_size_limit: '60000' } });
    try {
      for (const ending of ENDINGS) {
        const ours = await playEnding(recorder.port, ending, () => recorder.log);
        const theirs = await playEnding(postfixPorts.get(PLAIN.port) ?? 0, ending, () =>
          postfix
            .said()
            .split('\n')
            .filter((line) => line.includes(' postfix/plain/smtpd[')),
        );
        expect([ending.name, theirs]).toEqual([ending.name, ending.log]);
        expect([ending.name, ours]).toEqual([ending.name, theirs]);
      }
      expect(recorder.taken[0]?.envelope.recipients[0]?.address).toBe(RECIPIENT);
    } finally {
      await recorder.close();
    }
  });
});

describe('clients that end lines with LF', () => {
  it('a dialog as sent by nc is accepted if Postfix accepts it, as in the tutorial', async () => {
    const dialog = (to: string): string =>
      `helo x\nmail from:<a@far.example>\nrcpt to:<${to}>\ndata\nSubject: nc\n\nhello\n..x\n.\nquit\n`;
    for (const name of ['no', 'excluded'] as const) {
      const to = `one+${count}@${DOMAIN}`;
      count += 1;
      const { port } = SERVICES[name];
      for (const at of [house.port(port), postfixPorts.get(port) ?? 0]) {
        const said = await typed(at, dialog(to));
        expect(said.match(/^\d{3}(?= )/gm)).toEqual(['220', '250', '250', '250', '354', '250', '221']);
      }
      const theirs = await relayed(count - 1, 1);
      expect(await stored()).toEqual(theirs);
    }
  });

  it("Python's smtplib.sendmail(…, msg.as_bytes()) stores the text as written", async () => {
    const script = [
      'import smtplib, sys',
      'from email.message import EmailMessage',
      'm = EmailMessage()',
      "m['Subject'] = 'python'",
      "m.set_content('one\\n.two\\n..three\\n.\\nfour\\n')",
      "s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))",
      "s.sendmail('a@far.example', [sys.argv[2]], m.as_bytes())",
      's.quit()',
    ].join('\n');
    const to = `one+${count}@${DOMAIN}`;
    count += 1;
    const { port } = SERVICES.normalize;
    for (const at of [house.port(port), postfixPorts.get(port) ?? 0])
      await ran('python3', ['-c', script, String(at), to]);
    const theirs = await relayed(count - 1, 1);
    const ours = await stored();
    expect(ours).toEqual(theirs);
    expect([...ours.values()][0]).toContain('\r\n\r\none\r\n.two\r\n..three\r\n.\r\nfour\r\n');
  });
});
