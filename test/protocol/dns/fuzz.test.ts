/** The codec throws only its own error for any input from the network, and reads what it has written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  makeQuery,
  type ResourceRecord,
} from '../../../src/protocol/dns/message.ts';
import { labelsOf, NameError, nameLength, parseName, spellOctet } from '../../../src/protocol/dns/name.ts';
import { readQuery } from '../../../src/protocol/dns/query.ts';
import { printRdata, readRdata } from '../../../src/protocol/dns/rr/rdata.ts';
import { TYPE_NAMES, typeNumber } from '../../../src/protocol/dns/rr/table.ts';
import { WireError, WireReader, WireWriter } from '../../../src/protocol/dns/wire.ts';
import { buildZone } from '../../../src/protocol/dns/zone.ts';
import { loadZone } from '../../../src/protocol/dns/zone-check.ts';
import { parseZoneFile } from '../../../src/protocol/dns/zone-file.ts';
import { printZone } from '../../../src/protocol/dns/zone-print.ts';
import { rdataFromText } from './rdata-text.ts';

const label = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((octets) => [...octets].map(spellOctet).join(''));
const name = fc.array(label, { maxLength: 5 }).map((labels) => (labels.length === 0 ? '.' : `${labels.join('.')}.`));

const record: fc.Arbitrary<ResourceRecord> = fc
  .record({
    name,
    ttl: fc.nat(0x7fffffff),
    data: fc.oneof(
      fc.record({
        type: fc.constant(15),
        rdata: fc
          .tuple(fc.nat(65535), name)
          .map(([preference, target]) => rdataFromText(15, `${preference} ${target}`)),
      }),
      fc.record({ type: fc.constant(2), rdata: name.map((target) => rdataFromText(2, target)) }),
      fc.record({ type: fc.constant(1), rdata: fc.uint8Array({ minLength: 4, maxLength: 4 }) }),
      fc.record({
        type: fc.constant(16),
        rdata: fc.uint8Array({ maxLength: 255 }).map((text) => Buffer.from([text.length, ...text])),
      }),
      fc.record({ type: fc.constant(65280), rdata: fc.uint8Array({ maxLength: 40 }) }),
    ),
  })
  .map(({ name: owner, ttl, data }) => ({
    name: owner,
    type: data.type,
    class: 1,
    ttl,
    rdata: Uint8Array.from(data.rdata),
  }));

const message: fc.Arbitrary<Message> = fc
  .record({
    id: fc.nat(65535),
    name,
    answers: fc.array(record, { maxLength: 8 }),
    additionals: fc.array(record, { maxLength: 4 }),
  })
  .map(({ id, name: asked, answers, additionals }) => ({
    ...makeQuery(id, { name: asked, type: 1, class: 1 }),
    qr: true,
    answers,
    additionals,
  }));

/** A name with a pointer has the case of the name that it points to. */
const folded = (from: Message): string => {
  const plain = (records: readonly ResourceRecord[]) =>
    records.map((one) => ({ ...one, rdata: Buffer.from(one.rdata).toString('latin1') }));
  return JSON.stringify({ ...from, answers: plain(from.answers), additionals: plain(from.additionals) }).toLowerCase();
};

