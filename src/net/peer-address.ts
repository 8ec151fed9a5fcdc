/** How the addresses of peers are written and counted. */
import ipaddr from 'ipaddr.js';

/** IPv4 addresses that came in over an IPv6 socket lose their `::ffff:` (RFC 4291 section 2.5.5.2). */
export function plainIp(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip;
}

/** Who shares a limit: an IPv4 address alone, an IPv6 address with its /64, for one host has all of that. */
export function limitKey(ip: string): string {
  if (!ip.includes(':') || !ipaddr.IPv6.isValid(ip)) return ip;
  return ipaddr.IPv6.parse(ip).parts.slice(0, 4).join(':');
}
