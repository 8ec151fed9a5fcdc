import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BareLfWatch, type BodyReader, ChunkBody, DotBody } from '../../../src/protocol/smtp/body.ts';
import { piecesOf } from '../../kit/pieces.ts';

/** Feeds `text` split at `cuts`; returns the body and what follows it, or null if it has not ended. */
function read(reader: BodyReader, text: string, cuts: readonly number[]): { body: string; rest: string } | null {
  const octets = Buffer.from(text, 'latin1');
  const parts: Buffer[] = [];
  let at = 0;
  for (const chunk of piecesOf(octets, cuts)) {
    if (chunk.length === 0) continue;
    const end = reader.push(chunk, 0, parts);
    if (end >= 0)
      return { body: Buffer.concat(parts).toString('latin1'), rest: octets.subarray(at + end).toString('latin1') };
    at += chunk.length;
  }
  return null;
}

/**
 * The expected result from the definition: a line ends with LF; a dot alone on a line ends the body if both its line
 * end and the previous one are CRLF.
 */
function define(text: string): { body: string; rest: string } | null {
  let body = '';
  let properBefore = true;
  for (let at = 0; ; ) {
    const end = text.indexOf('\n', at) + 1;
    if (end === 0) return null;
    const line = text.slice(at, end);
    const proper = line.endsWith('\r\n');
    if (line === '.\r\n' && properBefore) return { body, rest: text.slice(end) };
    if (line !== '.\n' && line !== '.\r\n') body += line.startsWith('.') ? line.slice(1) : line;
    properBefore = proper;
    at = end;
  }
}

/** Without smtpd_forbid_bare_newline: any line with only a dot ends it. */
function defineLenient(text: string): { body: string; rest: string } | null {
  const found = /^\.\r*\n/m.exec(text.replace(/\r(?!\r*\n)/g, 'r'));
  if (found === null) return null;
  return {
    body: text.slice(0, found.index).replace(/(^|\n)\./g, '$1'),
    rest: text.slice(found.index + found[0].length),
  };
}

const soup = fc
  .array(fc.constantFrom('.', '..', '\r', '\n', '\r\n', '\r\n.', '\r\n.\r\n', '\n.\n', '\r\r\n', 'a', 'text'), {
    maxLength: 30,
  })
  .map((pieces) => pieces.join(''));
const cuts = fc.array(fc.nat(200), { maxLength: 8 });

describe('the end of DATA', () => {
  it('is CRLF.CRLF and nothing else, however the octets are split', () => {
    fc.assert(
      fc.property(soup, cuts, (text, at) => {
        expect(read(new DotBody('crlf'), text, at)).toEqual(define(text));
        const ended = `${text}\r\n.\r\nNOOP\r\n`;
        expect(read(new DotBody('crlf'), ended, at)).toEqual(define(ended));
      }),
      { numRuns: 1500 },
    );
  });

  it('is any line with only a dot if bare LF is allowed', () => {
    fc.assert(
      fc.property(soup, cuts, (text, at) => {
        expect(read(new DotBody('lf'), text, at)).toEqual(defineLenient(text));
      }),
      { numRuns: 1500 },
    );
  });

  it.each([
    ['a\n..b\r\n.\r\n', 'a\n.b\r\n'],
    ['a\n.\nb\r\n.\r\n', 'a\nb\r\n'],
    ['a\r\n.\nb\r\n.\r\n', 'a\r\nb\r\n'],
    ['a\n.\r\nb\r\n.\r\n', 'a\nb\r\n'],
    ['a\n.\r\n.\r\n', 'a\n'],
    ['a\r\n.\r\r\nb\r\n.\r\n', 'a\r\n\r\r\nb\r\n'],
    ['a\r\r\n.\r\n', 'a\r\r\n'],
  ])('of %j is found as in Postfix; the body is %j', (text, body) => {
    for (let cut = 0; cut < text.length; cut += 1)
      expect(read(new DotBody('crlf'), text, [cut])).toEqual({ body, rest: '' });
  });

  it('a bare LF is reported in the body that was read and nowhere else', () => {
    fc.assert(
      fc.property(soup, cuts, (text, at) => {
        const watch = new BareLfWatch();
        const ended = `${text}\r\n.\r\nNOOP\n`;
        const outcome = read(watch.over(new DotBody('crlf')), ended, at);
        const read_ = ended.slice(0, ended.length - (outcome?.rest.length ?? 0));
        expect(watch.seen).toBe(/(?<!\r)\n/.test(read_));
      }),
    );
  });

  it('returns every dot-stuffed body', () => {
    fc.assert(
      fc.property(soup, cuts, (text, at) => {
        const body = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
        const stuffed = body
          .split('\n')
          .map((line) => (line.startsWith('.') ? `.${line}` : line))
          .join('\n');
        expect(read(new DotBody('crlf'), `${stuffed}.\r\nQUIT\r\n`, at)).toEqual({ body, rest: 'QUIT\r\n' });
      }),
      { numRuns: 500 },
    );
  });

  it('passes long text on without a copy', () => {
    const chunk = Buffer.from(`${'x'.repeat(60_000)}\r\n.\r\n`);
    const parts: Buffer[] = [];
    expect(new DotBody('crlf').push(chunk, 0, parts)).toBe(chunk.length);
    expect(parts).toHaveLength(1);
    expect(parts[0]?.buffer).toBe(chunk.buffer);
  });
});

describe('a chunk of BDAT', () => {
  it('has the announced number of octets, however they are split', () => {
    fc.assert(
      fc.property(fc.nat(60), cuts, (length, at) => {
        const body = 'x\r\n.\r\n'.repeat(10).slice(0, length);
        if (length > 0) expect(read(new ChunkBody(length), `${body}NOOP\r\n`, at)).toEqual({ body, rest: 'NOOP\r\n' });
        expect(read(new ChunkBody(length + 1), body, at)).toBeNull();
      }),
    );
  });
});
