/**
 * Checks of header and body, compared with a real Postfix: the same tables and the same messages go to both. Both must
 * say the same, hand the same on, and log the same.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { wholeLines } from '../kit/json-lines.ts';
import { SmtpClient } from '../kit/smtp-client.ts';
import { CASES, type CheckCase, type CheckConfiguration, CONFIGURATIONS, DIALOGS } from './check-cases.ts';
import { type House, startInteropHouse } from './house.ts';
import { withoutTrace } from './octets.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, until } from './program.ts';

const FIRST_PORT = 1660;
const OUT = {
  smtp_header_checks: [
    '/^X-Out-Replace: (.*)/ REPLACE X-Out: [$1]',
    '/^X-Out-Ignore/ IGNORE',
    '/^X-Out-Strip/ STRIP word',
    '/^X-Out-Info/ INFO word',
    '/^X-Out-Warn/ WARN',
    '/^X-Out-Prepend/ PREPEND X-Before: y',
    '/^X-Out-Bad-Prepend/ PREPEND no header',
    '/^X-Out-Bad-Replace/ REPLACE',
    '/^X-Out-(Reject|Hold|Discard|Filter|Bcc|Redirect)/ $1 x',
    '/^X-Out-Content/ INFO never',
  ],
  smtp_mime_header_checks: ['/^X-Out-Part/ REPLACE X-Part: y', '/^Content-Type: (x-out.*)/ INFO $1'],
  smtp_nested_header_checks: ['/^X-Out-Nested/ IGNORE'],
  smtp_body_checks: [
    '/^out replace (.*)/ REPLACE .$1',
    '/^out ignore/ IGNORE',
    '/^out prepend/ PREPEND before',
    '/^out reject/ REJECT x',
  ],
};

const COMMON = [
  'mynetworks = 127.0.0.0/8',
  'always_add_missing_headers = yes',
  'undisclosed_recipients_header = To: undisclosed-recipients:;',
  'smtpd_client_connection_count_limit = 0',
  'smtpd_peername_lookup = no',
  'smtpd_error_sleep_time = 0',
  'smtp_line_length_limit = 0',
  'header_size_limit = 102400',
  'myorigin = origin.example',
  'recipient_delimiter = +',
  'propagate_unmatched_extensions = generic',
  'smtp_generic_maps = inline:{{joe@origin.example=gen@isp.example},{@lan.example=all@isp.example},{bare=barex},{x+y@z.example=xyz},{x@z.example=xz@isp.example},{r9@far.example=other@isp.example}}',
];

let folder: string;
let house: House;
let postfix: Postfix;
const sinks: Partial<Record<'ours' | 'theirs', Sink>> = {};
const ports = new Map<string, { ours: number; theirs: number }>();

function tableFile(name: string, lines: readonly string[]): string {
  const path = join(folder, name.replaceAll(' ', '-'));
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  chmodSync(path, 0o644);
  return `regexp:${path}`;
}

const overrides = (name: string, { tables = {}, settings = [] }: CheckConfiguration): string =>
  [
    ...Object.entries(tables).map(([parameter, lines]) => `${parameter}=${tableFile(`${name}-${parameter}`, lines)}`),
    ...settings,
  ]
    .map((setting) => ` -o ${setting}`)
    .join('');

beforeAll(async () => {
  folder = temporaryFolder('checks');
  chmodSync(folder, 0o755);
  const outgoing = Object.entries(OUT).map(([parameter, lines]) => `${parameter} = ${tableFile(parameter, lines)}`);
  sinks.ours = await openSink();
  sinks.theirs = await openSink();
  const rows: { name: string; ours: number; theirs: number; options: string }[] = [];
  for (const [i, [name, configuration]] of Object.entries(CONFIGURATIONS).entries()) {
    const row = { name, ours: FIRST_PORT + i, theirs: await freePort(), options: overrides(name, configuration) };
    rows.push(row);
    ports.set(name, row);
  }
  const dialogs: { name: string; ours: number; theirs: number; options: string }[] = [];
  for (const [i, [name, { settings }]] of Object.entries(DIALOGS).entries()) {
    const options = settings.map((setting) => ` -o ${setting}`).join('');
    const row = { name, ours: FIRST_PORT + 50 + i, theirs: await freePort(), options };
    dialogs.push(row);
    ports.set(name, row);
  }
  postfix = await startPostfix({
    main: [...COMMON, ...outgoing, `relayhost = [127.0.0.1]:${sinks.theirs.port}`, 'myhostname = mail.interop.example'],
    services: [
      ...dialogs.map(({ theirs, options }) => `127.0.0.1:${theirs} inet n - n - - smtpd${options}`),
      ...rows.flatMap(({ theirs, options }) => [
        `127.0.0.1:${theirs} inet n - n - - smtpd -o cleanup_service_name=cleanup${theirs}`,
        `cleanup${theirs} unix n - n - 0 cleanup${options} -o syslog_name=postfix`,
      ]),
    ],
  });
  house = await startInteropHouse({
    names: [],
    main: [...COMMON, ...outgoing, `relayhost = [127.0.0.1]:${sinks.ours.port}`],
    files: {
      'master.cf': [...rows, ...dialogs]
        .map(({ ours, options }) => `${ours} inet n - n - - smtpd${options}\n`)
        .join(''),
    },
  });
});
afterAll(async () => {
  await house?.stop();
  await postfix?.stop();
  await sinks.ours?.close();
  await sinks.theirs?.close();
  if (folder !== undefined) removeFolder(folder);
});

interface LogLine {
  readonly process: string;
  readonly message: string;
}

function theirLog(): LogLine[] {
  return [...postfix.said().matchAll(/postfix\/(\w+)\[\d+\]: (.*)/g)].map(([, process = '', message = '']) => ({
    process,
    message: message.replace(/^warning: /, ''),
  }));
}

function ourLog(): LogLine[] {
  return wholeLines(readFileSync(join(house.folders.data, 'log', 'mail.jsonl'), 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { process?: string; msg?: string })
    .map(({ process = '', msg = '' }) => ({ process: process.replace(/^.*\//, ''), message: msg }));
}

const PROCESSES = new Set(['cleanup', 'smtp', 'smtpd']);
/** What is not about checks. */
const OTHER = /message-id=|header Received:|status=|TLS|connect from|: client=|: (?:hold|discard): (?!header|body)/;
const said = (lines: readonly LogLine[]): string[] =>
  lines
    .filter(({ process, message }) => PROCESSES.has(process) && !OTHER.test(message))
    .map(({ message }) => message.replace(/^[0-9A-Za-z]{8,20}: /, '').replace(/[\x00-\x1f\x7f]/g, '?'));

