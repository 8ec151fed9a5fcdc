/**
 * The tree of entities for WildDuck, so that it sends exactly the octets that we have.
 *
 * A multipart is taken apart as WildDuck does it where putting it together again gives the same octets. Where it would
 * not (a part without a header, text behind the last part, no last boundary …), it is kept whole, as one body, and its
 * parts stand beside it in an object instead of an array: WildDuck's `rebuild`, for BODY[], follows arrays only, and its
 * `resolveContentNode`, for BODY[1], follows both (imap-core/lib/indexer/indexer.js). So no signature breaks, and a
 * client still gets each part.
 */
import type { Part } from '../../mail/message.ts';
import { isMessage } from '../../protocol/mime/structure.ts';
import type { MimeNode } from './layout.ts';
import { entityPieces, type Piece, piecesOf, sizeOf } from './octets.ts';
import { type ParsedHeader, parsedHeader } from './parsed-header.ts';

export interface TreeNode extends MimeNode {
  readonly header: readonly string[];
  readonly parsedHeader: ParsedHeader;
  readonly multipart: string | false;
  readonly boundary: string | false;
  readonly body: Buffer | false;
  readonly size: number;
  readonly lineCount: number;
  readonly attachmentId?: string;
  /** An array: taken apart. An object: kept whole. */
  readonly childNodes?: readonly TreeNode[] | Readonly<Record<string, TreeNode>>;
  /** The message in a message/rfc822. */
  readonly message?: TreeNode;
}

type Head = Pick<TreeNode, 'header' | 'parsedHeader'>;

/** A body that goes to GridFS. */
export interface MovedBody {
  readonly attachmentId: string;
  readonly body: Buffer;
  readonly part: Part;
}

export interface BuiltTree {
  readonly root: TreeNode;
  readonly moved: readonly MovedBody[];
  /** WildDuck sends these octets. If not: a message without a header, or without a line end at its end. */
  readonly exact: boolean;
}

/** `index`: of these octets. */
export function treeOf(octets: Buffer, index: Part): BuiltTree {
  const taken = new Builder(octets).build(index, true);
  return taken.exact ? taken : new Builder(octets).build(index, false);
}

/** Longer texts are moved out (imap-core/lib/indexer/indexer.js, `getMaildata`). */
const MAX_TEXT = 300 * 1024;
/** Octets of the bodies in a document, which may have 16 MB. */
const MAX_INLINE = 4 * 1024 * 1024;
const INLINE_TYPES: ReadonlySet<string> = new Set([
  'text/plain',
  'text/html',
  'text/rfc822-headers',
  'message/delivery-status',
]);
/** A message that is enclosed in another encoding is not taken apart. */
const UNENCODED: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary']);
const CRLF = Buffer.from('\r\n');
const BLANK_LINE = Buffer.from('\r\n\r\n');

/** Text that is shown, not attached. */
export const isInlineText = ({ type, subtype, disposition }: Part): boolean =>
  INLINE_TYPES.has(`${type}/${subtype}`) && (disposition === null || disposition.type === 'inline');

class Builder {
  readonly #octets: Buffer;
  readonly #moved: MovedBody[] = [];
  #inline = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  build(index: Part, apart: boolean): BuiltTree {
    const start = this.#bodyStart();
    const root =
      apart && index.bodyStart === start
        ? this.#node(index)
        : this.#whole(this.#head(0, start), { ...index, bodyStart: start }, this.#nodes(index));
    return { root, moved: this.#moved, exact: this.#isExact(root) };
  }

  /** WildDuck takes all up to the first empty line for the header, and puts an empty one behind it even if there is none. */
  #bodyStart(): number {
    const blank = this.#octets.indexOf(BLANK_LINE);
    if (blank !== 0 && this.#octets.indexOf(CRLF) === 0) return CRLF.length;
    return blank < 0 ? this.#octets.length : blank + BLANK_LINE.length;
  }

