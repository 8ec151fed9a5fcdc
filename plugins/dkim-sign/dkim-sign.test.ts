import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer, type TestServerOptions } from '../../src/authoring/test-server.ts';
import { KeyFolder } from '../../src/lookup/dkim/key-folder.ts';
import { OpenDkimTables } from '../../src/lookup/dkim/opendkim-tables.ts';
import { temporaryFolder } from '../../test/kit/folder.ts';

const USER = 'user@example.test';
const FAR = 'friend@far.example';
let server: TestServer;
afterEach(() => server?.close());

async function start(options: Partial<TestServerOptions> = {}): Promise<void> {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    worker: false,
    zones: { 'example.test': '' },
    ...options,
  });
}

/** To another server; the message as it waits in the queue. */
async function sent(letter: Partial<Parameters<TestServer['send']>[0]> = {}): Promise<string> {
  const header = { From: USER, To: FAR, Subject: 'x' };
  const answer = await server.send({ from: USER, to: FAR, header, text: 'Hello.', ...letter });
  expect(answer).toMatch(/^250/);
  const [, queueId] = /queued as (\w+)/.exec(answer) ?? [];
  return (await server.queued()).find((one) => one.queueId === queueId)?.text ?? '';
}
const signers = (message: string): string[] =>
  message
    .slice(0, message.indexOf('\r\n\r\n'))
    .split(/\r\n(?=\S)/)
    .filter((field) => field.startsWith('DKIM-Signature:'))
    .map((field) => [/\ba=([\w-]+)/, /\bd=([\w.-]+)/].map((tag) => tag.exec(field)?.[1]).join(' '));
const BOTH = ['rsa-sha256 example.test', 'ed25519-sha256 example.test'];

/** As another server would: it asks the name server of the house. */
async function verified(message: string): Promise<readonly string[]> {
  const { results } = await dkimVerify(Buffer.from(message), {
    resolver: async (name: string) => ((await server.lookUp(name, 'TXT')) as string[][]).map((one) => one.flat()),
  });
  return results.map(({ status }) => status.result);
}

