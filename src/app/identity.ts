/**
 * The certificates shown to clients: the configured ones, otherwise self-signed ones created here (requirement T1).
 */

import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { CertificateChoice, NamedCertificate } from '../config/certificates.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Fault } from '../config/fault.ts';
import { messageOf } from '../errors.ts';
import { type Agree, type CertificatePem, ensureCertificate } from '../net/certificate.ts';
import type { CertificateSource } from '../net/certificate-files.ts';
import { namesOf, TlsIdentity, type Validity } from '../net/tls.ts';
import { readHosts } from '../server/http/hosts.ts';
import type { Cluster } from '../store/cluster.ts';
import { choicesOf, vanishedFiles } from './vanished-files.ts';

type OfClients<T> = Readonly<Record<'smtp' | 'lmtp', T>>;

export interface Identities {
  /** SMTP and HTTPS. */
  readonly smtp: TlsIdentity;
  /** IMAP and POP3. */
  readonly mailbox: TlsIdentity;
  /** What the SMTP and the LMTP client show; null for nothing. */
  readonly clients: OfClients<TlsIdentity | null>;
}

/** The sources of each identity, with all files present. */
export interface IdentitySources {
  readonly smtp: readonly CertificateSource[];
  readonly mailbox: readonly CertificateSource[];
  readonly clients: OfClients<readonly CertificateSource[]>;
}

const webHosts = ({ directory }: Configuration): string[] => [...readHosts(join(directory, 'www')).keys()];

/** Every name and address by which a client may reach us. */
function hostsOf(configuration: Configuration): string[] {
  const { parameters, services } = configuration;
  const addresses = services
    .flatMap((service) => service.addresses)
    .filter((address) => address !== '0.0.0.0' && address !== '::');
  const names = [
    parameters.string('myhostname'),
    parameters.string('mydomain'),
    'localhost',
    ...webHosts(configuration),
  ];
  return [...new Set([...names, ...addresses, '127.0.0.1', '::1'])];
}

/** Servers that share a store show the same certificate, so that a client behind a balancer sees one. */
const agreeing = (cluster: Pick<Cluster, 'agree'> | null, name: string): Agree | undefined =>
  cluster === null
    ? undefined
    : async (propose) =>
        JSON.parse(await cluster.agree(name, async () => JSON.stringify(await propose()))) as CertificatePem;

/** Creates missing self-signed certificates; returns a note for each. */
export async function makeCertificates(
  configuration: Configuration,
  cluster: Pick<Cluster, 'agree'> | null,
): Promise<{ readonly sources: IdentitySources; readonly notes: readonly string[] }> {
  const { smtpd, dovecot } = configuration.certificates;
  const notes: string[] = [];
  const sourcesOf = async (choice: CertificateChoice): Promise<CertificateSource[]> =>
    choice.kind === 'named'
      ? [choice.source]
      : [choice.files, ...(await makeFor(choice, configuration, cluster, notes))];
  const smtp = await sourcesOf(smtpd);
  const { clientCertificates } = configuration;
  const shown = (choice: NamedCertificate | null): CertificateSource[] => (choice === null ? [] : [choice.source]);
  const clients = { smtp: shown(clientCertificates.smtp), lmtp: shown(clientCertificates.lmtp) };
  return { sources: { smtp, mailbox: dovecot === smtpd ? smtp : await sourcesOf(dovecot), clients }, notes };
}

/**
 * The self-signed certificate, and another for each host name added later: the first is not replaced, because mail
 * clients may have stored it as an exception. Returns the further ones, which clients get by SNI.
 */
async function makeFor(
  { files }: CertificateChoice & { kind: 'made' },
  configuration: Configuration,
  cluster: Pick<Cluster, 'agree'> | null,
  notes: string[],
): Promise<CertificateSource[]> {
  const hosts = hostsOf(configuration);
  const existed = existsSync(files.certFile);
  if (await ensureCertificate(files, hosts, agreeing(cluster, 'certificate'))) {
    if (existed) notes.push(`${files.certFile}: now the self-signed certificate that the other servers show too`);
    else {
      notes.push(`${files.certFile}: created a self-signed certificate for ${hosts.join(', ')}`);
      return [];
    }
  }
  const covered = namesOf(new X509Certificate(readFileSync(files.certFile)));
  const later = hosts.filter((host) => isIP(host) === 0 && !covered.includes(host.toLowerCase()));
  const sources: CertificateSource[] = [];
  for (const host of later) {
    const name = join(files.certFile, '..', host);
    const own = { certFile: `${name}.pem`, keyFile: `${name}.key` };
    if (await ensureCertificate(own, [host], agreeing(cluster, `certificate of ${host}`)))
      notes.push(`${own.certFile}: created a self-signed certificate for ${host}`);
    sources.push(own);
  }
  return sources;
}

