import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importOpenDkim } from '../../src/app/import-opendkim.ts';
import { startTestServer } from '../../src/authoring/test-server.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder('import-opendkim');
  mkdirSync(join(folder, 'keys'));
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'keys/mail.private'), privateKey.export({ type: 'pkcs1', format: 'pem' }), {
    mode: 0o600,
  });
});
afterEach(() => removeFolder(folder));

const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const run = (text: string) => importOpenDkim(write('opendkim.conf', text), join(folder, 'to'));

/** Whether a server with what was imported signs. */
async function signs(config: object, files: readonly string[]): Promise<string> {
  await using server = await startTestServer({
    plugins: [fileURLToPath(new URL('../../plugins/dkim-sign', import.meta.url))],
    config: { 'dkim-sign': config },
    files: Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, 'to', name), 'utf8')])),
    worker: false,
  });
  const letter = { from: 'user@example.test', to: 'a@far.example', header: { From: 'user@example.test' } };
  await server.send({ ...letter, user: 'user@example.test' });
  return /^DKIM-Signature:.*?\bs=\w+/ms.exec((await server.queued())[0]?.text ?? '')?.[0].replace(/\s+/g, ' ') ?? '';
}

test('S9: its tables are used as they are, and a server signs with them', async () => {
  write('KeyTable', `k example.test:old:${folder}/keys/mail.private\n`);
  write('SigningTable', '*@example.test k\n');
  write('TrustedHosts', '127.0.0.1\n203.0.113.0/24\n');
  const report = run(
    `# Debian\nSyslog yes\nKeyTable ${folder}/KeyTable\nSigningTable refile:${folder}/SigningTable\nInternalHosts ${folder}/TrustedHosts\nMode sv\n`,
  );
  const config = {
    opendkim: {
      key_table: 'dkim/KeyTable',
      signing_table: 'refile:dkim/SigningTable',
      internal_hosts: 'dkim/TrustedHosts',
    },
  };
  expect(report.config).toEqual(config);
  expect(JSON.parse(readFileSync(join(folder, 'to/plugins.d/dkim-sign.json'), 'utf8'))).toEqual(config);
  expect(report.settings.map(({ name, line, here }) => `${name} ${line}: ${here}`)).toEqual([
    'Syslog 2: no meaning here',
    ...['KeyTable 3', 'SigningTable 4', 'InternalHosts 5'].map((one) => `${one}: taken over`),
    'Mode 6: this signs; the plugin mail-auth verifies',
  ]);
  expect(await signs(report.config, ['dkim/KeyTable', 'dkim/SigningTable', 'dkim/TrustedHosts'])).toMatch(
    /a=rsa-sha256;.*d=example\.test; s=old$/,
  );
});

test('S9: one key for some domains becomes tables; a second import changes nothing', async () => {
  const text = `Domain example.test, example.org\nKeyFile ${folder}/keys/mail.private\nSelector s1\nInternalHosts 192.0.2.1,10.0.0.0/8\n`;
  const report = run(text);
  expect(report.config).toMatchObject({ also_clients: ['192.0.2.1', '10.0.0.0/8'] });
  expect(readFileSync(join(folder, 'to/dkim/SigningTable'), 'utf8')).toBe(
    '*@example.test example.test\n*@example.org example.org\n',
  );
  expect(await signs(report.config, ['dkim/KeyTable', 'dkim/SigningTable'])).toMatch(/s=s1$/);
  expect(run(text).isWritten).toBe(false);
});

test.each([
  ['Syslog yes\n', /it names no key/],
  ['KeyTable ldap://x\nSigningTable refile:/x\n', /only files are understood/],
])('what cannot be taken over is told: %j', (text, message) => {
  expect(() => run(text)).toThrow(message);
});