describe('S9: dkim-sign', () => {
  it('signs what a user sends to other servers, by keys that it makes, and its name server publishes them', async () => {
    await start();
    const message = await sent({ user: USER });
    expect(signers(message)).toEqual(BOTH);
    expect(await verified(message)).toEqual(['pass', 'pass']);
    const again = await sent({ ip: '192.0.2.7' });
    expect(signers(again)).toEqual(BOTH);
    expect(/s=([\w-]+)/.exec(again)?.[1]).toBe(/s=([\w-]+)/.exec(message)?.[1]);
    expect(await server.metric('posthorn_plugin_dkim_sign_messages_total', { result: 'signed' })).toBe(2);
    const { msg } = await server.logged(/^a key was made for example\.test/);
    expect(msg).toMatch(
      /rsa-\d{8}-[0-9a-f]{6}\._domainkey\.example\.test shows: posthorn domain records example\.test$/,
    );
  });

  it('the names of keys exist for every question, also the one above them; others do not', async () => {
    await start();
    const [, selector] = /s=([\w-]+)/.exec(await sent({ user: USER })) ?? [];
    const code = async (name: string, type: 'A' | 'TXT'): Promise<string> =>
      server.lookUp(name, type).then(
        () => 'records',
        (error: NodeJS.ErrnoException) => error.code ?? '',
      );
    expect(await code(`${selector}._domainkey.example.test`, 'A')).toBe('ENODATA');
    expect(await code('_domainkey.example.test', 'TXT')).toBe('ENODATA');
    expect(await code('other._domainkey.example.test', 'TXT')).toBe('ENOTFOUND');
    expect(await code(`${selector}._domainkey.far.example`, 'TXT')).toBe('ENOTFOUND');
  });

  it('signs nothing for strangers, for other domains, for mail that is accepted again, and nothing without one From', async () => {
    await start({ mainCf: { virtual_alias_maps: 'inline:{ out@example.test=friend@far.example }' } });
    expect(signers(await sent({ to: 'out@example.test' }))).toEqual([]);
    expect(signers(await sent({ user: USER, header: { From: 'a@other.test', To: FAR } }))).toEqual([]);
    expect(signers(await sent({ user: USER, message: 'From: a@localhost\n\nx\n' }))).toEqual([]);
    const twice = await sent({ user: USER, message: `From: ${USER}\nFrom: b@example.test\n\nx\n` });
    expect(signers(twice)).toEqual([]);
    await server.logged(/: not signed: it has 2 From fields$/);
    // What stays here is not signed either.
    expect(await server.send({ from: USER, to: USER, user: USER })).toMatch(/^250/);
    expect(signers((await server.messages(USER))[0]?.text ?? '')).toEqual([]);
  });

  it('signs what the server itself writes, such as a bounce', async () => {
    const virtual_alias_maps = 'inline:{ away@example.test=x@gone.example }';
    await start({ mainCf: { transport_maps: 'inline:{ gone.example=error:gone }', virtual_alias_maps } });
    const letter = { from: FAR, to: 'away@example.test', header: { From: FAR }, ip: '192.0.2.7' };
    expect(await server.send(letter)).toMatch(/^250/);
    // It waits only until its first attempt.
    let bounce = '';
    const look = async (): Promise<readonly string[]> => {
      bounce = (await server.queued()).find(({ recipient }) => recipient === FAR)?.text ?? bounce;
      return signers(bounce);
    };
    await expect.poll(look, { timeout: 20_000 }).toEqual(BOTH);
    expect(await verified(bounce)).toEqual(['pass', 'pass']);
  });

  it('a letter of a stranger with our From, that comes back from a filter, is not signed', async () => {
    await start({
      mainCf: {
        content_filter: 'smtp:[127.0.0.1]:9',
        virtual_alias_maps: 'inline:{ out@example.test=friend@far.example }',
      },
      files: {
        'master.cf': 'smtp inet n - n - - smtpd\n  -o smtpd_upstream_proxy_protocol=haproxy\n  -o content_filter=\n',
      },
    });
    expect(signers(await sent({ to: 'out@example.test', ip: '192.0.2.7' }))).toEqual([]);
    expect(signers(await sent({ user: USER }))).toEqual(BOTH);
  });

  it('signs long messages and text of 8 bits as they are sent', async () => {
    await start();
    for (const text of ['你好 \r\n\r\n', `${'x'.repeat(70)} \t y\n`.repeat(20_000), '']) {
      const message = await sent({ user: USER, text });
      expect(await verified(message)).toEqual(['pass', 'pass']);
    }
  });

  it('a key is in a file of its own that nobody else reads, and two that make one get two selectors', async () => {
    const folder = temporaryFolder('dkim');
    const made: string[] = [];
    const read = () => new KeyFolder(folder).signing('example.test', 0, ({ selector }) => made.push(selector));
    const keys = await read();
    expect((await read()).map(({ selector }) => selector)).toEqual(keys.map(({ selector }) => selector));
    expect(made).toEqual([expect.stringMatching(/^rsa-19700101-/), expect.stringMatching(/^ed-19700101-/)]);
    const files = readdirSync(join(folder, 'example.test')).map((name) => join(folder, 'example.test', name));
    expect(files).toHaveLength(2);
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'example.test')).mode & 0o777).toBe(0o700);
    const [file = ''] = files;
    chmodSync(file, 0o644);
    await expect(read()).rejects.toThrow(`${file} can be read or written by everybody: chmod 600 ${file}`);
    await expect(new KeyFolder(folder).signing('../x', 0, () => {})).rejects.toThrow('"../x" is no name of a domain');
    await expect(new KeyFolder(folder).all('../example.test')).resolves.toEqual([]);
  });
});

