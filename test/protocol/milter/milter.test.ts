import { randomBytes, randomInt } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import { MilterAnswerError, parseAnswer } from '../../../src/protocol/milter/answers.ts';
import { encodeConnect, strings } from '../../../src/protocol/milter/commands.ts';
import { encodeOptions, optionsOf, parseAgreement } from '../../../src/protocol/milter/options.ts';
import {
  encodePacket,
  MAX_PACKET,
  MilterPacketError,
  type Packet,
  PacketReader,
} from '../../../src/protocol/milter/packet.ts';
import { parseMilter } from '../../../src/protocol/milter/specification.ts';

const answerOf = (letter: string, data: string) => parseAnswer({ letter, data: Buffer.from(data, 'latin1') });

describe('packets of the milter protocol', () => {
  it('are found however the octets are divided', () => {
    const sent = Array.from({ length: 50 }, (_, i) => encodePacket('b', randomBytes(i * 37)));
    const all = Buffer.concat(sent);
    const reader = new PacketReader();
    const found: Packet[] = [];
    for (let at = 0; at < all.length; ) {
      const length = randomInt(1, 400);
      reader.push(all.subarray(at, at + length));
      at += length;
      for (let packet = reader.next(); packet !== undefined; packet = reader.next()) found.push(packet);
    }
    expect(found.map(({ letter, data }) => encodePacket(letter, data))).toEqual(sent);
    expect(reader.size).toBe(0);
  });

  test.each([0, MAX_PACKET + 1, 0x4000_0000, 0xffff_ffff])('of length %d are refused before they come', (length) => {
    const reader = new PacketReader();
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    reader.push(head);
    expect(() => reader.next()).toThrow(MilterPacketError);
  });
});

describe('answers of a milter', () => {
  test.each([
    ['c', '', { kind: 'continue' }],
    ['y', '550 5.7.1 no\0', { kind: 'reply', text: '550 5.7.1 no' }],
    ['h', 'X-A\0\xe4\0', { kind: 'add-header', name: 'X-A', value: '\xe4' }],
    ['i', '\0\0\0\x02X-A\0v\0', { kind: 'insert-header', index: 2, name: 'X-A', value: 'v' }],
    ['m', '\0\0\0\x01X-A\0\0', { kind: 'change-header', index: 1, name: 'X-A', value: '' }],
    ['2', '<a@b>\0NOTIFY=NEVER\0', { kind: 'add-recipient', address: '<a@b>', parameters: 'NOTIFY=NEVER' }],
    ['e', '<>\0', { kind: 'change-sender', address: '<>', parameters: '' }],
    ['q', 'why\0', { kind: 'quarantine', reason: 'why' }],
    ['Z', '', { kind: 'unknown', name: '(unknown filter reply)' }],
  ])('%s %j', (letter, data, expected) => {
    expect(answerOf(letter, data)).toEqual(expected);
  });

  test.each([
    ['h', 'X-A\0v'],
    ['h', 'X A\0v\0'],
    ['h', '\0v\0'],
    ['h', 'X\r\nY\0v\0'],
    ['i', '\0\0'],
    ['m', '\0\0\0\x01X\0'],
    ['y', '550'],
    ['+', ''],
    ['q', 'a\0b\0'],
  ])('malformed: %s %j', (letter, data) => {
    expect(() => answerOf(letter, data)).toThrow(MilterAnswerError);
  });

  it('are values or a MilterAnswerError, whatever comes', () => {
    for (let i = 0; i < 3000; i += 1) {
      const data = randomBytes(randomInt(40));
      const letter = String.fromCharCode(randomInt(256));
      try {
        expect(parseAnswer({ letter, data }).kind).toBeTypeOf('string');
      } catch (error) {
        expect(error).toBeInstanceOf(MilterAnswerError);
      }
      parseAgreement(data);
    }
  });
});

test('what an MTA offers comes back as an agreement', () => {
  const offer = optionsOf(6);
  expect(offer).toEqual({ version: 6, actions: 0x1ff, steps: 0x1f_ffff });
  expect(optionsOf(5)).toBeUndefined();
  if (offer === undefined) return;
  const symbols = Buffer.from('\0\0\0\x02i {mail_addr}\0', 'latin1');
  expect(parseAgreement(Buffer.concat([encodeOptions(offer), symbols]))).toEqual({
    ...offer,
    symbols: new Map([['mail', ['i', '{mail_addr}']]]),
  });
});

test('a client cannot end a text of ours early', () => {
  expect(strings('a\0b', 'c')).toBe('ab\0c\0');
  expect(encodeConnect('[192.0.2.1]', '192.0.2.1', 25).toString('latin1')).toBe(
    '\0\0\0\x1aC[192.0.2.1]\x004\0\x19192.0.2.1\0',
  );
});

test.each([
  ['inet:localhost:8891', { endpoint: { host: 'localhost', port: 8891 } }],
  ['inet:[::1]:8891', { endpoint: { host: '::1', port: 8891 } }],
  ['unix:/run/a', { endpoint: { path: '/run/a' } }],
  [
    '{ inet:127.0.0.1:1, connect_timeout=10s, default_action = accept, command_timeout=1m }',
    {
      name: 'inet:127.0.0.1:1',
      endpoint: { host: '127.0.0.1', port: 1 },
      connectTimeout: 10_000,
      commandTimeout: 60_000,
      defaultAction: 'accept',
    },
  ],
])('%s is a milter', (text, expected) => {
  expect(parseMilter(text)).toMatchObject(expected);
});

test.each([
  ['inet:8891', 'expected inet:host:port or unix:path'],
  ['inet:a:0', 'expected inet:host:port or unix:path'],
  ['{ unix:/a, conect_timeout=1 }', 'expected one of connect_timeout'],
  ['{ unix:/a, command_timeout=soon }', 'no value of command_timeout'],
  ['{ unix:/a, default_action=drop }', 'no value of default_action'],
])('%s is a fault', (text, fault) => {
  expect(parseMilter(text)).toContain(fault);
});
