/**
 * Certificates over the life of a server: what a reload and a restart do with files that vanish, expire or become more.
 */
import type { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../src/net/certificate.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Folders, makeFolders, startServer, type TestServer } from '../kit/server.ts';

const MAIN = 'compatibility_level = 3.6\nmyhostname = mail.example.test\ninet_interfaces = 127.0.0.1\n';
const NAMED = `${MAIN}smtpd_tls_chain_files = key.pem, cert.pem\n`;
const MASTER = 'smtps inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n';
const YEAR = 365.25 * 86_400_000;

let offset: number;
let folders: Folders;
let server: TestServer;
const edit = (name: string, text: string): void => writeFileSync(join(folders.config, name), text);
const remove = (name: string): void => rmSync(join(folders.config, name), { recursive: true });
const where = (): string[] => ['--data', folders.data, '--config', folders.config];
const reload = () => finish(['reload', ...where()]);

async function putCertificate(name: string, madeAt?: number): Promise<void> {
  const { certificate, key } = await makeCertificate([name], madeAt);
  edit('cert.pem', certificate);
  edit('key.pem', key);
}

function shown(port: number, servername = ''): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: port + offset, servername, rejectUnauthorized: false }, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate === undefined) reject(new Error('no certificate'));
      else resolve(certificate);
    });
    socket.once('error', reject);
  });
}

beforeAll(async () => {
  offset = await freeOffset();
  folders = makeFolders({ 'main.cf': MAIN, 'master.cf': MASTER, 'dovecot.conf': 'protocols = imap\n' });
  server = await startServer({ files: {}, folders, portOffset: offset });
});
afterAll(() => server.stop());

describe('certificates (T1)', () => {
  it('an added site gets its own certificate; the one that mail clients know stays; without sites HTTPS is closed', async () => {
    const before = await shown(993);
    mkdirSync(join(folders.config, 'www/www.example.test'), { recursive: true });
    expect((await reload()).out).toMatch(
      /tls\/www\.example\.test\.pem: created a self-signed certificate for www\.example\.test/,
    );
    expect((await shown(443, 'www.example.test')).checkHost('www.example.test')).toBe('www.example.test');
    expect((await shown(993)).fingerprint256).toBe(before.fingerprint256);

    remove('www');
    expect((await reload()).out).toMatch(/www: no host folders are left, HTTPS is closed/);
    await expect(shown(443)).rejects.toThrow('ECONNREFUSED');
  });

  it('if a configured file never existed, the generated certificate stays in use, with a note', async () => {
    edit('main.cf', NAMED);
    const { code, out } = await reload();
    expect(code).toBe(0);
    expect(out).toMatch(
      /main\.cf:4: smtpd_tls_chain_files: key\.pem: there is no such file; using .*tls\/mail\.example\.test\.pem, self-signed, instead/,
    );
  });

  it('a certificate that expires soon and one that has expired are reported', async () => {
    await putCertificate('named.example.test', Date.now() - 2 * YEAR + 5 * 86_400_000);
    expect((await reload()).out).toMatch(/warning: .*cert\.pem: the certificate expires on \d{4}-\d\d-\d\d, in 5 days/);
    await putCertificate('named.example.test', Date.now() - 3 * YEAR);
    expect((await reload()).out).toMatch(/warning: .*cert\.pem: the certificate expired on \d{4}-/);
  });

  it('if a certificate file in use disappears, the reload and the next start are refused: no self-signed certificate replaces it', async () => {
    await putCertificate('good.example.test');
    expect((await reload()).code).toBe(0);
    const good = (await shown(993)).fingerprint256;
    for (const gone of [['cert.pem'], ['key.pem'], ['cert.pem', 'key.pem']]) {
      const kept = gone.map((name) => [name, readFileSync(join(folders.config, name), 'utf8')] as const);
      for (const name of gone) remove(name);
      const { code, err } = await reload();
      expect(code).toBe(78);
      expect(err).toMatch(/main\.cf:4: smtpd_tls_chain_files: (cert|key)\.pem: /);
      for (const port of [465, 993]) expect((await shown(port)).fingerprint256).toBe(good);
      for (const [name, text] of kept) edit(name, text);
    }
    edit('main.cf', NAMED.replace('key.pem, cert.pem', 'kye.pem, cret.pem'));
    expect((await reload()).err).toMatch(
      /main\.cf:4: smtpd_tls_chain_files: kye\.pem: there is no such file, and a self-signed certificate must not replace/,
    );
    expect((await shown(993)).fingerprint256).toBe(good);
    edit('main.cf', NAMED);
    remove('cert.pem');
    remove('key.pem');
    await server.stop({ keep: true });
    const start = await finish(['start', ...where(), '--port-offset', String(offset)]);
    expect(start.code).toBe(78);
    expect(start.err).toMatch(
      /main\.cf:4: smtpd_tls_chain_files: key\.pem: there is no such file, and .*; restore the file, or remove the setting/,
    );
    edit('main.cf', MAIN);
    server = await startServer({ files: {}, folders, portOffset: offset });
    expect((await shown(993)).subject).toBe('CN=mail.example.test');
  });
});