describe("S9: dkim-sign with OpenDKIM's tables", () => {
  const keys = temporaryFolder('dkim');
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' });
  const files = {
    'dkim/KeyTable': `# keys\nmine example.test:mail:${keys}/mail.private\nany %:s2:${keys}/mail.private\n`,
    'dkim/SigningTable': '*@example.test mine\n*@*.example.test any\n',
    'dkim/TrustedHosts': '203.0.113.0/24 # the office\n',
  };
  writeFileSync(join(keys, 'mail.private'), String(key), { mode: 0o600 });
  writeFileSync(join(keys, 'odd.private'), 'secret\n', { mode: 0o600 });
  const opendkim = {
    key_table: 'file:/etc/dkim/KeyTable',
    signing_table: 'refile:/etc/dkim/SigningTable',
    internal_hosts: '/etc/dkim/TrustedHosts',
  };

  it('signs as they say', async () => {
    const mainCf = { virtual_alias_maps: 'inline:{ out@example.test=friend@far.example }' };
    await start({ files, mainCf, config: { 'dkim-sign': { opendkim } } });
    const from = (address: string) => sent({ to: 'out@example.test', header: { From: address, To: FAR } });
    expect(signers(await from(USER))).toEqual(['rsa-sha256 example.test']);
    expect(signers(await from('a@Sub.example.test'))).toEqual(['rsa-sha256 sub.example.test']);
    expect(signers(await from('a@far.example'))).toEqual([]);
    const outside = { from: 'a@far.example', to: 'out@example.test', ip: '198.51.100.7' };
    expect(signers(await sent({ ...outside, header: { From: USER, To: FAR } }))).toEqual([]);
  });

  it('without its key the mail comes again, or goes out unsigned with "onError": "pass"', async () => {
    const missing = { ...files, 'dkim/KeyTable': 'mine %:mail:/etc/dkim/%.private\n', 'dkim/SigningTable': '* mine\n' };
    await start({ files: missing, config: { 'dkim-sign': { opendkim } } });
    const header = { From: USER, To: FAR };
    expect(await server.send({ from: USER, to: FAR, header, user: USER })).toMatch(/^451 4\.3\.0 /);
    await server.logged(/dkim-sign: sign .*ENOENT.*example\.test\.private/);
    await server.reload({ 'dkim-sign': { opendkim, onError: 'pass' } });
    expect(signers(await sent({ user: USER }))).toEqual([]);
  });

  it.each([
    [{ 'dkim/KeyTable': 'mine example.test:mail\n' }, /KeyTable:1: expected "NAME DOMAIN:SELECTOR:\/path/],
    [{ 'dkim/SigningTable': '\n*@example.test his\n' }, /SigningTable:2: expected an address and the name of a key of/],
    [{ 'dkim/SigningTable': 'x\n' }, /SigningTable:1: expected two words/],
    [
      { 'dkim/KeyTable': `mine x.test:s:${keys}/odd.private\nany x.test:t:${keys}/odd.private\n` },
      /odd\.private: expected is a private key in PEM/,
    ],
  ])('what is wrong in them is told with its line, and nothing of a key (%#)', async (wrong, message) => {
    const fault = await start({ files: { ...files, ...wrong }, config: { 'dkim-sign': { opendkim } } }).then(
      () => '',
      String,
    );
    expect(fault).toMatch(message);
    expect(fault).not.toContain('secret');
  });

  it('a table that is no list of patterns is looked up in the order of opendkim.conf(5)', () => {
    const folder = temporaryFolder('dkim');
    const [keys, signing] = [join(folder, 'k'), join(folder, 's')];
    const names = ['user@a.b.test', 'b.test', 'user@.test', '.b.test', 'user@*', '*'];
    writeFileSync(keys, names.map((_, at) => `k${at} d${at}.test:s:/k`).join('\n'));
    const find = (rows: readonly string[], address: string): string | undefined => {
      writeFileSync(signing, rows.map((row) => `${row} k${names.indexOf(row)}`).join('\n'));
      const tables = new OpenDkimTables(keys, { path: signing, isPatterns: false }, (path) => path);
      return tables.find(address)?.domain;
    };
    for (let from = 0; from < names.length; from += 1) {
      const expected = [0, 2, 2, 3, 4, 5][from];
      expect(find(names.slice(from), 'User@A.b.test')).toBe(`d${expected}.test`);
    }
    expect(find(names, 'x@b.test')).toBe('d1.test');
    expect(find(['user@*'], 'x@b.test')).toBeUndefined();
  });
});
