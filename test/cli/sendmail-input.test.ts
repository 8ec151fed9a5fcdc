/** What the sendmail command reads from standard input (requirement P4). */
import { describe, expect, it } from 'vitest';
import { addressesOf, recipientsOf, splitHeader, untilDot } from '../../src/cli/named/sendmail-input.ts';

async function* given(pieces: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}

async function all(pieces: AsyncIterable<Buffer>): Promise<string> {
  const read: Buffer[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read).toString('latin1');
}

describe('the end of the message', () => {
  it.each([
    ['a dot alone', 'a\n.\nb\n', 'a\n'],
    ['with CRLF', 'a\r\n.\r\nb', 'a\r\n'],
    ['in the first line', '.\nb', ''],
    ['without a line end', 'a\n.', 'a\n'],
    ['no dot alone', 'a\n..\n. \n.x\nb.\n', 'a\n..\n. \n.x\nb.\n'],
    ['a CR that is none', 'a\n.\rb\n', 'a\n.\rb\n'],
    ['no line end at the end', 'a\nb', 'a\nb'],
    ['line ends alone', '\n\n\n', '\n\n\n'],
    ['nothing', '', ''],
  ])('%s, however the input is cut', async (_what, input, expected) => {
    for (let size = 1; size <= 4; size += 1)
      expect(await all(untilDot(given(input.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [])))).toBe(expected);
  });
});

describe('the header', () => {
  it.each(['Subject: x\n\nbody\n\nmore', 'Subject: x\r\n\r\nbody', '\nbody', 'no end', ''])(
    'nothing of %j is lost, however it is cut',
    async (input) => {
      for (let size = 1; size <= 5; size += 1) {
        const pieces = input.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
        const { start, rest } = await splitHeader(given(pieces));
        expect(start.toString() + (await all(rest))).toBe(input);
      }
    },
  );

  it('the line of an mbox file is left out', async () => {
    const { start } = await splitHeader(given(['From xixi Fri Nov 20 22:33:01 2026\nSubject: x\n\n']));
    expect(start.toString()).toBe('Subject: x\n\n');
  });

  it('recipients are those of To, Cc and Bcc, with groups, names, comments and several fields', () => {
    const header =
      'To: a@x.example, "B, C" <b@x.example>\nCC: (c) c@x.example,\n d\nBcc: team: e@x.example, f@x.example;\nTo: "g h"@x.example\nReply-To: no@x.example\n\nTo: body@x.example\n';
    expect(recipientsOf(Buffer.from(header))).toEqual([
      'a@x.example',
      'b@x.example',
      '"g h"@x.example',
      'c@x.example',
      'd',
      'e@x.example',
      'f@x.example',
    ]);
  });

  it('of a resent message they are those of the Resent- fields', () => {
    expect(recipientsOf(Buffer.from('To: a@x.example\nResent-To: b@x.example\nResent-Bcc: c\n\n'))).toEqual([
      'b@x.example',
      'c',
    ]);
  });

  it('addresses beyond ASCII stay what they are', () => {
    expect(addressesOf('李 <李@例子.example>, plain')).toEqual(['李@例子.example', 'plain']);
  });
});