export async function openIdentities({ smtp, mailbox, clients }: IdentitySources): Promise<Identities> {
  return {
    smtp: await TlsIdentity.load(smtp),
    mailbox: await TlsIdentity.load(mailbox),
    clients: await openClients(clients),
  };
}

const openClient = async (sources: readonly CertificateSource[]): Promise<TlsIdentity | null> =>
  sources.length === 0 ? null : TlsIdentity.load(sources);

const openClients = async ({ smtp, lmtp }: IdentitySources['clients']): Promise<Identities['clients']> => ({
  smtp: await openClient(smtp),
  lmtp: await openClient(lmtp),
});

export interface Renewal {
  /** With the new certificates once `commit` was called. */
  readonly identities: Identities;
  /** Uses the new certificates for future handshakes. */
  commit(): void;
  readonly notes: readonly string[];
}

/**
 * Reads all certificates before any is replaced. Rejects if a file is invalid; returns a note if only root may read it.
 */
export async function prepareRenewal(current: Identities, sources: IdentitySources): Promise<Renewal> {
  try {
    const commits = await Promise.all([current.smtp.prepare(sources.smtp), current.mailbox.prepare(sources.mailbox)]);
    const identities = { ...current, clients: await openClients(sources.clients) };
    return { identities, commit: () => commits.forEach((commit) => void commit()), notes: [] };
  } catch (error) {
    if (!isForRootAlone(error)) throw error;
    return {
      identities: current,
      commit: () => {},
      notes: [`${messageOf(error)}: readable by root only; keeping the current certificate until the next start`],
    };
  }
}

/** Errors in the certificate files; empty if they can be used. */
export async function certificateFaults(configuration: Configuration): Promise<Fault[]> {
  const shown = Object.values(configuration.clientCertificates).filter((choice) => choice !== null);
  const choices = [...choicesOf(configuration), ...shown];
  const checked = choices.map(async (choice): Promise<Fault[]> => {
    if (choice.kind === 'made') return [];
    const place = choice.names[0]?.place ?? { file: configuration.directory, line: 0 };
    return TlsIdentity.load([choice.source]).then(
      () => [],
      (error: unknown) => (isForRootAlone(error) ? [] : [{ ...place, message: messageOf(error) }]),
    );
  });
  return [...vanishedFiles(configuration), ...(await Promise.all(checked)).flat()];
}

/** How long before a certificate expires to warn, ms. */
const SOON = 14 * 86_400_000;
const DAY = 86_400_000;

/** Certificates in use that have expired or soon will, and sites that no certificate covers; one line each. */
export function certificateWarnings(identities: Identities, configuration: Configuration, now: number): string[] {
  const ends = validityOf(identities).flatMap(({ file, expiresAt }) => {
    if (expiresAt - now > SOON) return [];
    const date = new Date(expiresAt).toISOString().slice(0, 10);
    const when =
      expiresAt <= now ? `expired on ${date}` : `expires on ${date}, in ${Math.ceil((expiresAt - now) / DAY)} days`;
    return [`${file}: the certificate ${when}; replace it and run posthorn reload`];
  });
  const bare = webHosts(configuration).filter((host) => !identities.smtp.covers(host));
  return [
    ...ends,
    ...bare.map((host) => `https://${host}: the certificate is not valid for this name; browsers will warn`),
  ];
}

/** Each file once. */
export function validityOf({ smtp, mailbox, clients }: Identities): readonly Validity[] {
  const shown = Object.values(clients).filter((one) => one !== null);
  const all = [smtp, mailbox, ...shown].flatMap(({ validity }) => validity);
  return [...new Map(all.map((one) => [one.file, one])).values()];
}

/** Read as root at the start, and not readable after dropping root. */
const isForRootAlone = (error: unknown): boolean =>
  process.geteuid?.() !== 0 &&
  error instanceof Error &&
  error.cause instanceof Error &&
  'code' in error.cause &&
  error.cause.code === 'EACCES';
