/** Accounts with the hashes of a real `doveadm pw`, in a passwd-file that a real Dovecot reads, log in here too. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { type Finished, finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, startServer, type TestServer } from '../kit/server.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { ran } from './program.ts';

/** Schemes that both verify, and those that are told by name. */
const SCHEMES = [
  'SHA512-CRYPT',
  'SHA256-CRYPT',
  'BLF-CRYPT',
  'SSHA256',
  'SSHA512',
  'SHA256',
  'PBKDF2',
  'SCRAM-SHA-256',
  'SMD5',
  'PLAIN',
  'CRAM-MD5',
];
const OTHERS = ['MD5-CRYPT'];

let root: string;
let dovecot: Dovecot;
let server: TestServer;
let imported: Finished;

const hashOf = async (scheme: string, password: string): Promise<string> =>
  (await ran('doveadm', ['pw', '-s', scheme, '-p', password])).trim();

beforeAll(async () => {
  root = temporaryFolder('accounts');
  chmodSync(root, 0o755);
  const rows: string[] = [];
  for (const scheme of [...SCHEMES, ...OTHERS])
    rows.push(`${scheme.toLowerCase()}:${await hashOf(scheme, `pw of ${scheme}`)}::::::`);
  const bare = await hashOf('SHA512-CRYPT', 'bare');
  rows.push(`bare:${bare.replace('{SHA512-CRYPT}', '')}:1000:1000::/home/bare::userdb_quota_rule=*:storage=1G`);
  rows.push('asleep:{PLAIN}asleep:::::: nologin');
  writeFileSync(join(root, 'users'), `# people\n\n${rows.join('\n')}\n`);
  dovecot = await startDovecot('no account has it', `passdb {\n  driver = passwd-file\n  args = ${root}/users\n}\n`);
  const folders = makeFolders({
    'main.cf':
      'compatibility_level = 3.6\nmyhostname = mail.example.org\nmydomain = example.org\nmyorigin = $mydomain\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\nalias_maps =\n',
    'dovecot.conf': 'protocols = imap\ndisable_plaintext_auth = no\n',
  });
  imported = await finish([
    'import',
    'accounts',
    join(root, 'users'),
    '--config',
    folders.config,
    '--data',
    folders.data,
  ]);
  server = await startServer({ files: {}, portOffset: await freeOffset(), folders });
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await dovecot?.stop();
  removeFolder(root);
});

async function login(port: number, user: string, password: string): Promise<string> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 30_000 });
  await client.line();
  const answer = (await client.imap('l', `LOGIN "${user}" "${password}"`)).at(-1) ?? '';
  client.close();
  return answer.slice(0, 4);
}

it.each([...SCHEMES.map((scheme) => [scheme.toLowerCase(), `pw of ${scheme}`]), ['bare', 'bare']])(
  'D1: %s logs in on both',
  async (user = '', password = '') => {
    expect(await login(dovecot.port, user, password)).toBe('l OK');
    expect(await login(server.port(143), user, password)).toBe('l OK');
  },
);

it('D1: what cannot be taken over is told by its name, and no hash becomes a password', async () => {
  expect(imported).toMatchObject({ code: 0 });
  expect(imported.out).toMatch(
    /md5-crypt@example\.org +needs a new password, for its MD5-crypt hash cannot be verified here/,
  );
  expect(imported.out).toContain('no effect here: userdb_quota_rule');
  expect(imported.out).toContain('14 accounts made, 0 were there already, 0 refused.');
  expect(imported.out).not.toMatch(/\{|\$6\$/);
  expect(await login(server.port(143), 'md5-crypt', 'pw of MD5-CRYPT')).toBe('l NO');
  expect(await login(server.port(143), 'asleep', 'asleep')).toBe('l NO');
  const again = await server.command(['import', 'accounts', join(root, 'users')]);
  expect(again).toContain('0 accounts made, 14 were there already, 0 refused.');
});
