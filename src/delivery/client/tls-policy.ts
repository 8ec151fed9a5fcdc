/**
 * How a session to one host is secured: the settings of all destinations, or the entry of smtp_tls_policy_maps for the
 * destination (Postfix: TLS_README, client policies). An entry that says something wrong defers its mail: it must
 * never be sent less safely than the administrator meant.
 */

import { messageOf } from '../../errors.ts';
import type { LookupTable } from '../../lookup/table.ts';
import type { TlsWords } from '../../lookup/tls-words.ts';
import { plainFingerprint } from '../../protocol/tls/fingerprint.ts';
import type { Nexthop } from '../route/nexthop.ts';
import { PolicyFault } from './policy-fault.ts';
import { isAuthenticating, levelOf, type TlsLevel } from './tls-level.ts';
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
  /** The name that is asked for; '' for none. */
  readonly serverName: string;
}

export interface Place {
  readonly nexthop: Nexthop;
  readonly hostName: string;
  /** The next hop as configured: `[mail.example.com]:587`. */
  readonly destination: string;
}

/** In clear text. */
export const clearPolicy = ({ optional }: ClientTls): TlsPolicy => ({
  level: 'none',
  words: optional,
  names: [],
  fingerprints: new Set(),
  anchorFiles: [],
  serverName: '',
});

/** Rejects with PolicyFault. */
export async function tlsPolicy(place: Place, settings: ClientTls): Promise<TlsPolicy> {
  const found = await findEntry(place.destination, settings.policies);
  const source = `${settings.policiesName}, next-hop destination "${place.destination}"`;
  const [word = '', ...attributes] = found?.trim().split(/[\s,]+/) ?? [];
  const asked = found === undefined ? await levelWithout(place, settings) : levelOf(word);
  if (asked === undefined) throw new PolicyFault(`${source}: invalid security level "${word.slice(0, 40)}"`);
  const level = asked === 'dane' ? levelOfDane(place, settings) : asked;
  const given = parseAttributes(attributes, level, source);
  const policy = policyOf(level, given, place, settings);
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

/** No server has TLSA records here, and no zone is signed (RFC 7672 section 2.2): the resolver does not ask for either. */
const levelOfDane = ({ nexthop }: Place, { insecureMx }: ClientTls): TlsLevel => (nexthop.mx ? insecureMx : 'may');

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
      if (!isAuthenticating(level)) throw here;
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
  const matches = given.match.length > 0 || !authenticates ? given.match : settings.matches[level];
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
    serverName: nameFor(given.servername ?? settings.serverName, place),
  };
}

const nameFor = (word: string, { nexthop, hostName }: Place): string =>
  word === 'hostname'
    ? hostName
    : word === 'nexthop'
      ? nexthop.host
      : word === 'dot-nexthop'
        ? `.${nexthop.host}`
        : word;
