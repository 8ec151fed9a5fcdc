/**
 * curl sends by SMTP, reads by POP3 and works in IMAP mailboxes, each in clear text with STARTTLS and with implicit
 * TLS.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { account, arrival, type House, MAIL_HOST, PASSWORD, search, startInteropHouse } from './house.ts';
import { type Ran, ran, run } from './program.ts';

let house: House;
let folder: string;

beforeAll(async () => {
  folder = temporaryFolder('curl');
  house = await startInteropHouse();
});
afterAll(async () => {
  await house?.stop();
  removeFolder(folder);
});

/** The certificate is verified, including its name, wherever TLS is used. */
const base = (): string[] => ['--silent', '--show-error', '--max-time', '20', '--cacert', house.certificate];
const named = (wellKnown: number): string[] => ['--resolve', `${MAIL_HOST}:${house.port(wellKnown)}:127.0.0.1`];
const login = (name: string): string[] => ['--user', `${account(name)}:${PASSWORD}`];

const message = (subject: string, body = 'Hello\r\n.\r\n..two dots\r\nend\r\n'): string =>
  `From: <${account('maomao')}>\r\nTo: <${account('xixi')}>\r\nSubject: ${subject}\r\n\r\n${body}`;

function send(
  scheme: string,
  wellKnown: number,
  subject: string,
  more: readonly string[] = login('maomao'),
  to = account('xixi'),
): Promise<Ran> {
  const file = join(folder, `${subject}.eml`);
  writeFileSync(file, message(subject));
  return run('curl', [
    ...base(),
    ...named(wellKnown),
    ...more,
    '--url',
    house.url(scheme, wellKnown, '/client.example'),
    '--mail-from',
    account('maomao'),
    '--mail-rcpt',
    to,
    '--upload-file',
    file,
  ]);
}

describe('S1: curl sends with a login', () => {
  it.each([
    ['smtp', 25, 'on 25 after STARTTLS', ['--ssl-reqd']],
    ['smtp', 587, 'on 587 after STARTTLS', ['--ssl-reqd']],
    ['smtps', 465, 'on 465 in TLS from the start', []],
    ['smtps', 465, 'with AUTH PLAIN', ['--login-options', 'AUTH=PLAIN']],
    ['smtps', 465, 'with AUTH LOGIN', ['--login-options', 'AUTH=LOGIN']],
    ['smtps', 465, 'with TLS 1.2', ['--tlsv1.2', '--tls-max', '1.2']],
    ['smtps', 465, 'with an initial response', ['--sasl-ir']],
  ] as const)('%s: %i %s', async (scheme, wellKnown, how, more) => {
    const subject = `curl ${scheme} ${how}`;
    const done = await send(scheme, wellKnown, subject, [...login('maomao'), ...more]);
    expect(done).toMatchObject({ code: 0, err: '' });
    await arrival(house, 'xixi', subject);
  });

  it('S2: without a login relaying is refused (curl: 55)', async () => {
    const done = await send('smtp', 25, 'relay', ['--ssl-reqd'], 'somebody@elsewhere.example');
    expect(done.code).toBe(55);
    expect(done.err).toContain('RCPT failed: 554');
  });

  it('S1: a wrong password is refused (curl: 67, login denied)', async () => {
    expect((await send('smtps', 465, 'wrong', ['--user', `${account('maomao')}:wrong`])).code).toBe(67);
  });

  it('T1: a certificate for another name is not accepted (curl: 60)', async () => {
    const done = await run('curl', [
      ...base(),
      '--resolve',
      `other.example:${house.port(993)}:127.0.0.1`,
      ...login('maomao'),
      `imaps://other.example:${house.port(993)}/INBOX`,
    ]);
    expect(done.code).toBe(60);
  });

  it('P8: VRFY and EXPN are answered', async () => {
    const done = await run('curl', [
      ...base(),
      ...named(25),
      '--ssl-reqd',
      '--mail-rcpt',
      'xixi',
      house.url('smtp', 25),
    ]);
    expect(done.out).toMatch(/^252 2\.0\.0 xixi/);
  });
});