interface Outcome {
  readonly reply: string;
  readonly mail: readonly string[];
  readonly log: readonly string[];
}

async function send(port: number, to: readonly string[], message: string): Promise<string> {
  const client = await SmtpClient.open(port);
  try {
    await client.reply();
    await client.run('EHLO client.example', 'MAIL FROM:<a@far.example> BODY=8BITMIME');
    await client.run(...to.map((one) => `RCPT TO:<${one}>`), 'DATA');
    client.send(Buffer.from(`${message.replace(/^\./gm, '..')}.\r\n`, 'latin1'));
    const answer = await client.reply();
    await client.say('QUIT');
    return answer;
  } finally {
    client.destroy();
  }
}

function portOf(who: 'ours' | 'theirs', name: string): number {
  const { ours, theirs } = ports.get(name) ?? { ours: 0, theirs: 0 };
  return who === 'ours' ? house.port(ours) : theirs;
}

const SERVERS = { ours: ourLog, theirs: theirLog };

async function outcome(who: 'ours' | 'theirs', one: CheckCase): Promise<Outcome> {
  const log = SERVERS[who];
  const sink = sinks[who];
  if (sink === undefined) throw new Error('no sink');
  const before = { log: log().length, mail: sink.received.length };
  const to = Array.from({ length: one.recipients ?? 1 }, (_one, i) => `r${i}@far.example`);
  const answer = await send(portOf(who, one.by), to, one.message);
  const id = /queued as (\S+)/.exec(answer)?.[1];
  const isOver = ({ message }: LogLine): boolean =>
    id === undefined || (message.startsWith(`${id}: `) && /: (?:removed|hold|discard)\b/.test(message));
  const isLeft = ({ process, message }: LogLine): boolean =>
    process === 'smtpd' && message.startsWith('disconnect from');
  let lines: LogLine[] = [];
  await until('all to be handed on and logged', async () => {
    lines = log().slice(before.log);
    return lines.some(isOver) && lines.some(isLeft);
  });
  return {
    reply: answer.replace(/queued as \S+/, 'queued'),
    mail: sink.received
      .slice(before.mail)
      .map(
        (mail) =>
          `${[...mail.to].sort().join(' ')}\n${withoutTrace(mail.text).replace(/^(Resent-Message-Id|Resent-Date): .*$/gm, '$1: -')}`,
      )
      .sort(),
    log: said(lines),
  };
}

