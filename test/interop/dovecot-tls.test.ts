/** Terms of TLS in dovecot.conf: OpenSSL's client agrees on the same with a real Dovecot 2.3 and with ours. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer } from '../kit/server.ts';
import { makeCertificates } from './certificates.ts';
import { startDovecot } from './dovecot.ts';
import { run } from './program.ts';

const CONFIGURATIONS: Readonly<Record<string, readonly string[]>> = {
  defaults: [],
  'a version and curves': ['ssl_min_protocol = TLSv1.3', 'ssl_curve_list = P-384'],
  'ciphers of the server': [
    'ssl_cipher_list = ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384',
    'ssl_prefer_server_ciphers = yes',
    'ssl_cipher_suites = TLS_CHACHA20_POLY1305_SHA256',
  ],
};
const SHAKES: readonly (readonly string[])[] = [
  [],
  ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
  ['-tls1_2'],
  ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256'],
  ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-SHA'],
  ['-tls1_3', '-ciphersuites', 'TLS_AES_128_GCM_SHA256'],
  ['-groups', 'X25519'],
];

const folder = temporaryFolder('dovecot-tls');
let certificate = '';

async function shake(port: number, options: readonly string[]): Promise<string> {
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-starttls', 'imap', ...options];
  const { out } = await run('openssl', args, { input: 'x LOGOUT\n', timeoutMs: 20_000 });
  const [, version, cipher] = /^New, (\S+), Cipher is (\S+)$/m.exec(out) ?? [];
  const key = /^Server Temp Key: ([^,\n]*, [^,\n]*)/m.exec(out)?.[1] ?? '';
  return cipher === undefined || cipher === '(NONE)' ? 'refused' : `${version} ${cipher} ${key}`;
}

describe('D1: TLS of IMAP as in Dovecot', () => {
  beforeAll(async () => {
    const made = await makeCertificates({ mail: { host: 'mail.ours.test' } });
    for (const ending of ['pem', 'key']) writeFileSync(join(folder, ending), made[`mail.${ending}`] ?? '');
    certificate = `ssl = yes\nssl_cert = <${join(folder, 'pem')}\nssl_key = <${join(folder, 'key')}\n`;
  });
  afterAll(() => removeFolder(folder));

  it.each(Object.keys(CONFIGURATIONS))('%s', async (name) => {
    const more = `${certificate}${CONFIGURATIONS[name]?.join('\n')}\n`;
    const theirs = await startDovecot('password', more);
    const ours = await startServer({
      portOffset: await freeOffset(),
      files: { 'main.cf': 'inet_interfaces = 127.0.0.1\n', 'dovecot.conf': `protocols = imap\n${more}` },
    });
    try {
      const both = async (port: number): Promise<Record<string, string>> => {
        const seen: Record<string, string> = {};
        for (const options of SHAKES) seen[options.join(' ')] = await shake(port, options);
        return seen;
      };
      expect(await both(ours.port(143))).toEqual(await both(theirs.port));
    } finally {
      await Promise.all([ours.stop(), theirs.stop()]);
    }
  });
});
