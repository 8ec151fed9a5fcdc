/**
 * The gateway of a container's network. If the container's host forwards ports through a proxy (Docker's userland
 * proxy, rootless containers), every client appears to come from this one address.
 */
import { existsSync, readFileSync } from 'node:fs';

const MARKS = ['/.dockerenv', '/run/.containerenv'];

/** Null outside of a container, or without an IPv4 default route. */
export function containerGateway(): string | null {
  if (!MARKS.some((path) => existsSync(path))) return null;
  try {
    return defaultGateway(readFileSync('/proc/net/route', 'latin1'));
  } catch {
    return null;
  }
}

/**
 * Parses /proc/net/route (proc(5)): addresses are hexadecimal, with their octets in the machine's byte order,
 * little-endian. @internal
 */
export function defaultGateway(routes: string): string | null {
  for (const line of routes.split('\n').slice(1)) {
    const [, destination, gateway = ''] = line.split('\t');
    if (destination !== '00000000' || !/^[0-9A-F]{8}$/.test(gateway) || gateway === '00000000') continue;
    return [...Buffer.from(gateway, 'hex')].reverse().join('.');
  }
  return null;
}
