/** The parts of a message that may be attachments, with the names in those that are ZIP archives. */
import type { Part } from '../../src/mail/message.ts';
import { decodeWords } from '../../src/protocol/mime/encoded-word.ts';
import { MessageIndexer } from '../../src/protocol/mime/indexer.ts';
import { ZIP_TAIL, zipNames } from './zip-names.ts';

export interface Leaf {
  /** `application/pdf` */
  readonly type: string;
  /** By which a client may save it: that of Content-Disposition and that of Content-Type may differ. */
  readonly names: readonly string[];
  /** The names in it, if it is an archive; null: it cannot be read; undefined: it is none. */
  readonly inside: readonly string[] | null | undefined;
}

type Content = AsyncIterable<Buffer>;

/** The message is read once, and a second time if archives are looked into. */
export async function leavesOf(content: Content, looksInside: boolean): Promise<readonly Leaf[]> {
  const indexer = new MessageIndexer();
  for await (const piece of content) indexer.write(piece);
  const { root } = indexer.end();
  const parts = leafParts(root);
  const inside = looksInside ? await archivesIn(content, parts) : new Map<Part, readonly string[] | null>();
  const leaves = parts.map((part): Leaf => ({ type: typeOf(part), names: namesOf(part), inside: inside.get(part) }));
  const isWhole = parts.length <= MOST_PARTS && depthOf(root) <= MOST_DEPTH;
  return isWhole ? leaves : [...leaves, { type: typeOf(root), names: [], inside: null }];
}

/** Below the limits of the indexer, which sees no parts beyond its own: what has more counts as unreadable. */
const MOST_PARTS = 1_000;
const MOST_DEPTH = 20;

const typeOf = ({ type, subtype }: Part): string => `${type}/${subtype}`;
const depthOf = ({ parts }: Part): number => Math.max(0, ...parts.map((part) => 1 + depthOf(part)));

/** In their order; the parts of enclosed messages too. */
const leafParts = (part: Part): readonly Part[] => (part.parts.length === 0 ? [part] : part.parts.flatMap(leafParts));

function namesOf({ disposition, parameters }: Part): readonly string[] {
  const given = [
    ...(disposition?.parameters ?? []).filter(([name]) => name === 'filename'),
    ...parameters.filter(([name]) => name === 'name'),
  ];
  return [...new Set(given.map(([, value]) => decodeWords(value)))];
}

async function archivesIn(content: Content, parts: readonly Part[]): Promise<Map<Part, readonly string[] | null>> {
  const found = new Map<Part, readonly string[] | null>();
  let [offset, next] = [0, 0];
  let reader: PartReader | null = null;
  for await (const piece of content) {
    const end = offset + piece.length;
    for (let part = parts[next]; part !== undefined && part.bodyStart < end; part = parts[next]) {
      reader ??= new PartReader(part.encoding);
      reader.write(piece.subarray(Math.max(0, part.bodyStart - offset), Math.max(0, part.bodyEnd - offset)));
      if (part.bodyEnd > end) break;
      const names = reader.names();
      if (names !== undefined) found.set(part, names);
      reader = null;
      next += 1;
    }
    offset = end;
  }
  return found;
}

const BASE64_NOISE = /[^A-Za-z0-9+/]+/g;
/** The first file of an archive, also in quoted-printable. */
const MAGIC = /^PK(?:\x03\x04|=03=04)/;
const MAGIC_LENGTH = 8;

/** Decodes one part, and keeps as much of its end as is needed, if it is an archive. */
class PartReader {
  readonly #isBase64: boolean;
  #rest = '';
  #head = '';
  #isOther = false;
  #tail: Buffer[] = [];
  #kept = 0;

  constructor(encoding: string) {
    this.#isBase64 = encoding === 'base64';
  }

  write(octets: Buffer): void {
    if (this.#isOther) return;
    this.#take(this.#isBase64 ? this.#decoded(octets) : Buffer.from(octets));
  }

  /** Undefined: it is no archive. */
  names(): readonly string[] | null | undefined {
    if (!this.#isOther) this.#take(Buffer.from(this.#rest, 'base64'));
    return MAGIC.test(this.#head) ? zipNames(Buffer.concat(this.#tail).subarray(-ZIP_TAIL)) : undefined;
  }

  #decoded(octets: Buffer): Buffer {
    const text = this.#rest + octets.toString('latin1').replace(BASE64_NOISE, '');
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    return Buffer.from(text.slice(0, whole), 'base64');
  }

  #take(octets: Buffer): void {
    if (this.#head.length < MAGIC_LENGTH) {
      this.#head += octets.toString('latin1', 0, MAGIC_LENGTH - this.#head.length);
      this.#isOther = this.#head.length === MAGIC_LENGTH && !MAGIC.test(this.#head);
    }
    this.#tail.push(octets);
    this.#kept += octets.length;
    for (
      let first = this.#tail[0];
      first !== undefined && this.#kept - first.length >= ZIP_TAIL;
      first = this.#tail[0]
    ) {
      this.#tail.shift();
      this.#kept -= first.length;
    }
  }
}
