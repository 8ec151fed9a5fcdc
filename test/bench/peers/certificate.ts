/** One certificate for both sides, of the kind that Posthorn makes: EC P-256. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from '../../../src/net/certificate.ts';
import { DOMAIN } from './corpus.ts';
import type { Certificate } from './posthorn.ts';

export async function writeCertificate(): Promise<Certificate & { remove(): void }> {
  const { certificate, key } = await makeCertificate([`mail.${DOMAIN}`, '127.0.0.1']);
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-bench-tls-'));
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
  writeFileSync(files.certFile, certificate);
  writeFileSync(files.keyFile, key, { mode: 0o600 });
  return { ...files, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
