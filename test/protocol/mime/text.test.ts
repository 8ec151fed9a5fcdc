import { describe, expect, it } from 'vitest';
import type { SearchText } from '../../../src/mail/message.ts';
import { MessageIndexer } from '../../../src/protocol/mime/indexer.ts';
import { searchableText, searchTextOf } from '../../../src/protocol/mime/text.ts';

async function texts(message: string, limit?: number): Promise<Omit<SearchText, 'head'>> {
  const bytes = Buffer.from(message.replaceAll('\n', '\r\n'), 'utf8');
  const indexer = new MessageIndexer();
  indexer.write(bytes);
  return searchableText(indexer.end().root, async (start, end) => bytes.subarray(start, end), limit);
}

const text = async (message: string, limit?: number): Promise<string> => (await texts(message, limit)).body;

describe('the words of a message', () => {
  it('are decoded from base64, quoted-printable and their charset, in lower case', async () => {
    expect(await text('Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nw5xCRVI=\n')).toBe(
      'über',
    );
    expect(
      await text(
        'Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n=DCb=\ner=3D\n',
      ),
    ).toBe('über=\r\n');
  });

  it('exclude markup', async () => {
    const html = '<style>p{x}</style><p class="hidden">One&nbsp;&amp;&#32;two &#x4f60;</p><script>var x</script><3';
    expect((await text(`Content-Type: text/html\n\n${html}`)).replace(/\s+/g, ' ').trim()).toBe('one & two 你 <3');
  });

  it('are those of every text part, and of the headers of parts and enclosed messages; not of other parts', async () => {
    const found = await texts(
      'Content-Type: multipart/mixed; boundary=b\n\n--b\n\nFirst\n--b\nContent-Type: image/png\n\npicture\n--b\nContent-Type: message/rfc822\n\nSubject: =?utf-8?q?Enclosed?=\n\nLast\n--b--\n',
    );
    expect(found).toEqual({
      body: 'first\nlast',
      headers: '\ncontent-type: image/png\ncontent-type: message/rfc822\nsubject: enclosed',
    });
  });

  it('stop at the limit', async () => {
    expect(await text(`\n${'word '.repeat(1000)}`, 100)).toHaveLength(100);
  });
});

describe('the header of a message for a search', () => {
  const head = async (message: string): Promise<string | null> => {
    const bytes = Buffer.from(message.replaceAll('\n', '\r\n'), 'utf8');
    const indexer = new MessageIndexer();
    indexer.write(bytes);
    return (await searchTextOf(indexer.end().root, async (start, end) => bytes.subarray(start, end))).head;
  };

  it('has a line for each field, decoded and unfolded', async () => {
    expect(await head('Subject: =?utf-8?q?=C3=9Cber?=\n  two\nX-A: B\n\nbody\n')).toBe('subject: über  two\r\nx-a: b');
    expect(await head('\nbody\n')).toBe('');
    // A message that does not begin with a field has no header.
    expect(await head(' folded\nSubject: x\n\n')).toBe('');
  });

  it.each([
    ['a decoded value with a line end', 'Subject: =?utf-8?q?a=0D=0Ax-b: c?=\n\n'],
    ['the line of an mbox', 'From xixi Fri Nov 20 22:00:00 2026\nSubject: x\n\n'],
    ['very many fields', `${'x: y\n'.repeat(10_001)}\n`],
    ['a very long header', `x: ${'y'.repeat(600_000)}\n\n`],
  ])('is not prepared with %s', async (_what, message) => {
    expect(await head(message)).toBeNull();
  });
});