const onlyWireError = (act: () => unknown): void => {
  try {
    act();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
};

describe('the DNS codec', () => {
  it('reads what it has written', () => {
    fc.assert(
      fc.property(message, (given) => {
        expect(folded(decodeMessage(encodeMessage(given)))).toBe(folded(given));
      }),
      { numRuns: 300 },
    );
  });

  it('throws only WireError on random octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => onlyWireError(() => decodeMessage(octets))),
      { numRuns: 1000 },
    );
  });

  it('throws only WireError on a message with changed octets, and the reader of the server never throws', () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (given, changes) => {
          const octets = Buffer.from(encodeMessage(given));
          for (const [at, value] of changes) octets[at % octets.length] = value;
          onlyWireError(() => decodeMessage(octets));
          octets[2] = 0;
          readQuery(octets);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each(TYPE_NAMES)(
    'data of type %s is read from any octets or refused, and its text gives the same octets',
    (type) => {
      const number = typeNumber(type) ?? 0;
      // Small octet values produce more valid lengths, types and names.
      const octet = fc.oneof({ weight: 3, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.nat(255) });
      fc.assert(
        fc.property(fc.array(octet, { minLength: 1, maxLength: 60 }), (octets) => {
          onlyWireError(() => {
            const rdata = readRdata(number, new WireReader(Uint8Array.from(octets)), octets.length);
            const text = printRdata(number, rdata);
            expect(rdataFromText(number, text), text).toEqual(rdata);
          });
        }),
        { numRuns: 300 },
      );
    },
  );

  it('refuses service parameters that contradict each other', () => {
    const header = [0, 1, 0];
    for (const parameters of [
      [0, 2, 0, 0],
      [0, 0, 0, 2, 0, 1],
      [0, 0, 0, 4, 0, 4, 0, 3, 0, 3, 0, 2, 0, 25, 0, 4, 0, 4, 127, 0, 0, 1],
    ]) {
      const octets = Uint8Array.from([...header, ...parameters]);
      expect(() => readRdata(typeNumber('SVCB') ?? 0, new WireReader(octets), octets.length)).toThrow(WireError);
    }
  });

  it('refuses data that compression pointers make longer than the limit', () => {
    const long = [...Array.from({ length: 3 }, () => [63, ...new Array<number>(63).fill(97)]).flat(), 0];
    const pointers = Array.from({ length: 1000 }, () => [0xc0, 12]).flat();
    const identity = [1, 2, 0, 1, 0xaa, 0xbb, ...pointers];
    const octets = [
      0,
      1,
      0,
      0,
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      1,
      ...long,
      0,
      1,
      0,
      1,
      0,
      0,
      55,
      0,
      1,
      0,
      0,
      0,
      0,
      identity.length >> 8,
      identity.length & 255,
      ...identity,
    ];
    expect(() => decodeMessage(Uint8Array.from(octets))).toThrow(WireError);
    expect(readQuery(Uint8Array.from(octets))).toMatchObject({ kind: 'error', rcode: 1 });
  });

  it('refuses compression pointers that lead forward, to themselves, or in a loop', () => {
    for (const octets of [
      [0xc0, 0x00],
      [0xc0, 0x02, 0],
      [1, 0x61, 0xc0, 0x00],
      [0xc0, 0x02, 0xc0, 0x00],
    ]) {
      expect(() => new WireReader(Uint8Array.from(octets)).name()).toThrow(WireError);
    }
    // Every pointer leads back, and the name would still be endless.
    const long = Uint8Array.from([...Array.from({ length: 300 }, (_, i) => (i % 2 ? 0x61 : 1)), 0]);
    expect(() => new WireReader(long).name()).toThrow(WireError);
  });

  it('compares names by their octets, whatever they are', () => {
    fc.assert(
      fc.property(name, (given) => {
        expect(parseName(given)).toBe(given);
        const out = new WireWriter();
        out.name(given);
        expect(out.offset).toBe(nameLength(given));
        expect(new WireReader(out.finish()).name()).toBe(given);
        expect(labelsOf(given).length).toBe(given === '.' ? 0 : labelsOf(given).length);
      }),
    );
    expect(() => parseName('a..b')).toThrow(NameError);
    expect(() => parseName('a'.repeat(64))).toThrow(NameError);
    expect(() => parseName(`${'abcdefg.'.repeat(32)}`)).toThrow(NameError);
    expect(parseName('\\097\\.b.C')).toBe('a\\.b.C.');
  });

  it('any text is a zone file with or without faults, never an exception', () => {
    const piece = fc.constantFrom(
      ...[
        '$TTL',
        '$ORIGIN',
        '$GENERATE',
        '$INCLUDE',
        '1-5',
        '@',
        'IN',
        'A',
        'MX',
        'SOA',
        'TXT',
        '(',
        ')',
        '"',
        ';',
        '\n',
        ' ',
        '\\',
        '\\300',
        '1D',
        '10',
        '${0,2,x}',
        '$',
        'a.',
        'SVCB',
        'LOC',
        'NSEC',
        '\\#',
        '\u00ff',
      ],
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 6 })), { maxLength: 60 }), (pieces) => {
        loadZone(pieces.join(' '), { file: 'z', origin: 'example.com.' });
      }),
      { numRuns: 500 },
    );
  });

  it('B2: a zone printed and read again is the same zone', () => {
    const soa = { name: 'example.com.', type: 6, class: 1, ttl: 60, rdata: rdataFromText(6, 'ns. admin. 1 2 3 4 5') };
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), (records) => {
        const inside = records
          .map((one) => ({ ...one, name: one.name === '.' ? 'example.com.' : `${one.name}example.com.` }))
          .filter((one) => nameLength(one.name) < 256 && !(one.type === 2 && one.name.startsWith('*.')));
        const { zone } = buildZone('example.com.', [soa, ...inside]);
        if (zone === null) throw new Error('no zone');
        const text = [...printZone(zone)].join('');
        const again = parseZoneFile(text, { file: 'z', origin: 'example.com.' });
        expect(again.faults).toEqual([]);
        const reread = buildZone('example.com.', again.records).zone;
        expect(reread === null ? '' : [...printZone(reread)].join('')).toBe(text);
      }),
      { numRuns: 200 },
    );
    expect(printRdata(16, rdataFromText(16, '"a\\"b" "\\200"'))).toBe('"a\\"b" "\\200"');
  });
});
