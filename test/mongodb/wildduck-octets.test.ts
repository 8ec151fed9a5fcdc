/** What we take for WildDuck's octets beside what its own code makes, without a server. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PassThrough, Readable, type Transform } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineEncoder } from '../../src/maintenance/wildduck/base64-lines.ts';
import type { MimeTree } from '../../src/maintenance/wildduck/layout.ts';
import { messageOctets, sizeOf } from '../../src/maintenance/wildduck/octets.ts';
import { type BuiltTree, treeOf } from '../../src/maintenance/wildduck/tree.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import { CORPUS, noise, ODD_LINE_ENDS, UNFIT } from './wildduck-corpus.ts';
import { wildDuckFolder } from './wildduck-server.ts';

const load = createRequire(join(wildDuckFolder(), 'package.json'));

interface Rebuilt {
  readonly value: Readable;
  readonly expectedLength: number;
}
interface Storage {
  get(id: string): Promise<object>;
  createReadStream(id: string): Readable;
}
interface Indexer {
  parseMimeTree(octets: Buffer): MimeTree;
  getSize(tree: MimeTree): number;
  rebuild(tree: MimeTree): Rebuilt;
}
const Indexer = load('wildduck/imap-core/lib/indexer/indexer') as new (options?: {
  attachmentStorage: Storage;
}) => Indexer;
const indexer = new Indexer();
const served = ({ value, expectedLength }: Rebuilt): Promise<Buffer> =>
  all(value.pipe(new LengthLimiter(expectedLength)));
const LengthLimiter = load('wildduck/imap-core/lib/length-limiter') as new (length: number) => Transform;
const { Encoder } = load('libbase64') as { Encoder: new (options: { lineLength: number }) => Transform };

async function all(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece as Buffer));
  return Buffer.concat(pieces);
}

test.each(Object.entries({ ...CORPUS, ...ODD_LINE_ENDS, ...UNFIT }))(
  '%s: as WildDuck puts it together',
  async (_, octets) => {
    const tree = indexer.parseMimeTree(octets);
    const theirs = await served(indexer.rebuild(tree));
    expect(sizeOf(tree)).toBe(indexer.getSize(tree));
    const ours = await all(messageOctets(tree, () => new PassThrough().end()));
    expect(ours.equals(theirs)).toBe(true);
  },
);

/** What WildDuck's own code makes of our tree. */
function sentFor({ root, moved }: BuiltTree): Promise<Buffer> {
  const bodyOf = (id: string): Buffer => moved.find(({ attachmentId }) => attachmentId === id)?.body ?? Buffer.alloc(0);
  const attachmentStorage: Storage = {
    get: async (id) => ({ length: bodyOf(id).length, metadata: {} }),
    createReadStream: (id) => Readable.from([bodyOf(id)]),
  };
  return served(new Indexer({ attachmentStorage }).rebuild(root));
}

test.each(Object.entries(CORPUS))('%s: WildDuck puts our tree together to the same octets', async (_, octets) => {
  const built = treeOf(octets, indexMessage(octets).root);
  expect(built.exact).toBe(true);
  expect((await sentFor(built)).equals(octets)).toBe(true);
});

test('of any message, WildDuck sends the same octets wherever we say so', async () => {
  const line = fc.constantFrom(
    '--a',
    '--a--',
    '--b',
    '--b--',
    '--a ',
    '',
    'x',
    'Content-Type: multipart/mixed; boundary=a',
    'Content-Type: multipart/digest; boundary=b',
    'Content-Type: message/rfc822',
    'Content-Type: text/plain',
    'Content-Transfer-Encoding: base64',
    ' folded',
    'Subject: x',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 30 }), fc.boolean(), async (lines, ended) => {
      const octets = Buffer.from(`Subject: s\r\n${lines.join('\r\n')}${ended ? '\r\n' : ''}`);
      const built = treeOf(octets, indexMessage(octets).root);
      const sent = await sentFor(built);
      expect(sent.equals(octets)).toBe(built.exact);
      // A header alone, without its last line end, gets one.
      expect(built.exact).toBe(octets.includes('\r\n\r\n') || octets.subarray(-2).equals(Buffer.from('\r\n')));
    }),
    { numRuns: 3000 },
  );
}, 120_000);

test('base64 has the lines that WildDuck makes, however the octets are chunked', async () => {
  for (const lineLength of [1, 4, 60, 72, 75, 76, 77, 998]) {
    for (const length of [0, 1, 2, 3, 45, 54, 57, 58, 60, 113, 114, 115, 171, 400, 2000]) {
      for (const chunk of [1, 2, 19, 57, 64, 1000, 3000]) {
        const octets = noise(`${length}`, length);
        const chunks: Buffer[] = [];
        for (let at = 0; at < length; at += chunk) chunks.push(octets.subarray(at, at + chunk));
        const encoder = new Encoder({ lineLength });
        for (const each of chunks) encoder.write(each);
        encoder.end();
        const ours = new LineEncoder(lineLength);
        const text = chunks.map((each) => ours.push(each)).join('') + ours.end();
        expect(text, `lines of ${lineLength}, ${length} octets by ${chunk}`).toBe(
          (await all(encoder)).toString('latin1'),
        );
      }
    }
  }
});
