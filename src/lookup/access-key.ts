/**
 * The keys under which tables are asked, in order: access(5), virtual(5), canonical(5), transport(5).
 * Pure functions; tables that take whole keys only (`wholeKeyOnly`) get the first key alone. Requirement P6.
 */
import ipaddr from 'ipaddr.js';
import { type Address, domainOf, localPart, splitDetail } from '../mail/address.ts';

/** How parents of a domain are asked: by parent_domain_matches_subdomains as `example.com`, else as `.example.com`. */
export interface DomainKeyOptions {
  readonly parentMatches: boolean;
}

const MAX_LABELS = 128;

/** `a.b.example`, then its parents: `b.example`, `example` or `.b.example`, `.example`. An address literal has no parents. */
export function domainKeys(domain: string, { parentMatches }: DomainKeyOptions): string[] {
  const name = domain.toLowerCase();
  if (name === '') return [];
  const keys = [name];
  if (name.startsWith('[')) return keys;
  for (let dot = name.indexOf('.'), count = 0; dot >= 0 && count < MAX_LABELS; dot = name.indexOf('.', dot + 1), count += 1) {
    if (dot === name.length - 1) break;
    if (dot > 0) keys.push(name.slice(parentMatches ? dot + 1 : dot));
  }
  return keys;
}

/** `1.2.3.4`, `1.2.3`, `1.2`, `1`; of IPv6 the compressed form, then with one group less each time. */
export function addressKeys(ip: string): string[] {
  const bare = ip.replace(/^\[(?:IPv6:)?(.*)\]$/i, '$1');
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return prefixes(bare, '.');
  if (!ipaddr.IPv6.isValid(bare)) return [];
  const address = ipaddr.IPv6.parse(bare);
  if (address.isIPv4MappedAddress()) return prefixes(address.toIPv4Address().toString(), '.');
  return prefixes(address.toRFC5952String(), ':');
}

function prefixes(text: string, separator: string): string[] {
  const keys = [text];
  for (let end = text.lastIndexOf(separator); end > 0; end = text.lastIndexOf(separator, end - 1)) {
    // `2001:db8:` of `2001:db8::1` is asked without its last colon, once.
    const key = text.slice(0, end).replace(/:+$/, '');
    if (key !== '' && key !== keys.at(-1)) keys.push(key);
  }
  return keys;
}

/** A client in check_client_access: its name and the name's parents, then its address and the networks around it. */
export function clientKeys(name: string, ip: string, options: DomainKeyOptions): string[] {
  return [...domainKeys(name, options), ...addressKeys(ip)];
}

export interface AddressKeyOptions extends DomainKeyOptions {
  /** recipient_delimiter; '' has none. */
  readonly delimiter: string;
  /** smtpd_null_access_lookup_key, asked for the null sender. */
  readonly nullKey: string;
}

/**
 * A mail address in check_sender_access and check_recipient_access: `user+detail@domain`, `user@domain`,
 * the domain and its parents, `user+detail@`, `user@`.
 */
export function accessAddressKeys(address: Address, options: AddressKeyOptions): string[] {
  if (address === '') return [options.nullKey];
  const lower = address.toLowerCase();
  const domain = domainOf(lower);
  if (domain === '') return [lower, `${lower}@`];
  const locals = localParts(localPart(lower), options.delimiter);
  return [...locals.map((local) => `${local}@${domain}`), ...domainKeys(domain, options), ...locals.map((local) => `${local}@`)];
}

/** A key of a rewriting table. Where `user` alone matched, `user` counts only for our own domains. */
export interface RewritingKey {
  readonly key: string;
  /** `+detail` that the key leaves out and the result takes over (propagate_unmatched_extensions); else ''. */
  readonly unmatched: string;
  /** The key is `@domain`: an `@other` as the result keeps the local part. */
  readonly wholeDomain: boolean;
}

/** Of virtual(5) and canonical(5): `user+detail@domain`, `user@domain`, `user+detail`, `user` (where the domain is ours), `@domain`. */
export function rewritingKeys(address: Address, options: { readonly delimiter: string; readonly domainIsLocal: boolean }): RewritingKey[] {
  const lower = address.toLowerCase();
  const domain = domainOf(lower);
  const [whole = '', user] = localParts(localPart(lower), options.delimiter);
  const unmatched = user === undefined ? '' : whole.slice(user.length);
  const key = (text: string, rest: string, wholeDomain = false): RewritingKey => ({ key: text, unmatched: rest, wholeDomain });
  const forms = (suffix: string): RewritingKey[] => [key(whole + suffix, ''), ...(user === undefined ? [] : [key(user + suffix, unmatched)])];
  if (domain === '') return forms('');
  return [...forms(`@${domain}`), ...(options.domainIsLocal ? forms('') : []), key(`@${domain}`, '', true)];
}

/** Of transport(5): `user+detail@domain`, `user@domain`, the domain and its parents, `*`. */
export function transportKeys(address: Address, options: AddressKeyOptions): string[] {
  const lower = address.toLowerCase() || options.nullKey;
  const domain = domainOf(lower);
  const whole = localParts(localPart(lower), options.delimiter).map((local) => (domain === '' ? local : `${local}@${domain}`));
  return [...whole, ...domainKeys(domain, options), '*'];
}

/** `user+detail` and `user`, or the local part alone where it has no detail. */
function localParts(local: string, delimiter: string): string[] {
  const split = delimiter === '' ? null : splitDetail(local, delimiter);
  return split === null || split.user === '' ? [local] : [local, split.user];
}
