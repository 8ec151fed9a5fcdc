import { describe, expect, it } from 'vitest';
import type { SearchText } from '../../../src/mail/message.ts';
import { MessageIndexer } from '../../../src/protocol/mime/indexer.ts';
import { searchableText } from '../../../src/protocol/mime/text.ts';

async function texts(message: string, limit?: number): Promise<SearchText> {
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