describe.each([
  ['imap', 143, ['--ssl-reqd']],
  ['imaps', 993, []],
] as const)('D4: curl works in mailboxes by %s on %i', (scheme, wellKnown, tls) => {
  const imap = (path: string, ...more: string[]): Promise<string> =>
    ran('curl', [
      ...base(),
      ...named(wellKnown),
      ...tls,
      ...login('haha'),
      house.url(scheme, wellKnown, path),
      ...more,
    ]);

  it('D2: lists them, creates one and deletes it', async () => {
    expect(await imap('/')).toMatch(/^\* LIST \(.*\) "." "?INBOX"?\r$/m);
    await imap('/', '--request', 'CREATE "New one"');
    expect(await imap('/', '--request', 'LIST "" New*')).toContain('"New one"');
    await imap('/', '--request', 'DELETE "New one"');
    expect(await imap('/', '--request', 'LIST "" New*')).not.toContain('New one');
  });

  it('D2: a message added by APPEND is found by SEARCH and fetched unchanged, as a whole and in parts', async () => {
    const subject = `curl append ${scheme}`;
    const text = message(subject, `Grüße\r\n${'a line of text\r\n'.repeat(5000)}`);
    const file = join(folder, `${scheme}.eml`);
    writeFileSync(file, text);
    await imap('/Drafts', '--upload-file', file);
    const [uid] =
      /\* SEARCH (\d+)/.exec(await imap('/Drafts', '--request', `UID SEARCH HEADER Subject "${subject}"`))?.slice(1) ??
      [];
    expect(await imap(`/Drafts;UID=${uid}`)).toBe(text);
    expect(await imap(`/Drafts;UID=${uid};SECTION=TEXT`)).toBe(text.slice(text.indexOf('\r\n\r\n') + 4));
    expect(await imap(`/Drafts;UID=${uid};SECTION=HEADER.FIELDS%20(SUBJECT)`)).toBe(`Subject: ${subject}\r\n\r\n`);
    expect(await imap(`/Drafts?HEADER%20Subject%20%22${encodeURIComponent(subject)}%22`)).toMatch(
      /^\* SEARCH \d+\r\n$/,
    );
    expect(await imap('/Drafts', '--request', 'STATUS Drafts (MESSAGES UNSEEN)')).toContain(
      '* STATUS Drafts (MESSAGES',
    );
  });

  it('D3: flags set by STORE are visible to another session', async () => {
    await imap('/Drafts', '--request', 'STORE 1 +FLAGS (\\Flagged)');
    expect(await search(house, 'haha', 'FLAGGED', 'Drafts')).toContain(1);
  });

  it('a missing mailbox is an error (curl: 67, its code for every refused SELECT)', async () => {
    const done = await run('curl', [
      ...base(),
      ...named(wellKnown),
      ...tls,
      ...login('haha'),
      house.url(scheme, wellKnown, '/Nowhere;UID=1'),
    ]);
    expect(done).toMatchObject({ code: 67, err: expect.stringContaining('Select failed') });
  });
});

describe.each([
  ['pop3', 110, ['--ssl-reqd']],
  ['pop3s', 995, []],
] as const)('D2: curl reads by %s on %i', (scheme, wellKnown, tls) => {
  const pop3 = (path: string, ...more: string[]): Promise<string> =>
    ran('curl', [
      ...base(),
      ...named(wellKnown),
      ...tls,
      ...login('maomao'),
      house.url(scheme, wellKnown, path),
      ...more,
    ]);

  it('lists, retrieves with dots unstuffed, shows the top, and deletes', async () => {
    const subject = `curl ${scheme}`;
    expect((await send('smtps', 465, subject, login('xixi'), account('maomao'))).code).toBe(0);
    await arrival(house, 'maomao', subject);
    const list = (await pop3('/')).trimEnd().split('\r\n');
    const [number, size] = list.at(-1)?.split(' ') ?? [];
    const text = await pop3(`/${number}`);
    expect(Buffer.byteLength(text)).toBe(Number(size));
    expect(text.endsWith(message(subject).slice(message(subject).indexOf('\r\n\r\n')))).toBe(true);
    expect(text).toMatch(
      new RegExp(
        `^Return-Path: <${account('maomao')}>\r\nX-Original-To: ${account('maomao')}\r\nDelivered-To: ${account('maomao')}\r\n`.replaceAll(
          '.',
          '\\.',
        ),
      ),
    );
    expect(await pop3('/', '--request', `TOP ${number} 1`)).toMatch(/^Return-Path: [\s\S]*\r\n\r\nHello\r\n$/);
    expect((await pop3('/', '--request', 'UIDL')).trimEnd().split('\r\n')).toHaveLength(list.length);
    await pop3(`/${number}`, '--request', 'DELE', '--head');
    expect(await search(house, 'maomao', `SUBJECT "${subject}"`)).toEqual([]);
  });
});

it('D1: a password in clear text is refused from other addresses than our own, as in Dovecot', async () => {
  const from = (address: string): Promise<Ran> =>
    run('curl', [
      '--silent',
      '--show-error',
      '--max-time',
      '10',
      '--interface',
      address,
      ...named(143),
      ...login('maomao'),
      house.url('imap', 143, '/'),
    ]);
  expect((await from('127.0.0.66')).code).toBe(67);
  expect((await from('127.0.0.1')).code).toBe(0);
});
