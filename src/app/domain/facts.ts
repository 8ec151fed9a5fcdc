/** What `posthorn domain records` and `domain check` know of this server and a domain, from its configuration and keys. */
import { createHash, type X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { OperationError } from '../../admin/operation.ts';
import type { Configuration } from '../../config/configuration.ts';
import { isHostName } from '../../mail/host-name.ts';
import { readKeyPairs } from '../../net/certificate-files.ts';
import type { SigningKey } from '../../protocol/dkim/sign.ts';
import { readHosts } from '../../server/http/hosts.ts';
import { ownAddresses } from '../own-addresses.ts';

export interface DomainFacts {
  /** In A-labels, lower case. */
  readonly domain: string;
  /** myhostname: where its mail comes, and what we say in EHLO. */
  readonly host: string;
  /** Of the host, as others reach it; those of this machine where none of them is public. */
  readonly addresses: readonly string[];
  readonly isPublic: boolean;
  readonly keys: readonly SigningKey[];
  /** relayhost: mail leaves from there; '' for none. */
  readonly relayhost: string;
  /** Ports of services for mail programs: `submissions` 465, `imaps` 993 … */
  readonly services: readonly { readonly name: string; readonly port: number }[];
  /** The id of the MTA-STS policy that our web server shows; null: none. */
  readonly mtaSts: string | null;
  /** Shown to SMTP clients; a self-signed one that is still to be made is missing. */
  readonly certificates: readonly X509Certificate[];
}

/** Throws OperationError for what is no domain. */
export function domainName(written: string): string {
  const domain = domainToASCII(written.replace(/\.$/, '')).toLowerCase();
  if (!isHostName(domain) || !domain.includes('.'))
    throw new OperationError(`"${written}" is no name of a domain such as example.com`);
  return domain;
}

export async function readFacts(
  configuration: Configuration,
  domain: string,
  keys: readonly SigningKey[],
): Promise<DomainFacts> {
  const { parameters, directory } = configuration;
  const own = ownAddresses(configuration);
  const open = own.filter(isPublic);
  return {
    domain,
    keys,
    host: parameters.string('myhostname').toLowerCase(),
    addresses: open.length > 0 ? open : own,
    isPublic: open.length > 0,
    relayhost: parameters.string('relayhost'),
    services: servicesOf(configuration),
    mtaSts: policyId(directory, domain),
    certificates: await certificatesOf(configuration),
  };
}

const isPublic = (address: string): boolean => ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';

/** By their ports: names of RFC 6186 and RFC 8314. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [465, 'submissions'],
  [587, 'submission'],
  [993, 'imaps'],
  [143, 'imap'],
  [995, 'pop3s'],
  [110, 'pop3'],
]);

function servicesOf({ services, dovecot }: Configuration): DomainFacts['services'] {
  const ports = new Set([...services, ...(dovecot?.listeners ?? [])].map(({ port }) => port));
  return [...NAMES].filter(([port]) => ports.has(port)).map(([port, name]) => ({ name, port }));
}

/** RFC 8461 section 3.1: another id for another policy. */
function policyId(directory: string, domain: string): string | null {
  const folder = readHosts(join(directory, 'www')).get(`mta-sts.${domain}`);
  const file = folder === undefined ? null : join(folder, '.well-known', 'mta-sts.txt');
  if (file === null || !existsSync(file)) return null;
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16);
}

async function certificatesOf({ certificates: { smtpd } }: Configuration): Promise<readonly X509Certificate[]> {
  if (smtpd.kind === 'made' && !existsSync(smtpd.files.certFile)) return [];
  const pairs = await readKeyPairs(smtpd.kind === 'named' ? smtpd.source : smtpd.files);
  return pairs.map(({ certificate }) => certificate);
}
