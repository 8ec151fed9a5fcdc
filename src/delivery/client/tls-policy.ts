/**
 * How a session to one host is secured: the settings of all destinations, or the entry of smtp_tls_policy_maps for the
 * destination (Postfix: TLS_README, client policies). An entry that says something wrong defers its mail: it must
 * never be sent less safely than the administrator meant.
 */

import { messageOf } from '../../errors.ts';
import type { LookupTable } from '../../lookup/table.ts';
import type { TlsWords } from '../../lookup/tls-words.ts';
import { reply } from '../../mail/status.ts';
import type { SecureResolver } from '../../protocol/dns/resolver.ts';
import type { TlsaRecord } from '../../protocol/dns/tlsa.ts';
import { plainFingerprint } from '../../protocol/tls/fingerprint.ts';
import type { Nexthop } from '../route/nexthop.ts';
import { type Dane, daneOf } from './dane.ts';
import { PolicyFault } from './policy-fault.ts';
import { type AskedLevel, isAuthenticating, isMatching, levelOf, type TlsLevel } from './tls-level.ts';
import { perSiteLevel } from './tls-per-site.ts';
import type { ClientTls } from './tls-settings.ts';

export interface TlsPolicy {
  readonly level: TlsLevel;
  readonly words: TlsWords;
  /** Names accepted in the certificate (verify, secure); a leading dot matches all names below. */
  readonly names: readonly string[];
  /** Accepted fingerprints of the certificate or its key, plain (fingerprint). */
  readonly fingerprints: ReadonlySet<string>;
  /** Files of certificates that are trusted instead of the authorities. */
  readonly anchorFiles: readonly string[];
  /** Records of which one must match the certificate (dane). */
  readonly tlsa: readonly TlsaRecord[];
  /** The name that is asked for; '' for none. */
  readonly serverName: string;
}

export interface Place {
  readonly nexthop: Nexthop;
  readonly hostName: string;
  /** The next hop as configured: `[mail.example.com]:587`. */
  readonly destination: string;
  readonly port: number;
}

/** In clear text. */
export const clearPolicy = ({ optional }: ClientTls): TlsPolicy => ({
  level: 'none',
  words: optional,
  names: [],
  fingerprints: new Set(),
  anchorFiles: [],
  tlsa: [],
  serverName: '',
});

/** Rejects with PolicyFault. */
export async function tlsPolicy(place: Place, settings: ClientTls, resolver: SecureResolver): Promise<TlsPolicy> {
  const found = await findEntry(place.destination, settings.policies);
  const source = `${settings.policiesName}, next-hop destination "${place.destination}"`;
  const [word = '', ...attributes] = found?.trim().split(/[\s,]+/) ?? [];
  const asked = found === undefined ? await levelWithout(place, settings) : levelOf(word);
  if (asked === undefined) throw new PolicyFault(`${source}: invalid security level "${word.slice(0, 40)}"`);
  const { level, dane } = await settledLevel(asked, place, settings, resolver);
  const given = parseAttributes(attributes, level, source);
  const policy = dane === null ? policyOf(level, given, place, settings) : danePolicy(dane, given, place, settings);
  if (level === 'fingerprint' && policy.fingerprints.size === 0)
    throw new PolicyFault(
      `nexthop domain ${place.destination}: configured at fingerprint security level, but with no fingerprints to match.`,
    );
  return policy;
}

/** What smtp_tls_policy_maps do not say. */
async function levelWithout({ nexthop, hostName }: Place, settings: ClientTls): Promise<ClientTls['level']> {
  const { policies, perSite, level } = settings;
  if (policies.length > 0 || perSite.length === 0) return level;
  return (await perSiteLevel([nexthop.host, hostName], perSite)) ?? level;
}

/** What is known by TLSA records. */
type KnownByTlsa = Dane & { readonly kind: 'records' };

interface Settled {
  readonly level: TlsLevel;
  /** Where the level is `dane`. */
  readonly dane: KnownByTlsa | null;
}

/** RFC 7672 section 2.2, and Postfix's dane-only and smtp_tls_dane_insecure_mx_policy. */
async function settledLevel(
  asked: AskedLevel,
  place: Place,
  { dane: rules }: ClientTls,
  resolver: SecureResolver,
): Promise<Settled> {
  if (asked !== 'dane' && asked !== 'dane-only') return { level: asked, dane: null };
  const found: Dane = !rules.isOn ? OFF : resolver.isTrusted ? await daneOf(place, rules, resolver) : UNTRUSTED;
  if (asked === 'dane-only') {
    if (found.kind === 'records' && found.isMxSecure) return { level: 'dane', dane: found };
    throw daneOnlyFault(found, place);
  }
  if (found.kind === 'none') return { level: 'may', dane: null };
  if (!found.isMxSecure && rules.insecureMx !== 'dane') return { level: rules.insecureMx, dane: null };
  return found.kind === 'records' ? { level: 'dane', dane: found } : { level: 'encrypt', dane: null };
}

