/**
 * The octets of a message from WildDuck's tree of entities, as its IMAP server sends them for BODY[]
 * (imap-core/lib/indexer/indexer.js, `rebuild` and `getSize`; lib/length-limiter.js).
 *
 * WildDuck does not keep a message as it arrived: what stands between and behind the parts moves to the front, a part
 * without a header gets one more empty line, and so on. It announces a size that it calculates from the tree, and cuts
 * off or fills up with spaces what it sends. Here the same is done, so that nothing changes for a client.
 */
import type { AttachmentId, MimeNode, MimeTree } from './layout.ts';

const CRLF = Buffer.from('\r\n');

/** Octets, or an attachment whose octets stand here. */
export type Piece = Buffer | { readonly attachment: AttachmentId | string };

/** Without a start of its own, so that it can be a part of a message. */
export function* entityPieces(node: MimeNode): Generator<Piece> {
  yield* new Walk().node(node);
}

/** What WildDuck sends before it is cut or filled up to `sizeOf`. */
export function* piecesOf(tree: MimeTree): Generator<Piece> {
  yield* entityPieces(tree);
  if ((tree.lineCount ?? 0) > 1) yield CRLF;
}

/** Each line is preceded by a line end, except the first; a body waits until something follows it, or its entity ends. */
class Walk {
  #first = true;
  #waiting: Buffer | null = null;

  *node(node: MimeNode): Generator<Piece> {
    yield* this.#line(`${headerOf(node)}\r\n`);
    this.#waiting = bodyOf(node);
    if (hasBoundary(node)) yield* this.#line(`--${node.boundary}`);
    else if (node.attachmentId) {
      yield* this.#line('');
      if (sizeIn(node) > 0) yield { attachment: node.attachmentId };
    }
    for (const [i, child] of childrenOf(node).entries()) {
      if (i > 0) yield* this.#line(`--${node.boundary}`);
      yield* this.node(child);
    }
    if (hasBoundary(node)) yield* this.#line(`--${node.boundary}--\r\n`);
    if (this.#waiting !== null) yield* this.#line('');
  }

  *#line(text: string): Generator<Buffer> {
    if (!this.#first) yield CRLF;
    this.#first = false;
    if (this.#waiting !== null) yield this.#waiting;
    this.#waiting = null;
    if (text !== '') yield Buffer.from(text, 'latin1');
  }
}

/** The size that WildDuck announces: an empty body has no line end before it. */
export function sizeOf(tree: MimeNode): number {
  let size = -2;
  const walk = (node: MimeNode): void => {
    size += 2 + headerOf(node).length + 2;
    if ((sizeIn(node) > 0 || node.attachmentId) && !hasBoundary(node)) size += 2;
    size += sizeIn(node);
    const children = childrenOf(node);
    children.forEach(walk);
    const delimiter = `\r\n--${node.boundary}`.length;
    if (hasBoundary(node)) size += delimiter * (Math.max(1, children.length) + 1) + '--\r\n'.length;
  };
  walk(tree);
  return size;
}

/** Reads an attachment: the octets as the message has them. */
export type ReadAttachment = (id: AttachmentId | string) => AsyncIterable<Buffer>;

export async function* messageOctets(tree: MimeTree, read: ReadAttachment): AsyncGenerator<Buffer> {
  let left = sizeOf(tree);
  for await (const octets of resolved(tree, read)) {
    if (left === 0) return;
    const piece = octets.length > left ? octets.subarray(0, left) : octets;
    left -= piece.length;
    yield piece;
  }
  if (left > 0) yield Buffer.alloc(left, ' ');
}

async function* resolved(tree: MimeTree, read: ReadAttachment): AsyncGenerator<Buffer> {
  for (const piece of piecesOf(tree)) {
    if (Buffer.isBuffer(piece)) yield piece;
    else yield* read(tree.attachmentMap?.[String(piece.attachment)] ?? piece.attachment);
  }
}

const headerOf = ({ header = [] }: MimeNode): string => (typeof header === 'string' ? header : header.join('\r\n'));
const hasBoundary = ({ boundary }: MimeNode): boolean => typeof boundary === 'string' && boundary !== '';
const sizeIn = ({ size = 0 }: MimeNode): number => size;
/** An object instead of an array is for BODY[1] only: see tree.ts. */
const childrenOf = (node: MimeNode): readonly MimeNode[] =>
  hasBoundary(node) && Array.isArray(node.childNodes) ? node.childNodes : [];

function bodyOf({ body }: MimeNode): Buffer | null {
  if (typeof body === 'string') return Buffer.from(body, 'latin1');
  return body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : null;
}
