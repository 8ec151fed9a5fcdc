/**
 * The gateway of a container's network. Where the container's host forwards ports by a proxy (Docker's userland proxy,
 * rootless containers), every client in the world comes from this one address.
 */
import { existsSync, readFileSync } from 'node:fs';

const MARKS = ['/.dockerenv', '/run/.containerenv'];

/** Null outside of a container, and where it has no default route by IPv4. */
export function containerGateway(): string | null {
  if (!MARKS.some((path) => existsSync(path))) return null;
  try {
    return defaultGateway(readFileSync('/proc/net/route', 'latin1'));
  } catch {
    return null;
  }
}

/**
 * Of the text of /proc/net/route (proc(5)): addresses are hexadecimal, their octets in the order of the machine, little
 * end first. @internal
 */
export function defaultGateway(routes: string): string | null {
  for (const line of routes.split('\n').slice(1)) {
    const [, destination, gateway = ''] = line.split('\t');
    if (destination !== '00000000' || !/^[0-9A-F]{8}$/.test(gateway) || gateway === '00000000') continue;
    return [...Buffer.from(gateway, 'hex')].reverse().join('.');
  }
  return null;
}
