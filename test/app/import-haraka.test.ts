import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importHaraka } from '../../src/app/import-haraka.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder('import-haraka');
  mkdirSync(join(folder, 'haraka/config'), { recursive: true });
  mkdirSync(join(folder, 'haraka/plugins'));
});
afterEach(() => removeFolder(folder));

const write = (name: string, text: string): void => writeFileSync(join(folder, 'haraka', name), text);
const run = (): ReturnType<typeof importHaraka> =>
  importHaraka({ from: join(folder, 'haraka'), to: join(folder, 'to'), copyKeys: false });

test('the settings of its server become main.cf, and its plugins keep their files', () => {
  write('config/me', 'mail.example.com\n');
  write('config/host_list', '# ours\nexample.com\nexample.org\n');
  write('config/connection.ini', '[max]\nbytes=5000000\n[haproxy]\nhosts[] = 192.0.2.1\n');
  write('config/smtp.ini', 'listen=[::0]:25\nnodes=2\n');
  write('config/plugins', '# first\nhelo.checks\ntls\n');
  write('config/helo.checks.ini', '[reject]\nbare_ip=true\n');
  write('plugins/own.js', 'exports.hook_mail = (next) => next();\n');
  const { settings, written } = run();
  expect(written).toEqual([
    'myhostname = mail.example.com',
    'mydestination = example.com, example.org',
    'message_size_limit = 5000000',
  ]);
  expect(readFileSync(join(folder, 'to/main.cf'), 'utf8')).toContain('mydestination = example.com, example.org\n');
  expect(readFileSync(join(folder, 'to/plugins'), 'utf8')).toContain('haraka\n');
  expect(existsSync(join(folder, 'to/haraka/config/helo.checks.ini'))).toBe(true);
  expect(existsSync(join(folder, 'to/haraka/plugins/own.js'))).toBe(true);
  const here = Object.fromEntries(settings.map((one) => [one.name, one.here]));
  expect(here['smtp.ini: main.listen']).toContain('master.cf');
  expect(here['plugin helo.checks']).toBe('runs as it is');
  expect(here['plugin tls']).toContain('smtpd_tls_security_level');
});

test('a main.cf that is there stays as it is, and a private key where it is', () => {
  write('config/me', 'mail.example.com\n');
  write('config/tls_key.pem', '-----BEGIN PRIVATE KEY-----\n');
  mkdirSync(join(folder, 'to'));
  writeFileSync(join(folder, 'to/main.cf'), 'myhostname = mx.example.com\n');
  const { written, files } = run();
  expect(written).toEqual([]);
  expect(readFileSync(join(folder, 'to/main.cf'), 'utf8')).toBe('myhostname = mx.example.com\n');
  expect(files.find(({ name }) => name === 'config/tls_key.pem')?.state).toBe('key');
});

test('a folder that is not Haraka’s is named', () => {
  expect(() => importHaraka({ from: folder, to: join(folder, 'to'), copyKeys: false })).toThrow(
    /there is no folder config/,
  );
});
