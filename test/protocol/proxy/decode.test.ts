/** Headers as the specification has them, faulty ones, and whatever else a network may bring. */
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeProxyHeader } from '../../../src/protocol/proxy/decode.ts';
import { ip4, ip6, version2 } from '../../kit/proxy-header.ts';

const text = (line: string): Buffer => Buffer.from(line, 'latin1');
const ends = (source: string, destination: string, sourcePort: number, destinationPort: number) => ({
  remote: { ip: source, port: sourcePort },
  local: { ip: destination, port: destinationPort },
});
const V4 = ends('192.0.2.7', '198.51.100.1', 51234, 25);
const V6 = ends('2001:db8::7', '2001:db8::1', 51234, 25);
const BODY4 = ip4('192.0.2.7', '198.51.100.1', 51234, 25);
const BODY6 = ip6('2001:db8::7', '2001:db8::1', 51234, 25);
const MAPPED = ip6('::ffff:192.0.2.7', '::ffff:198.51.100.1', 51234, 25);

const GOOD: readonly (readonly [string, Buffer, object | null])[] = [
  ['IPv4 in text', text('PROXY TCP4 192.0.2.7 198.51.100.1 51234 25\r\n'), V4],
  ['IPv6 in text', text('PROXY TCP6 2001:db8::7 2001:db8::1 51234 25\r\n'), V6],
  ['IPv6 in its longest text', text('PROXY TCP6 2001:0DB8:0:0:0:0:0:7 2001:DB8::1 51234 25\r\n'), V6],
  ['IPv4 in IPv6 text', text('PROXY TCP6 ::ffff:192.0.2.7 ::FFFF:198.51.100.1 51234 25\r\n'), V4],
  [
    'a client without a port',
    text('PROXY TCP4 192.0.2.7 198.51.100.1 0 25\r\n'),
    ends('192.0.2.7', '198.51.100.1', 0, 25),
  ],
  ['an unknown client in text', text('PROXY UNKNOWN\r\n'), null],
  ['an unknown client with more text', text('PROXY UNKNOWN ffff::1 x 70000 \t\0\xff\r\n'), null],
  ['IPv4 in octets', version2(1, 0x11, BODY4), V4],
  ['IPv6 in octets', version2(1, 0x21, BODY6), V6],
  ['IPv4 in IPv6 octets', version2(1, 0x21, MAPPED), V4],
  ['octets with more values', version2(1, 0x11, Buffer.concat([BODY4, text('\x04\0\x03abc')])), V4],
  ['octets with broken values', version2(1, 0x11, Buffer.concat([BODY4, text('\x04\xff')])), V4],
  ['octets of the longest header', version2(1, 0x11, Buffer.concat([BODY4, Buffer.alloc(4096 - 12)])), V4],
  ['the proxy itself', version2(0, 0x00, Buffer.alloc(0)), null],
  ['the proxy itself with addresses', version2(0, 0x11, BODY4), null],
];

const PROTOCOL = 'a PROXY header for another protocol than TCP4 and TCP6';
const FAULTY = 'a PROXY header with a faulty address or port';
const TRANSPORT = 'a PROXY header for another protocol than TCP over IPv4 and IPv6';
const BAD: readonly (readonly [string, Buffer, string])[] = [
  ['another protocol', text('EHLO client.example\r\n'), 'no PROXY header'],
  ['lower case', text('proxy TCP4 192.0.2.7 198.51.100.1 51234 25\r\n'), 'no PROXY header'],
  ['a broken signature', text('\r\n\r\n\0\r\nQUIT\r'), 'no PROXY header'],
  ['another family', text('PROXY UDP4 192.0.2.7 198.51.100.1 51234 25\r\n'), PROTOCOL],
  ['a family in lower case', text('PROXY tcp4 192.0.2.7 198.51.100.1 51234 25\r\n'), PROTOCOL],
  ['no family', text('PROXY \r\n'), PROTOCOL],
  ['no addresses', text('PROXY TCP4\r\n'), FAULTY],
  ['a missing port', text('PROXY TCP4 192.0.2.7 198.51.100.1 51234\r\n'), FAULTY],
  ['a field too many', text('PROXY TCP4 192.0.2.7 198.51.100.1 51234 25 x\r\n'), FAULTY],
  ['two blanks', text('PROXY TCP4  192.0.2.7 198.51.100.1 51234 25\r\n'), FAULTY],
  ['a blank at the end', text('PROXY TCP4 192.0.2.7 198.51.100.1 51234 25 \r\n'), FAULTY],
  ['a port that is too high', text('PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n'), FAULTY],
  ['a port with a zero in front', text('PROXY TCP4 192.0.2.7 198.51.100.1 051234 25\r\n'), FAULTY],
  ['a short address', text('PROXY TCP4 192.7 198.51.100.1 51234 25\r\n'), FAULTY],
  ['an address with zeros in front', text('PROXY TCP4 192.000.002.007 198.51.100.1 51234 25\r\n'), FAULTY],
  ['IPv6 as IPv4', text('PROXY TCP4 2001:db8::7 2001:db8::1 51234 25\r\n'), FAULTY],
  ['IPv4 as IPv6', text('PROXY TCP6 192.0.2.7 198.51.100.1 51234 25\r\n'), FAULTY],
  ['an address with a zone', text('PROXY TCP6 fe80::1%eth0 2001:db8::1 51234 25\r\n'), FAULTY],
  ['a line that ends without CR', text(`PROXY TCP4 192.0.2.7 198.51.100.1 51234 25\nEHLO x\r\n`), FAULTY],
  ['a line of 108 octets', text(`PROXY UNKNOWN${'x'.repeat(93)}\r\n`), 'a PROXY header of more than 107 octets'],
  ['version 1 in octets', version2(1, 0x11, BODY4, 1), 'a PROXY header of another version than 1 and 2'],
  ['version 3', version2(1, 0x11, BODY4, 3), 'a PROXY header of another version than 1 and 2'],
  ['an unknown command', version2(2, 0x11, BODY4), 'a PROXY header with an unknown command'],
  ['UDP', version2(1, 0x12, BODY4), TRANSPORT],
  ['IPv4 without a transport', version2(1, 0x10, BODY4), TRANSPORT],
  ['a UNIX socket', version2(1, 0x31, Buffer.alloc(216)), TRANSPORT],
  ['an unknown family', version2(1, 0x41, BODY4), TRANSPORT],
  ['an unknown client in octets', version2(1, 0x00, Buffer.from('abcd')), TRANSPORT],
  ['octets too few for IPv4', version2(1, 0x11, BODY4.subarray(0, 11)), 'a PROXY header that is too short'],
  ['octets too few for IPv6', version2(1, 0x21, BODY6.subarray(0, 35)), 'a PROXY header that is too short'],
  ['octets too many', version2(1, 0x11, Buffer.alloc(4097)), 'a PROXY header of more than 4112 octets'],
];

