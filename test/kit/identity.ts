/** A self-signed identity in its own folder, for tests. */
import { join } from 'node:path';
import { ensureCertificate } from '../../src/net/certificate.ts';
import type { CertificateFiles } from '../../src/net/certificate-files.ts';
import { TlsIdentity } from '../../src/net/tls.ts';
import { temporaryFolder } from './folder.ts';

export async function temporaryFiles(hosts: readonly string[]): Promise<CertificateFiles> {
  const folder = temporaryFolder('tls');
  const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
  await ensureCertificate(files, hosts);
  return files;
}

export async function temporaryIdentity(hosts: readonly string[]): Promise<TlsIdentity> {
  return TlsIdentity.load([await temporaryFiles(hosts)]);
}
