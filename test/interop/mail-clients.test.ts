/** Terminal mail programs: msmtp, mutt and s-nail send with a login, store a copy by IMAP, and read. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { account, arrival, type House, PASSWORD, search, section, startInteropHouse } from './house.ts';
import { ran, run } from './program.ts';

let house: House;
let folder: string;

beforeAll(async () => {
  folder = temporaryFolder('clients');
  house = await startInteropHouse();
});
afterAll(async () => {
  await house?.stop();
  removeFolder(folder);
});

const user = account('maomao');
const inUrl = (text: string): string => encodeURIComponent(text);

it.each([
  ['TLS from the start on 465', 465, 'off'],
  ['STARTTLS on 587', 587, 'on'],
] as const)('S1: msmtp sends with %s', async (how, wellKnown, startTls) => {
  const text = `From: <${user}>\nTo: <${account('xixi')}>\nSubject: msmtp ${how}\n\n.\nGrüße\n`;
  const options = [
    `--host=localhost`,
    `--port=${house.port(wellKnown)}`,
    '--tls=on',
    `--tls-starttls=${startTls}`,
    `--tls-trust-file=${house.certificate}`,
  ];
  const login = ['--auth=on', `--user=${user}`, `--passwordeval=printf %s '${PASSWORD}'`];
  await ran('msmtp', ['--file=/dev/null', ...options, ...login, `--from=${user}`, account('xixi')], { input: text });
  await arrival(house, 'xixi', `msmtp ${how}`);
});

it('S1: msmtp prints the reply of the server', async () => {
  const { out } = await run('msmtp', [
    '--file=/dev/null',
    '--serverinfo',
    '--host=localhost',
    `--port=${house.port(465)}`,
    '--tls=on',
    '--tls-starttls=off',
    `--tls-trust-file=${house.certificate}`,
  ]);
  expect(out).toMatch(/PIPELINING[\s\S]*DSN[\s\S]*AUTH:[\s\S]*PLAIN LOGIN/);
});

it('D5: mutt sends an attachment and stores a copy in Sent by IMAP, where it is visible', async () => {
  const rc = join(folder, 'muttrc');
  const file = join(folder, 'Anhang für xixi.bin');
  const octets = Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 7) % 256));
  writeFileSync(file, octets);
  writeFileSync(
    rc,
    [
      `set from = "${user}"`,
      'set realname = "Mao Mao 毛毛"',
      'set use_envelope_from = yes',
      `set smtp_url = "smtps://${inUrl(user)}@localhost:${house.port(465)}/"`,
      `set smtp_pass = "${PASSWORD}"`,
      `set folder = "imaps://${inUrl(user)}@localhost:${house.port(993)}/"`,
      `set imap_pass = "${PASSWORD}"`,
      'set record = "=Sent"',
      `set certificate_file = "${house.certificate}"`,
      'set ssl_usesystemcerts = no',
      'set charset = "utf-8"',
      'set send_charset = "us-ascii:utf-8"',
      'set copy = yes',
      '',
    ].join('\n'),
  );
  const done = await run('mutt', ['-n', '-F', rc, '-s', 'mutt 你好', '-a', file, '--', account('xixi')], {
    input: 'Grüße\n',
    env: { HOME: folder, TERM: 'dumb' },
  });
  expect(done, done.err).toMatchObject({ code: 0 });
  await arrival(house, 'xixi', 'mutt');
  const [number = 0] = await search(house, 'xixi', 'HEADER SUBJECT mutt');
  expect(Buffer.from((await section(house, 'xixi', number, '2')).toString('latin1'), 'base64')).toEqual(octets);
  const sent = await search(house, 'maomao', 'SEEN HEADER SUBJECT mutt', 'Sent');
  expect(sent).toHaveLength(1);
  expect(await section(house, 'maomao', sent[0] ?? 0, '2', 'Sent')).toEqual(await section(house, 'xixi', number, '2'));
});

it('D2: s-nail sends by SMTP and reads by POP3S and by IMAP', async () => {
  const options = [
    '-:/',
    '-Sv15-compat',
    '-Sttycharset=UTF-8',
    '-Ssendwait',
    `-Stls-ca-file=${house.certificate}`,
    '-Stls-ca-no-defaults',
    '-Stls-verify=strict',
  ];
  const send = [
    `-Sfrom=${user}`,
    `-Smta=smtps://${inUrl(user)}:${inUrl(PASSWORD)}@localhost:${house.port(465)}`,
    '-Ssmtp-auth=login',
    '-Shostname=client.example',
  ];
  const sent = await run('s-nail', [...options, ...send, '-s', 's-nail 你好', account('haha')], {
    input: 'Grüße\n',
    env: { HOME: folder },
  });
  expect(sent, sent.err).toMatchObject({ code: 0 });
  await arrival(house, 'haha', 's-nail');
  for (const url of [
    `pop3s://${inUrl(account('haha'))}:${inUrl(PASSWORD)}@localhost:${house.port(995)}`,
    `imaps://${inUrl(account('haha'))}:${inUrl(PASSWORD)}@localhost:${house.port(993)}/INBOX`,
  ]) {
    const read = await run('s-nail', [...options, '-R', '-Sheader', '-f', url], {
      input: 'headers\nprint 1\nxit\n',
      env: { HOME: folder },
    });
    expect(read.out, read.err).toContain('s-nail 你好');
    expect(read.out).toContain('Grüße');
  }
});
