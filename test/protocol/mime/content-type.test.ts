/** Content-Type and Content-Disposition as senders write them, valid or not: the content is still read as intended. */
import { describe, expect, it } from 'vitest';
import type { Part } from '../../../src/mail/message.ts';
import { locateSection } from '../../../src/protocol/imap/section.ts';
import { MessageIndexer } from '../../../src/protocol/mime/indexer.ts';
import { parseParameterized } from '../../../src/protocol/mime/parameters.ts';

function root(text: string): Part {
  const indexer = new MessageIndexer();
  indexer.write(Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1'));
  return indexer.end().root;
}

describe('a value with parameters', () => {
  it.each([
    ['text/plain; charset=utf-8', 'text/plain', [['charset', 'utf-8']]],
    ['text/plain charset=utf-8', 'text/plain', [['charset', 'utf-8']]],
    ['text/plain\r\n charset=utf-8', 'text/plain', [['charset', 'utf-8']]],
    [
      'text/plain charset=utf-8; format=flowed',
      'text/plain',
      [
        ['charset', 'utf-8'],
        ['format', 'flowed'],
      ],
    ],
    ['text/plain, charset=utf-8', 'text/plain', [['charset', 'utf-8']]],
    ['text/plain: charset=utf-8', 'text/plain', [['charset', 'utf-8']]],
    ['text/html charset="utf-8"', 'text/html', [['charset', 'utf-8']]],
    ['text / html ; charset = utf-8', 'text/html', [['charset', 'utf-8']]],
    ['(a) TEXT/HTML (b) (c); charset=utf-8', 'text/html', [['charset', 'utf-8']]],
    ['text/html foo/bar', 'text/html', []],
    ['text/html,text/plain', 'text/html', []],
    ['text/plain/foo', 'text/plain', []],
    ['multipart/mixed boundary=b', 'multipart/mixed', [['boundary', 'b']]],
    ['attachment filename=x.pdf', 'attachment', [['filename', 'x.pdf']]],
    ['attachment filename="a b.pdf"', 'attachment', [['filename', 'a b.pdf']]],
    ['text', 'text', []],
    ['text/', 'text', []],
    ['/plain', '', []],
    ['"text/plain"', '', []],
    ['', '', []],
  ])('%j', (field, value, parameters) => {
    expect(parseParameterized(field)).toEqual({ value, parameters });
  });
});

describe('the parts of a message', () => {
  it('are found if the semicolon before the boundary is missing', () => {
    const part = root(
      'Content-Type: multipart/mixed boundary=b\n\n--b\nContent-Type: text/html charset=utf-8\n\nHello\n--b--\n',
    );
    expect([part.type, part.parts.map(({ type, subtype, parameters }) => [type, subtype, parameters])]).toEqual([
      'multipart',
      [['text', 'html', [['charset', 'utf-8']]]],
    ]);
  });

  it.each([
    ['a multipart without a boundary', 'Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n', [1]],
    ['one whose boundary does not occur', 'Content-Type: multipart/mixed; boundary=n\n\ntext\n', [1]],
    ['one with only its final boundary', 'Content-Type: multipart/mixed; boundary=b\n\n--b--\n', [1]],
    ['one without a body', 'Content-Type: multipart/mixed; boundary=b\n\n', [1]],
    [
      'one inside another',
      'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative\n\nfoo\n--b--\n',
      [1, 1],
    ],
  ])('of %s: BODYSTRUCTURE shows one empty part, and BODY gives it', (_name, text, path) => {
    const part = root(text);
    const whole = locateSection(part, { path, text: '', fields: [] });
    expect(whole !== null && whole.end - whole.start).toBe(0);
    expect(locateSection(part, { path: [...path.slice(0, -1), 2], text: '', fields: [] })).toBeNull();
    expect(locateSection(part, { path, text: 'MIME', fields: [] })).not.toBeNull();
  });
});
