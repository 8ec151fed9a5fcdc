/** How peer addresses are written and counted. */
import ipaddr from 'ipaddr.js';

/** Removes the `::ffff:` of an IPv4 address received on an IPv6 socket (RFC 4291 section 2.5.5.2). */
export function plainIp(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip;
}

/** The key for per-client limits: an IPv4 address, or the /64 of an IPv6 address, since one host usually has it all. */
export function limitKey(ip: string): string {
  if (!ip.includes(':') || !ipaddr.IPv6.isValid(ip)) return ip;
  return ipaddr.IPv6.parse(ip).parts.slice(0, 4).join(':');
}
