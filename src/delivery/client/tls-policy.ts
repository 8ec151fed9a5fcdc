/**
 * How a session to another server is secured (Postfix: TLS_README, client): smtp_tls_security_level, or the older
 * smtp_use_tls and smtp_enforce_tls, and per destination smtp_tls_policy_maps.
 */
import type { ConnectionOptions, PeerCertificate } from 'node:tls';
import { checkServerIdentity } from 'node:tls';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable } from '../../lookup/table.ts';
import { ownValue } from '../../own-value.ts';
import type { Nexthop } from '../route/nexthop.ts';

export type TlsLevel = 'none' | 'may' | 'encrypt' | 'verify' | 'secure';

export interface TlsPolicy {
  readonly level: TlsLevel;
  /** Names accepted in the certificate (verify, secure); a leading dot matches one more label. */
  readonly names: readonly string[];
}

/** `dane` without TLSA records is `may` (RFC 7672 section 2.2): the resolver supports none. */
const LEVELS: Readonly<Record<string, TlsLevel>> = {
  none: 'none',
  may: 'may',
  encrypt: 'encrypt',
  dane: 'may',
  verify: 'verify',
  secure: 'secure',
};

/** The level for all destinations. Throws for an unknown level. */
export function defaultTlsLevel(parameters: ParameterReader): TlsLevel {
  const word = parameters.string('smtp_tls_security_level');
  if (word !== '') return parseLevel(word, 'smtp_tls_security_level');
  if (parameters.boolean('smtp_enforce_tls'))
    return parameters.boolean('smtp_tls_enforce_peername') ? 'verify' : 'encrypt';
  return parameters.boolean('smtp_use_tls') ? 'may' : 'none';
}

function parseLevel(word: string, source: string): TlsLevel {
  const level = ownValue(LEVELS, word.toLowerCase());
  if (level === undefined) throw new Error(`${source}: "${word}" is not one of ${Object.keys(LEVELS).join(', ')}`);
  return level;
}

/** The requirements for a host. `policies`: smtp_tls_policy_maps. */
export async function tlsPolicy(
  nexthop: Nexthop,
  hostName: string,
  level: TlsLevel,
  policies: readonly LookupTable[],
  destination: string,
): Promise<TlsPolicy> {
  for (const table of policies) {
    const value = (await table.get(destination)) ?? (await table.get(nexthop.host));
    if (value === undefined) continue;
    const [word = '', ...attributes] = value.trim().split(/[\s,]+/);
    const match = attributes
      .find((attribute) => attribute.startsWith('match='))
      ?.slice('match='.length)
      .split(':');
    const parsed = parseLevel(word, `${table.name}: ${nexthop.host}`);
    return {
      level: parsed,
      names: match?.map((name) => namesFor(name, nexthop, hostName)) ?? defaultNames(parsed, nexthop, hostName),
    };
  }
  return { level, names: defaultNames(level, nexthop, hostName) };
}

/**
 * The defaults of smtp_tls_verify_cert_match and smtp_tls_secure_cert_match: an MX record may be forged, the nexthop
 * cannot.
 */
const defaultNames = (level: TlsLevel, nexthop: Nexthop, hostName: string): string[] =>
  level === 'verify' ? [hostName] : level === 'secure' ? [nexthop.host, `.${nexthop.host}`] : [];

const namesFor = (word: string, nexthop: Nexthop, hostName: string): string =>
  word === 'hostname'
    ? hostName
    : word === 'nexthop'
      ? nexthop.host
      : word === 'dot-nexthop'
        ? `.${nexthop.host}`
        : word;

/** For tls.connect. `authorities`: PEM of smtp_tls_CAfile; empty: the platform's CAs. */
export function tlsOptions(
  policy: TlsPolicy,
  authorities: readonly string[],
  minVersion: ConnectionOptions['minVersion'],
): ConnectionOptions {
  const checked = policy.level === 'verify' || policy.level === 'secure';
  return {
    rejectUnauthorized: checked,
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(authorities.length === 0 ? {} : { ca: [...authorities] }),
    checkServerIdentity: (_host, certificate) => (checked ? checkNames(policy.names, certificate) : undefined),
  };
}

function checkNames(names: readonly string[], certificate: PeerCertificate): Error | undefined {
  let fault: Error | undefined;
  for (const name of names) {
    // `.example.com` matches any host directly below it, as listed in the certificate.
    const candidates = name.startsWith('.') ? namesBelow(name, certificate) : [name];
    for (const candidate of candidates) {
      fault = checkServerIdentity(candidate, certificate);
      if (fault === undefined) return undefined;
    }
  }
  return fault ?? new Error('Server certificate not verified: no name matches');
}

const namesBelow = (suffix: string, certificate: PeerCertificate): string[] =>
  (certificate.subjectaltname ?? '')
    .split(', ')
    .flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []))
    .filter((name) => name.endsWith(suffix) && !name.startsWith('*'));
