/**
 * Parameters about where mail comes from, beside a real Postfix: which mail is looked at for UTF-8, and notifications of
 * our own that are filtered (internal_mail_filter_classes).
 */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { BINARY } from '../kit/launch.ts';
import { maillogOf } from './conversation.ts';
import { type House, startInteropHouse } from './house.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, ran, until } from './program.ts';

const SIDES = ['ours', 'theirs'] as const;
type Side = (typeof SIDES)[number];
/** Of our master.cf; the server shifts it. */
const LOOKING_PORT = 1260;
const sinks = {} as Record<Side, { readonly relay: Sink; readonly filter: Sink }>;
let looking: Record<Side, number>;
let house: House;
let postfix: Postfix;
let bin: string;

beforeAll(async () => {
  for (const side of SIDES) sinks[side] = { relay: await openSink({ hideSMTPUTF8: true }), filter: await openSink() };
  const main = (side: Side): string[] => [
    'myhostname = mail.interop.example',
    'mydestination =',
    'notify_classes =',
    'mynetworks = 127.0.0.0/8',
    `relayhost = [127.0.0.1]:${sinks[side].relay.port}`,
    'internal_mail_filter_classes = bounce',
    `header_checks = regexp:{{/^Subject: Undelivered/ FILTER smtp:[127.0.0.1]:${sinks[side].filter.port}}}`,
  ];
  const row = 'inet n - n - - smtpd -o smtputf8_autodetect_classes=all';
  const theirs = await freePort();
  postfix = await startPostfix({ main: main('theirs'), services: [`127.0.0.1:${theirs} ${row}`] });
  house = await startInteropHouse({
    names: [],
    main: main('ours'),
    files: { 'master.cf': `smtp inet n - n - - smtpd\n${LOOKING_PORT} ${row}\n` },
  });
  looking = { ours: house.port(LOOKING_PORT), theirs };
  bin = temporaryFolder('bin');
  for (const folder of [bin, house.folders.root]) chmodSync(folder, 0o755);
  await ran(process.execPath, [
    BINARY,
    'install-links',
    bin,
    '--config',
    house.folders.config,
    '--data',
    house.folders.data,
  ]);
});
afterAll(async () => {
  await house?.stop();
  await postfix?.stop();
  removeFolder(bin);
  for (const side of SIDES) for (const sink of Object.values(sinks[side] ?? {})) await sink.close();
});

const logOf = (side: Side): string => (side === 'theirs' ? postfix.said() : maillogOf(house).join('\n'));

async function submit(side: Side, port: number, to: string, text: string): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 30_000 });
  await client.smtp();
  for (const line of ['EHLO c', 'MAIL FROM:<a@from.test>', `RCPT TO:<${to}>`, 'DATA']) await client.smtp(line);
  const answer = await client.smtp(`${text.replaceAll('\n', '\r\n')}\r\n.`);
  client.close();
  if (!answer.startsWith('250')) throw new Error(`${side}: ${answer}`);
}

const byCommand = (side: Side, to: string, input: string): Promise<string> =>
  side === 'ours'
    ? ran(join(bin, 'sendmail'), ['-f', 'a@from.test', to], { input })
    : ran('sendmail', ['-f', 'a@from.test', to], { input, env: { MAIL_CONFIG: postfix.config } });

async function fateOf(side: Side, to: string): Promise<string> {
  const line = new RegExp(`to=<${to}>, .*dsn=([^,]*), status=(\\w+) \\((.*)\\)`);
  await until(`the log about ${to} of ${side}`, async () => line.test(logOf(side)));
  return (line.exec(logOf(side)) ?? [])
    .slice(1)
    .join(' ')
    .replaceAll(/\]:\d+/g, ']:PORT');
}

const IN_A_FIELD = 'Subject: gr\u00fc\u00dfe\n\nbody\n';
const IN_A_PART =
  'Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: gr\u00fc\u00dfe\n\nbody\n--b--\n';
const IN_THE_BODY = 'Subject: x\n\ngr\u00fc\u00dfe\n';

describe('P11: mail that is looked at for UTF-8', () => {
  it.each([
    ['the sendmail command, in a field', 'command', IN_A_FIELD],
    ['the sendmail command, in a part', 'command', IN_A_PART],
    ['the sendmail command, in the body', 'command', IN_THE_BODY],
    ['a session, in a field', 'session', IN_A_FIELD],
    ['a session that is looked at, in a field', 'looking', IN_A_FIELD],
    ['a session that is looked at, in the body', 'looking', IN_THE_BODY],
  ])('P11: %s', async (name, way, text) => {
    const to = `${name.replaceAll(/\W+/g, '-')}@far.test`;
    const fate = async (side: Side): Promise<string> => {
      const usual = side === 'ours' ? house.port(25) : postfix.port;
      if (way === 'command') await byCommand(side, to, text);
      else await submit(side, way === 'looking' ? looking[side] : usual, to, text);
      return fateOf(side, to);
    };
    const [theirs, ours] = await Promise.all([fate('theirs'), fate('ours')]);
    expect(ours).toBe(theirs);
  });
});

describe('P16: notifications of our own', () => {
  it('P16: header_checks see those of internal_mail_filter_classes, and may give them to a filter', async () => {
    for (const side of SIDES) {
      await byCommand(side, 'bounced@far.test', IN_A_FIELD);
      const bounces = (sink: Sink): unknown[] => sink.received.filter(({ text }) => text.includes('bounced@far.test'));
      await until(`the bounce at the filter of ${side}`, async () => bounces(sinks[side].filter).length > 0);
      expect(bounces(sinks[side].relay)).toEqual([]);
    }
  });
});
