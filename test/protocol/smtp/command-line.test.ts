import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseCommandLine } from '../../../src/protocol/smtp/command-line.ts';

it.each([
  ['mail FROM:<a@b>', { verb: 'MAIL', argument: 'FROM:<a@b>' }],
  ['quit', { verb: 'QUIT', argument: '' }],
  ['noop  x', { verb: 'NOOP', argument: ' x' }],
  ['', { verb: '', argument: '' }],
  [' quit', { verb: '', argument: 'quit' }],
  ['rcpt to:<用户@例子>', { verb: 'RCPT', argument: 'to:<用户@例子>' }],
])('%j is cut at its first blank', (text, expected) => {
  expect(parseCommandLine(Buffer.from(text))).toEqual(expected);
});

it('what is no UTF-8 is no command', () => {
  expect(parseCommandLine(Buffer.from([0x4d, 0xff, 0x20]))).toBeNull();
  expect(parseCommandLine(Buffer.from([0xed, 0xa0, 0x80]))).toBeNull();
});

it('takes any octets without a fault', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => void parseCommandLine(Buffer.from(octets))));
});
