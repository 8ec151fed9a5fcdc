/** Headers of the PROXY protocol, as a proxy writes them. */
import ipaddr from 'ipaddr.js';

/** Version 2 of any content, right or wrong: command 0 is LOCAL, 1 PROXY; family 0x11 is TCP over IPv4, 0x21 IPv6. */
export function version2(command: number, family: number, body: Buffer, version = 2): Buffer {
  const fixed = Buffer.from('\r\n\r\n\0\r\nQUIT\n....');
  fixed.writeUInt8((version << 4) | command, 12);
  fixed.writeUInt8(family, 13);
  fixed.writeUInt16BE(body.length, 14);
  return Buffer.concat([fixed, body]);
}

type Ends = readonly [source: string, destination: string, sourcePort: number, destinationPort: number];

function bodyOf(parse: (text: string) => { toByteArray(): number[] }, ends: Ends): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(ends[2], 0);
  ports.writeUInt16BE(ends[3], 2);
  return Buffer.concat([Buffer.from(parse(ends[0]).toByteArray()), Buffer.from(parse(ends[1]).toByteArray()), ports]);
}

/** The addresses and ports of version 2. */
export const ip4 = (...ends: Ends): Buffer => bodyOf((text) => ipaddr.IPv4.parse(text), ends);
export const ip6 = (...ends: Ends): Buffer => bodyOf((text) => ipaddr.IPv6.parse(text), ends);
