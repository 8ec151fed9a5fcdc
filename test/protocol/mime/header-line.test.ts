import { expect, it } from 'vitest';
import { parseHeader } from '../../../src/protocol/mime/header.ts';
import { headerLine } from '../../../src/protocol/mime/header-line.ts';
import { decodeHeaderText, encodeHeaderText } from '../../../src/protocol/mime/header-text.ts';

const FAULTY: readonly (readonly [string, unknown])[] = [
  ['an empty line, which would end the header', ''],
  ['a line that continues the previous field', ' X-K: v'],
  ['the same with a tab', '\tX-K: v'],
  ['a line without a colon', 'noColon'],
  ['a field without a name', ': x'],
  ['a name with a blank', 'X J: v'],
  ['a blank before the colon', 'X-J : v'],
  ['a name that is not ASCII', 'Größe: v'],
  ['a CR without LF', 'X: a\rInjected: b'],
  ['a CR at the end', 'X: a\r'],
  ['CR CR LF', 'X: a\r\r\n b'],
  ['a NUL', 'X: a\0b'],
  ['a blank line within', 'X: a\r\n \r\n b'],
  ['a blank line at the end', 'X: a\r\n '],
  ['a line break alone', '\r\n'],
  ['a field without end', `X: ${'a'.repeat(200_000)}`],
  ['a value of another type', { toString: () => 'X: a' }],
];
it.each(FAULTY)('%s is not a header line', (_name, given) => expect(headerLine(given)).toHaveProperty('fault'));

const GOOD: readonly (readonly [string, string])[] = [
  ['X-Seen: yes', 'X-Seen: yes'],
  ['X-Empty:', 'X-Empty:'],
  ['X: a\n\tb\r\n c', 'X: a\r\n\tb\r\n c'],
  ['X: a\r\n', 'X: a'],
  ['X: a\nInjected: b', 'X: a Injected: b'],
  ['X: 中文', 'X: 中文'],
];
it.each(GOOD)('%j becomes %j', (given, line) => expect(headerLine(given)).toEqual({ line }));

it('a value copied from one header to another keeps its octets, whatever its character set', () => {
  const octets = [
    Buffer.from('ü 中文 😀'),
    Buffer.from([0xfc, 0x20, 0xa0, 0xff]),
    Buffer.from([0x61, 0xc3, 0xbc, 0xc3, 0x28]),
    Buffer.from([0xed, 0xb2, 0x80]),
  ];
  for (const value of octets) {
    const header = parseHeader(Buffer.concat([Buffer.from('Subject: '), value, Buffer.from('\r\n\r\n')]));
    expect(encodeHeaderText(header.get('subject') ?? '').equals(value)).toBe(true);
    expect(encodeHeaderText(header.fields[0]?.value.slice(1) ?? '').equals(value)).toBe(true);
  }
  expect(decodeHeaderText(Buffer.from('für').toString('latin1'))).toBe('für');
});
