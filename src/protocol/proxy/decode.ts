/**
 * The header with which a proxy begins a connection that it passes on ("The PROXY protocol", versions 1 and 2, of
 * HAProxy). Version 1 is a line, version 2 is octets.
 *
 * A header is the same however it was split. What cannot become one is refused at the first octet that shows it, or at
 * the latest when the longest header would have ended.
 */
import type { ProxyHeader } from './header.ts';
import { decodeVersion1 } from './version-1.ts';
import { decodeVersion2 } from './version-2.ts';

type Decode = (octets: Buffer) => ProxyHeader | null | string;

const VERSIONS: readonly { readonly signature: Buffer; readonly decode: Decode }[] = [
  { signature: Buffer.from('PROXY '), decode: decodeVersion1 },
  { signature: Buffer.from('\r\n\r\n\0\r\nQUIT\n'), decode: decodeVersion2 },
];

/** The header at the beginning of `octets`; null if its end has not come yet; or what is wrong with it. */
export const decodeProxyHeader: Decode = (octets) => {
  const version = VERSIONS.find(({ signature }) => beginAlike(octets, signature));
  if (version === undefined) return 'no PROXY header';
  return octets.length < version.signature.length ? null : version.decode(octets);
};

function beginAlike(octets: Buffer, signature: Buffer): boolean {
  const length = Math.min(octets.length, signature.length);
  return octets.subarray(0, length).equals(signature.subarray(0, length));
}
