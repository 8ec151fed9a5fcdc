/**
 * The keys under which an access table is asked (access(5)), most specific first: host names and their
 * parent domains, addresses shortened octet by octet, mail addresses by user and domain.
 */
import { domainOf, localPart, splitDetail } from '../../src/mail/address.ts';

/** Hostile names may have many labels; more than these are not looked up. */
const MOST_LABELS = 64;

/** `mail.example.com`, then its parents: as `example.com` or, where subdomains need it said, as `.example.com`. */
export function hostKeys(name: string, parentMatches: boolean): readonly string[] {
  const host = name.toLowerCase().replace(/\.$/, '');
  const labels = host.split('.').slice(-MOST_LABELS);
  const dot = parentMatches ? '' : '.';
  return [host, ...labels.slice(1).map((_, i) => dot + labels.slice(i + 1).join('.'))];
}

/** `192.0.2.1`, `192.0.2`, `192.0`, `192`; an IPv6 address likewise by its groups. */
export function ipKeys(ip: string): readonly string[] {
  const plain = ip.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  const separator = plain.includes(':') ? ':' : '.';
  const keys: string[] = [];
  for (let key = plain; key !== ''; key = key.slice(0, Math.max(0, key.lastIndexOf(separator)))) {
    if (!key.endsWith(separator)) keys.push(key);
  }
  return keys;
}

/** `user+detail@domain`, `user@domain`, the domain and its parents, `user+detail@`, `user@`. */
export function mailKeys(address: string, parentMatches: boolean, delimiters: string): readonly string[] {
  const user = localPart(address).toLowerCase();
  const domain = domainOf(address);
  const detail = delimiters === '' ? null : splitDetail(user, delimiters);
  const users = detail === null ? [user] : [user, detail.user];
  const hosts = domain === '' ? [] : hostKeys(domain, parentMatches);
  return [...users.map((name) => (domain === '' ? name : `${name}@${domain}`)), ...hosts, ...users.map((name) => `${name}@`)];
}
