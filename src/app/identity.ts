/** The certificates that clients are shown: those that the configuration names, else one made here (requirement T1). */
import { join } from 'node:path';
import type { CertificateFiles, Configuration } from '../config/configuration.ts';
import type { Fault } from '../config/fault.ts';
import { ensureCertificate } from '../net/certificate.ts';
import { TlsIdentity } from '../net/tls.ts';
import { readHosts } from '../server/http/hosts.ts';

export interface Identities {
  /** SMTP and HTTPS. */
  readonly smtp: TlsIdentity;
  /** IMAP and POP3. */
  readonly mailbox: TlsIdentity;
}

type Certificates = Configuration['certificates'];

const pathsOf = ({ certificate, key }: CertificateFiles) => [{ certFile: certificate, keyFile: key }];

/** Every name and address by which a client may reach us. */
function hostsOf({ parameters, services, directory }: Configuration): string[] {
  const addresses = services.flatMap((service) => service.addresses).filter((address) => address !== '0.0.0.0' && address !== '::');
  const names = [parameters.string('myhostname'), parameters.string('mydomain'), 'localhost', ...readHosts(join(directory, 'www')).keys()];
  return [...new Set([...names, ...addresses, '127.0.0.1', '::1'])];
}

/** Makes those that are not there; gives a note for each. */
export async function makeCertificates(configuration: Configuration): Promise<string[]> {
  const { smtpd, dovecot } = configuration.certificates;
  const hosts = hostsOf(configuration);
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

/** For handshakes to come. Rejects where a file is faulty; gives a note where it is out of reach now. */
export async function renewIdentities(identities: Identities, { smtpd, dovecot }: Certificates): Promise<string[]> {
  try {
    await identities.smtp.reload(pathsOf(smtpd));
    await identities.mailbox.reload(pathsOf(dovecot));
    return [];
  } catch (error) {
    if (!isForRootAlone(error)) throw error;
    return [`${error instanceof Error ? error.message : ''}: it is for root alone; the certificate in use stays until the next start`];
  }
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
const isForRootAlone = (error: unknown): boolean =>
  process.geteuid?.() !== 0 && error instanceof Error && error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'EACCES';
