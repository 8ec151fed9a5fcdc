/** Record types compared with vectors from named-rrchecker (BIND 9.18): text to octets, octets to text. */
import { describe, expect, it } from 'vitest';
import { PresentationError } from '../../../src/protocol/dns/presentation.ts';
import { printUnknown } from '../../../src/protocol/dns/rr/field.ts';
import { printRdata, readRdata } from '../../../src/protocol/dns/rr/rdata.ts';
import { TYPE_NAMES, typeName, typeNumber } from '../../../src/protocol/dns/rr/table.ts';
import { WireReader } from '../../../src/protocol/dns/wire.ts';
import { jsonLines } from '../../kit/json-lines.ts';
import { rdataFromText } from './rdata-text.ts';

interface Vector {
  readonly type: string;
  readonly text: string;
  readonly error?: boolean;
  readonly presentation?: string;
  readonly wire?: string;
}

const vectors = jsonLines<Vector>(new URL('./golden/records.jsonl', import.meta.url));
const numberOf = (name: string): number => {
  const number = typeNumber(name);
  if (number === null) throw new Error(`no type ${name}`);
  return number;
};
/** BIND splits long hexadecimal and base64 data with spaces. */
const joined = (text: string): string => text.replaceAll(' ', '');

describe('record types', () => {
  it.each(vectors.filter((vector) => !vector.error))(
    'B2: $type $text is read and printed as in BIND',
    ({ type, text, presentation, wire }) => {
      const number = numberOf(type);
      const rdata = rdataFromText(number, text);
      expect(rdata.toString('hex').toUpperCase()).toBe(wire);
      expect(joined(printRdata(number, rdata))).toBe(joined(presentation ?? ''));
      expect(rdataFromText(number, printRdata(number, rdata))).toEqual(rdata);
      expect(readRdata(number, new WireReader(rdata), rdata.length)).toEqual(rdata);
      expect(rdataFromText(number, printUnknown(rdata))).toEqual(rdata);
    },
  );

  it.each(vectors.filter((vector) => vector.error))('B2: $type $text is refused as in BIND', ({ type, text }) => {
    expect(() => rdataFromText(numberOf(type), text)).toThrow(PresentationError);
  });

  it('B2: every type in the table has a vector', () => {
    const tested = new Set(vectors.map((vector) => vector.type));
    expect(TYPE_NAMES.filter((name) => !tested.has(name))).toEqual([]);
  });

  it('types without a row in the table are named by their number', () => {
    expect(typeName(731)).toBe('TYPE731');
    expect(typeNumber('type731')).toBe(731);
    expect(typeNumber('TYPE65536')).toBeNull();
    expect(typeNumber('NOPE')).toBeNull();
  });
});
