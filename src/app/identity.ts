/** The certificates that clients are shown: those that the configuration names, else one made here (requirement T1). */
import type { CertificateFiles, Configuration } from '../config/configuration.ts';
import type { Fault } from '../config/fault.ts';
import { ensureCertificate } from '../net/certificate.ts';
import { TlsIdentity } from '../net/tls.ts';

export interface Identities {
  /** SMTP and HTTPS. */
  readonly smtp: TlsIdentity;
  /** IMAP and POP3. */
  readonly mailbox: TlsIdentity;
}

type Certificates = Configuration['certificates'];

const pathsOf = ({ certificate, key }: CertificateFiles) => [{ certFile: certificate, keyFile: key }];

/** Makes those that are not there; gives a note for each. `hosts`: every name and address that a client may use to reach us. */
export async function makeCertificates({ smtpd, dovecot }: Certificates, hosts: readonly string[]): Promise<string[]> {
  const notes: string[] = [];
  for (const files of [smtpd, dovecot]) {
    const made = files.toBeMade && (await ensureCertificate({ certFile: files.certificate, keyFile: files.key }, hosts));
    if (made) notes.push(`${files.certificate}: made, a certificate of our own for ${hosts.join(', ')}`);
  }
  return notes;
}

export async function openIdentities({ smtpd, dovecot }: Certificates): Promise<Identities> {
  return { smtp: await TlsIdentity.load(pathsOf(smtpd)), mailbox: await TlsIdentity.load(pathsOf(dovecot)) };
}

/** For handshakes to come. Rejects where a file is faulty. */
export async function renewIdentities(identities: Identities, { smtpd, dovecot }: Certificates): Promise<void> {
  await identities.smtp.reload(pathsOf(smtpd));
  await identities.mailbox.reload(pathsOf(dovecot));
}

/** What is wrong with the certificates that are there; empty where they can be used. */
export async function certificateFaults({ smtpd, dovecot }: Certificates): Promise<Fault[]> {
  const named = new Map([smtpd, dovecot].filter((files) => !files.toBeMade).map((files) => [files.certificate, files]));
  const checked = [...named].map(([file, files]) =>
    TlsIdentity.load(pathsOf(files)).then(
      () => [],
      (error: Error): Fault[] => (isForRootAlone(error) ? [] : [{ file, line: 0, message: error.message }]),
    ),
  );
  return (await Promise.all(checked)).flat();
}

/** Read as root at the start, and out of reach after root was given up. */
export const isForRootAlone = (error: unknown): boolean =>
  process.geteuid?.() !== 0 && error instanceof Error && error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'EACCES';