async function expectSame(one: CheckCase): Promise<void> {
  const [ours, theirs] = await Promise.all([outcome('ours', one), outcome('theirs', one)]);
  expect(ours).toEqual(theirs);
}

describe('P9: checks of header and body', () => {
  it.each(CASES)('$name', async (one) => {
    await expectSame(one);
  });

  it('a held message waits in the queue', async () => {
    await expectSame({ name: 'hold', by: 'actions', message: 'Subject: hold\r\n\r\nx\r\n' });
  });
});

const OUTGOING: Readonly<Record<string, string>> = {
  fields: `${['Replace: a\r\n b', 'Ignore: x', 'Strip: x', 'Info: x', 'Warn: x', 'Prepend: x', 'Bad-Prepend: x', 'Bad-Replace: x'].map((field) => `X-Out-${field}\r\n`).join('')}\r\nx\r\n`,
  'actions of cleanup alone': `${['Reject', 'Hold', 'Discard', 'Filter', 'Bcc', 'Redirect'].map((field) => `X-Out-${field}: x\r\n`).join('')}\r\nx\r\n`,
  lines: 'Subject: s\r\n\r\nout replace dot\r\nout ignore\r\nout prepend\r\nout reject\r\nend\r\n',
  parts:
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-Out-Part: a\r\nX-Out-Nested: kept\r\nContent-Type: message/rfc822\r\n\r\nX-Out-Nested: x\r\nX-Out-Ignore: kept\r\n\r\nout ignore\r\nx\r\n--b--\r\n',
};

const GENERIC: Readonly<Record<string, string>> = {
  'every field': `${['From', 'To', 'Cc', 'Reply-To', 'Sender', 'Errors-To', 'Return-Receipt-To', 'Disposition-Notification-To', 'Apparently-To', 'Resent-From', 'Resent-To', 'Resent-Cc', 'Resent-Sender', 'Resent-Reply-To', 'Mail-Followup-To', 'Mail-Reply-To', 'X-From', 'Delivered-To'].map((name) => `${name}: a@lan.example\r\n`).join('')}\r\nFrom: a@lan.example\r\n`,
  'kinds of addresses':
    'From: "Joe" <JOE@Origin.example>, "a.b"@lan.example\r\nTo: x+ext@z.example, x+y@z.example, <>, (c), group: a@lan.example, q@else.example;, Joe <a@lan.example>\r\nCc: q@else.example,   unchanged@else.example\r\n\r\nx\r\n',
  'a long field': `To: ${Array.from({ length: 12 }, () => 'a@lan.example').join(', ')}\r\n\r\nx\r\n`,
  'parts of a message': 'Content-Type: message/rfc822\r\nFrom: a@lan.example\r\n\r\nFrom: a@lan.example\r\n\r\nx\r\n',
};

describe('P11: smtp_generic_maps', () => {
  it.each(Object.entries(GENERIC))('%s', async (name, message) => {
    await expectSame({ name, by: 'two tables', message });
  });
});

describe('P9: checks of mail that leaves', () => {
  it.each(Object.entries(OUTGOING))('%s', async (name, message) => {
    await expectSame({ name, by: 'two tables', message });
  });
});

async function dialog(who: 'ours' | 'theirs', name: string, lines: readonly string[]): Promise<string[]> {
  const client = await SmtpClient.open(portOf(who, name));
  const answers: string[] = [];
  try {
    await client.reply();
    for (const line of lines) {
      const answer = await client.say(line);
      // What a server offers is not compared here.
      answers.push(`${line}: ${answer.startsWith('250-') ? '250' : answer}`);
    }
  } finally {
    client.destroy();
  }
  return answers;
}

describe('P8: refusals', () => {
  it.each(Object.entries(DIALOGS))('%s', async (name, { say }) => {
    const [ours, theirs] = await Promise.all([dialog('ours', name, say), dialog('theirs', name, say)]);
    expect(ours).toEqual(theirs);
  });
});
