/** The certificates that clients are shown: those that the configuration names, else one made here (requirement T1). */
import type { CertificateFiles, Configuration } from '../config/configuration.ts';
import { ensureCertificate } from '../net/certificate.ts';
import { TlsIdentity } from '../net/tls.ts';

export interface Identities {
  /** SMTP and HTTPS. */
  readonly smtp: TlsIdentity;
  /** IMAP and POP3. */
  readonly mailbox: TlsIdentity;
  /** What was made, for the start's notes. */
  readonly notes: readonly string[];
}

/** `hosts`: every name and address that a client may use to reach us. */
export async function openIdentities(certificates: Configuration['certificates'], hosts: readonly string[]): Promise<Identities> {
  const notes: string[] = [];
  const open = async (files: CertificateFiles): Promise<TlsIdentity> => {
    const paths = { certFile: files.certificate, keyFile: files.key };
    if (files.toBeMade && (await ensureCertificate(paths, hosts))) notes.push(`${files.certificate}: made, a certificate of our own for ${hosts.join(', ')}`);
    return TlsIdentity.load([paths]);
  };
  const smtp = await open(certificates.smtpd);
  const same = certificates.dovecot.certificate === certificates.smtpd.certificate;
  return { smtp, mailbox: same ? smtp : await open(certificates.dovecot), notes };
}
