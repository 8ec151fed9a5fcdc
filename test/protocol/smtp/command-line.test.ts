import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseCommandLine } from '../../../src/protocol/smtp/command-line.ts';

it.each([
  ['mail FROM:<a@b>', { verb: 'MAIL', argument: 'FROM:<a@b>' }],
  ['quit', { verb: 'QUIT', argument: '' }],
  ['noop  x', { verb: 'NOOP', argument: ' x' }],
  ['', { verb: '', argument: '' }],
  [' \tquit', { verb: 'QUIT', argument: '' }],
  [' ', { verb: '', argument: '' }],
  ['rcpt to:<用户@例子>', { verb: 'RCPT', argument: 'to:<用户@例子>' }],
])('%j is split at its first blank', (text, expected) => {
  expect(parseCommandLine(Buffer.from(text))).toEqual(expected);
});

it('what is not UTF-8 is seen in the command', () => {
  expect(parseCommandLine(Buffer.from([0x4d, 0xff, 0x20])).verb).toContain('\ufffd');
  expect(parseCommandLine(Buffer.from([0x4d, 0x20, 0xed, 0xa0, 0x80])).argument).toContain('\ufffd');
});

it('accepts any octets without an exception', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => void parseCommandLine(Buffer.from(octets))));
});