/** What a reader gets that decodes again whenever an octet comes, and how many it took. */
function octetByOctet(octets: Buffer): readonly [ReturnType<typeof decodeProxyHeader>, number] {
  for (let length = 0; length <= octets.length; length += 1) {
    const result = decodeProxyHeader(octets.subarray(0, length));
    if (result !== null) return [result, length];
  }
  return [null, octets.length];
}

const headerOf = (octets: Buffer, expected: object | null): object => ({
  length: octets.length,
  ends: expected,
  ...(octets.includes('PROXY UNKNOWN') ? { isUnknown: true as const } : {}),
});

describe('P21: a PROXY header', () => {
  it.each(GOOD)('is read: %s', (_what, octets, expected) => {
    expect(decodeProxyHeader(octets)).toEqual(headerOf(octets, expected));
  });

  it.each(BAD)('is refused: %s', (_what, octets, expected) => {
    expect(decodeProxyHeader(octets)).toBe(expected);
  });

  it.each(GOOD)('is waited for, and leaves alone what follows: %s', (_what, octets, expected) => {
    expect(octetByOctet(octets)).toEqual([headerOf(octets, expected), octets.length]);
    const more = Buffer.concat([octets, text('EHLO x\r\n')]);
    expect(decodeProxyHeader(more)).toEqual(headerOf(octets, expected));
  });

  it.each(BAD)('is refused with the same words however it comes: %s', (_what, octets, expected) => {
    expect(octetByOctet(octets)[0]).toBe(expected);
  });

  it('of a client that speaks another protocol is refused at its first octet', () => {
    expect(octetByOctet(text('EHLO client.example\r\n'))).toEqual(['no PROXY header', 1]);
    expect(octetByOctet(text('\x16\x03\x01'))).toEqual(['no PROXY header', 1]);
  });
});

describe('whatever comes', () => {
  const likely = fc.oneof(
    fc.constantFrom(...GOOD.map(([, octets]) => octets), ...BAD.map(([, octets]) => octets)),
    fc
      .tuple(fc.constantFrom('PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ', '\r\n\r\n\0\r\nQUIT\n'), fc.uint8Array())
      .map(([start, rest]) => Buffer.concat([text(start), rest])),
    fc.uint8Array().map((octets) => Buffer.from(octets)),
  );
  const mutated = fc
    .tuple(likely, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.uint8Array({ maxLength: 200 }))
    .map(([octets, changes, more]) => {
      const copy = Buffer.concat([octets, more]);
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    });

  it('never throws, reads nothing beyond the header, and gives addresses that exist', () => {
    fc.assert(
      fc.property(mutated, (octets) => {
        const result = decodeProxyHeader(octets);
        if (result === null || typeof result === 'string') return;
        expect(result.length).toBeLessThanOrEqual(octets.length);
        expect(decodeProxyHeader(octets.subarray(0, result.length))).toEqual(result);
        expect(decodeProxyHeader(octets.subarray(0, result.length - 1))).toBeNull();
        for (const { ip, port } of Object.values(result.ends ?? {})) {
          expect(isIP(ip)).not.toBe(0);
          expect(ip).not.toMatch(/^::ffff:[0-9a-f]+:[0-9a-f]+$/);
          expect(port).toBeLessThanOrEqual(65_535);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('gives the same however it was split, and never waits for more than 4112 octets', () => {
    fc.assert(
      fc.property(mutated, (octets) => {
        const whole = decodeProxyHeader(octets);
        expect(octetByOctet(octets)[0]).toEqual(whole);
        if (whole === null) expect(octets.length).toBeLessThan(4112);
      }),
    );
  });

  it('reads back any address and port', () => {
    const port = fc.nat(65_535);
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), port, port, (source, destination, from, to) => {
        const expected = ends(source, destination, from, to);
        const line = text(`PROXY TCP4 ${source} ${destination} ${from} ${to}\r\n`);
        expect(decodeProxyHeader(line)).toEqual({ length: line.length, ends: expected });
        const octets = version2(1, 0x11, ip4(source, destination, from, to));
        expect(decodeProxyHeader(octets)).toEqual(headerOf(octets, expected));
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), port, port, (source, destination, from, to) => {
        const line = decodeProxyHeader(text(`PROXY TCP6 ${source} ${destination} ${from} ${to}\r\n`));
        const octets = decodeProxyHeader(version2(1, 0x21, ip6(source, destination, from, to)));
        expect(line).toMatchObject({ ends: { remote: { port: from }, local: { port: to } } });
        expect(octets).toMatchObject({ ends: (line as { ends: object }).ends });
      }),
    );
  });
});
