/**
 * Assembles a message's content: our own header lines, the header as received, missing fields, the blank line, the
 * body. A short message becomes one buffer; a long one is written into the store's spool piece by piece while its index
 * is built.
 */

import type { MessageIndex } from '../../mail/message.ts';
import { indexMessage, MessageIndexer } from '../../protocol/mime/indexer.ts';
import { CHUNK_SIZE, type ContentDraft, type ContentStore, type Spool } from '../../store/content.ts';

export interface Composed {
  readonly content: ContentDraft;
  /** Null for inline content: the store makes it. */
  readonly index: MessageIndex | null;
  readonly size: number;
}

/** Of a message that is not stored. */
export function messageIdOf({ index, content }: Composed): string {
  if (index !== null) return index.messageId;
  return content.kind === 'inline' ? indexMessage(content.bytes).messageId : '';
}

/** All in memory: at most CHUNK_SIZE octets. */
export function composeInline(pieces: readonly Uint8Array[], size: number): Composed {
  return { content: { kind: 'inline', bytes: Buffer.concat(pieces, size) }, index: null, size };
}

/** Writes a long message; the caller must end it with `finish` or `discard`. */
export class SpooledComposition {
  readonly #spool: Spool;
  readonly #indexer = new MessageIndexer();
  #size = 0;

  constructor(store: Pick<ContentStore, 'spool'>) {
    this.#spool = store.spool();
  }

  /** The spool and the index may read the octets later, so they must not change. */
  async write(octets: Uint8Array): Promise<void> {
    if (octets.length === 0) return;
    this.#size += octets.length;
    for (let at = 0; at < octets.length; at += CHUNK_SIZE) {
      const piece = octets.subarray(at, at + CHUNK_SIZE);
      this.#indexer.write(piece);
      await this.#spool.write(piece);
    }
  }

  async finish(): Promise<Composed> {
    const content = await this.#spool.finish();
    return { content, index: content.kind === 'inline' ? null : this.#indexer.end(), size: this.#size };
  }

  discard(): Promise<void> {
    return this.#spool.discard();
  }
}
