import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommand, parseMessageNumber, parseTop, printable } from '../../../src/protocol/pop3/command.ts';
import { DotStuffer, TopCutter } from '../../../src/protocol/pop3/multi-line.ts';

const cuts = (text: string, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
    Buffer.from(text.slice(i * size, (i + 1) * size), 'latin1'),
  );

const stuff = (chunks: readonly Buffer[]): string => {
  const stuffer = new DotStuffer();
  return chunks.map((chunk) => stuffer.push(chunk).toString('latin1')).join('') + stuffer.end();
};

/** The client's side (RFC 1939 section 3). */
function unstuff(reply: string): string {
  expect(reply.endsWith('\r\n.\r\n') || reply === '.\r\n').toBe(true);
  const lines = reply.slice(0, -3).split('\r\n').slice(0, -1);
  return lines.map((line) => `${line.startsWith('.') ? line.slice(1) : line}\r\n`).join('');
}

describe('command lines', () => {
  it('are a verb in any case and the unchanged rest', () => {
    expect(parseCommand(Buffer.from('pass  two words '))).toEqual({ verb: 'PASS', argument: ' two words ' });
    expect(parseCommand(Buffer.from('QUIT'))).toEqual({ verb: 'QUIT', argument: '' });
    expect(parseCommand(Buffer.from(''))).toEqual({ verb: '', argument: '' });
    expect(parseCommand(Buffer.from(' STAT')).verb).toBe('');
  });

  const numbers: readonly (readonly [string, number | string])[] = [
    ['1', 1],
    ['12 ', 12],
    ['', 'Invalid message number: '],
    ['x', 'Invalid message number: x'],
    ['-1', 'Invalid message number: -1'],
    ['1 2', 'Noise after message number:  2'],
    ['18446744073709551617', 'Message number too large: 18446744073709551617'],
  ];
  for (const [argument, expected] of numbers) {
    it(`"${argument}" is ${expected}`, () => {
      expect(parseMessageNumber(argument)).toBe(expected);
    });
  }

  it('TOP needs two numbers', () => {
    expect(parseTop('2 10')).toEqual({ message: 2, lines: 10 });
    expect(parseTop('2')).toBe('Noise after message number: ');
    expect(parseTop('2 x')).toBe('Invalid size: x');
    expect(parseTop('2 1 3')).toBe('Noise after size:  3');
    expect(parseTop('2 99999999999')).toBe('Size too large: 99999999999');
  });

  it('are safe to print, whatever they contain', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        /^[\x20-\x7e]{0,64}$/.test(printable(parseCommand(bytes).verb)),
      ),
    );
  });
});

describe('multi-line replies', () => {
  it('double the dot at the start of a line, and have an end', () => {
    expect(stuff([Buffer.from('.\r\na\r\n..b\r\n')])).toBe('..\r\na\r\n...b\r\n.\r\n');
    expect(stuff([])).toBe('.\r\n');
    expect(stuff([Buffer.from('no end')])).toBe('no end\r\n.\r\n');
    expect(stuff([Buffer.from('half\r')])).toBe('half\r\n.\r\n');
  });

  it('pass a chunk without a dot on unchanged', () => {
    const chunk = Buffer.from('a\r\nb.c\r\n');
    expect(new DotStuffer().push(chunk)).toBe(chunk);
  });

  it('give the client the original message, however it is split', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('.', '\r\n', 'a', '..', '.\r\n', '\r\n.\r\n')),
        fc.integer({ min: 1, max: 5 }),
        (pieces, size) => {
          const text = pieces.join('');
          const reply = stuff(cuts(text, size));
          expect(reply).toBe(stuff([Buffer.from(text)]));
          expect(unstuff(reply)).toBe(text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`);
        },
      ),
    );
  });
});

describe('TOP', () => {
  const top = (text: string, lines: number, size = 1000): string => {
    const cutter = new TopCutter(lines);
    return cuts(text, size)
      .map((chunk) => cutter.push(chunk).toString('latin1'))
      .join('');
  };

  it('returns the header, its blank line, and the requested number of lines', () => {
    const text = 'A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\n';
    expect(top(text, 0)).toBe('A: b\r\nC: d\r\n\r\n');
    expect(top(text, 1)).toBe('A: b\r\nC: d\r\n\r\none\r\n');
    expect(top(text, 2)).toBe('A: b\r\nC: d\r\n\r\none\r\n\r\n');
    expect(top(text, 9)).toBe(text);
    expect(top('A: b\r\n', 3)).toBe('A: b\r\n');
  });

  it('reports when it has enough', () => {
    const cutter = new TopCutter(1);
    cutter.push(Buffer.from('A: b\r\n\r\none\r\n'));
    expect(cutter.done).toBe(true);
    expect(cutter.push(Buffer.from('two\r\n')).length).toBe(0);
  });

  it('is the same however it is split', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('\r\n', 'a', 'B: c')),
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        (pieces, lines, size) => {
          expect(top(pieces.join(''), lines, size)).toBe(top(pieces.join(''), lines));
        },
      ),
    );
  });
});
