/** A content on its way into the store: in memory as long as it fits into one chunk, then in a spool. */
import { createHash } from 'node:crypto';
import type { MessageIndex } from '../mail/message.ts';
import { MessageIndexer } from '../protocol/mime/indexer.ts';
import { CHUNK_SIZE, type ContentDraft, type ContentStore, type Spool } from '../store/content.ts';

export interface FinishedDraft {
  readonly draft: ContentDraft;
  readonly index: MessageIndex;
  readonly size: number;
  /** SHA-256 of the octets, in hexadecimal. */
  readonly digest: string;
  discard(): Promise<void>;
}

/** Reads the octets once. Nothing of them is left in the store if that fails. */
export async function draftOf(store: ContentStore, octets: AsyncIterable<Buffer>): Promise<FinishedDraft> {
  const indexer = new MessageIndexer();
  const hash = createHash('sha256');
  let inline: Buffer[] = [];
  let size = 0;
  let spool: Spool | null = null;
  try {
    for await (const piece of octets) {
      indexer.write(piece);
      hash.update(piece);
      inline.push(piece);
      size += piece.length;
      if (size <= CHUNK_SIZE) continue;
      spool ??= store.spool();
      for (const kept of inline) await spool.write(kept);
      inline = [];
    }
    return {
      draft: spool === null ? { kind: 'inline', bytes: Buffer.concat(inline) } : await spool.finish(),
      index: indexer.end(),
      size,
      digest: hash.digest('hex'),
      discard: async () => spool?.discard(),
    };
  } catch (error) {
    await spool?.discard();
    throw error;
  }
}