  #node(part: Part): TreeNode {
    const head = this.#head(part.headerStart, part.bodyStart);
    const boundary = part.parameters.find(([name]) => name === 'boundary')?.[1] ?? '';
    if (part.type === 'multipart' && boundary !== '' && part.parts.length > 0) {
      const children = this.#nodes(part);
      const node = this.#apart(head, part, Buffer.from(boundary).toString('latin1'), children);
      if (this.#isSame(entityPieces(node), this.#octets.subarray(part.headerStart, part.bodyEnd))) return node;
      return this.#whole(head, part, children);
    }
    const [enclosed] = isMessage(part) && UNENCODED.has(part.encoding) ? part.parts : [];
    const leaf = this.#leaf(head, part);
    return enclosed === undefined ? leaf : { ...leaf, message: this.#node(enclosed) };
  }

  #head(start: number, end: number): Head {
    const text = this.#octets.toString('latin1', start, end).replace(/\r\n(?:\r\n)?$/, '');
    const header = text === '' ? [] : text.split(/\r\n(?![ \t])/);
    return { header, parsedHeader: parsedHeader(header) };
  }

  #apart(head: Head, part: Part, boundary: string, children: readonly TreeNode[]): TreeNode {
    const first = this.#octets.indexOf(`--${boundary}`, part.bodyStart, 'latin1');
    const body = this.#octets.subarray(part.bodyStart, Math.max(part.bodyStart, first));
    const { size, lineCount } = extentOf(body);
    return { ...head, multipart: part.subtype, boundary, body, size, lineCount, childNodes: children };
  }

  #whole(head: Head, part: Part, children: readonly TreeNode[]): TreeNode {
    const leaf = this.#leaf(head, part);
    return children.length === 0 ? leaf : { ...leaf, childNodes: Object.fromEntries(children.entries()) };
  }

  #nodes({ type, parts }: Part): TreeNode[] {
    return type === 'multipart' ? parts.map((child) => this.#node(child)) : [];
  }

  #leaf(head: Head, part: Part): TreeNode {
    const body = this.#octets.subarray(part.bodyStart, part.bodyEnd);
    const node = { ...head, multipart: false, boundary: false, ...extentOf(body) } as const;
    if (body.length === 0 && !this.#hasBlankLine(part)) return { ...node, body: false };
    const kept = body.length > 0 && body.length <= MAX_TEXT && this.#inline + body.length <= MAX_INLINE;
    if (kept && isInlineText(part)) {
      this.#inline += body.length;
      return { ...node, body };
    }
    // An empty body too: WildDuck would leave out the empty line before it.
    const attachmentId = attachmentIdOf(this.#moved.length);
    this.#moved.push({ attachmentId, body, part });
    return { ...node, body: false, attachmentId };
  }

  /** The header ends with an empty line, whose line end does not belong to the boundary behind it. */
  #hasBlankLine({ headerStart, bodyStart, bodyEnd }: Part): boolean {
    const header = this.#octets.subarray(headerStart, bodyStart);
    const blank = header.equals(CRLF) || header.subarray(-BLANK_LINE.length).equals(BLANK_LINE);
    return blank && this.#octets.toString('latin1', bodyEnd, bodyEnd + 2) !== '--';
  }

  #isExact(root: TreeNode): boolean {
    return sizeOf(root) === this.#octets.length && this.#isSame(piecesOf(root), this.#octets);
  }

  /** More at the end does no harm: WildDuck cuts it off. */
  #isSame(pieces: Iterable<Piece>, expected: Buffer): boolean {
    let at = 0;
    for (const piece of pieces) {
      if (at === expected.length) break;
      const octets = Buffer.isBuffer(piece) ? piece : bodyOf(this.#moved, piece.attachment);
      if (!octets.equals(expected.subarray(at, at + octets.length))) return false;
      at += octets.length;
    }
    return at === expected.length;
  }
}

const attachmentIdOf = (index: number): string => `ATT${String(index + 1).padStart(5, '0')}`;

const bodyOf = (moved: readonly MovedBody[], id: unknown): Buffer =>
  moved[Number(String(id).slice(3)) - 1]?.body ?? Buffer.alloc(0);

function extentOf(body: Buffer): { readonly size: number; readonly lineCount: number } {
  let lineCount = 0;
  for (let at = body.indexOf(10); at >= 0; at = body.indexOf(10, at + 1)) lineCount += 1;
  return { size: body.length, lineCount };
}