const notLookedUp = (why: string): Dane => ({ kind: 'none', why: `is not looked up: ${why}`, isMxSecure: false });
const OFF = notLookedUp('smtp_dns_support_level is not dnssec');
const UNTRUSTED = notLookedUp(
  'no name server on this machine validates, and resolv.conf does not say "options trust-ad"',
);

/** Its mail waits. */
function daneOnlyFault(found: Dane, { hostName, destination }: Place): PolicyFault {
  const why =
    found.kind === 'none'
      ? `${hostName} ${found.why}`
      : found.kind === 'unusable'
        ? `${hostName} has no usable TLSA records`
        : `${destination} has MX records that DNSSEC does not protect`;
  return new PolicyFault(`dane-only: ${why}`, true, reply(451, '4.7.5', why));
}

/** For a domain also the entries of `.domain` above it; `[host]` and `host:port` are looked up as they are. */
async function findEntry(destination: string, tables: readonly LookupTable[]): Promise<string | undefined> {
  const isDomain = /^[^[\]:]+$/.test(destination);
  for (let key = destination.toLowerCase(); ; ) {
    for (const table of tables) {
      try {
        const value = await table.get(key);
        if (value !== undefined) return value;
      } catch (error) {
        throw new PolicyFault(`${table.name}: lookup error for "${key}": ${messageOf(error)}`, true);
      }
    }
    const dot = isDomain ? key.indexOf('.', 1) : -1;
    if (dot < 0) return undefined;
    key = key.slice(dot);
  }
}

interface Attributes {
  ciphers?: string;
  protocols?: string[];
  exclude?: string[];
  match: string[];
  servername?: string;
  tafile: string[];
}

const UNUSED = new Set(['connection_reuse']);

function parseAttributes(items: readonly string[], level: TlsLevel, source: string): Attributes {
  const given: Attributes = { match: [], tafile: [] };
  if (level === 'none') return given;
  for (const item of items.filter(Boolean)) {
    const equals = item.indexOf('=');
    const name = (equals < 0 ? item : item.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? '' : item.slice(equals + 1);
    const wrong = (what: string): PolicyFault => new PolicyFault(`${source}: ${what}`);
    if (value === '') throw wrong(`malformed attribute/value pair "${item.slice(0, 40)}"`);
    const here = wrong(`attribute "${name}" invalid at security level "${level}"`);
    if (name === 'ciphers') given.ciphers = value;
    else if (name === 'protocols') given.protocols = value.split(':').filter(Boolean);
    else if (name === 'exclude') given.exclude = value.split(':').filter(Boolean);
    else if (name === 'servername') given.servername = value;
    else if (name === 'match') {
      if (!isMatching(level)) throw here;
      given.match.push(...value.split(level === 'fingerprint' ? '|' : ':').filter(Boolean));
    } else if (name === 'tafile') {
      if (level !== 'verify' && level !== 'secure') throw here;
      given.tafile.push(value);
    } else if (!UNUSED.has(name)) throw wrong(`invalid attribute name: "${name.slice(0, 40)}"`);
  }
  return given;
}

function policyOf(level: TlsLevel, given: Attributes, place: Place, settings: ClientTls): TlsPolicy {
  const words = level === 'none' || level === 'may' ? settings.optional : settings.mandatory;
  const exclusions = given.exclude ?? words.exclusions;
  const authenticates = isAuthenticating(level);
  const matches = given.match.length > 0 || !isMatching(level) ? given.match : settings.matches[level];
  return {
    level,
    words: {
      ...words,
      grade: given.ciphers ?? words.grade,
      versions: given.protocols ?? words.versions,
      // Without a certificate there is nothing to check.
      exclusions: authenticates ? [...exclusions, 'aNULL'] : exclusions,
    },
    names: level === 'verify' || level === 'secure' ? matches.map((name) => nameFor(name, place)) : [],
    fingerprints: new Set(level === 'fingerprint' ? matches.map(plainFingerprint) : []),
    anchorFiles: given.tafile,
    tlsa: [],
    serverName: nameFor(given.servername ?? settings.serverName, place),
  };
}

/** The server is asked for the name whose records they are, which its certificate must have below a trust anchor. */
function danePolicy({ records, base }: KnownByTlsa, given: Attributes, place: Place, settings: ClientTls): TlsPolicy {
  const names = [base, place.hostName, place.nexthop.host];
  return { ...policyOf('dane', given, place, settings), tlsa: records, names: [...new Set(names)], serverName: base };
}

const nameFor = (word: string, { nexthop, hostName }: Place): string =>
  word === 'hostname'
    ? hostName
    : word === 'nexthop'
      ? nexthop.host
      : word === 'dot-nexthop'
        ? `.${nexthop.host}`
        : word;
