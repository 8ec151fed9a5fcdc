/**
 * Message bytes: written once, never changed, shared by every row that refers to them, deleted with the last one.
 *
 * A message that fits into one chunk travels with the transaction that accepts it. A longer one is first written
 * chunk by chunk into a spool, so that memory stays bounded whatever its size; the acceptance then only names the
 * spool. A spool that no acceptance names is swept.
 */
import type { Id } from '../mail/account.ts';

/** Octets of one stored chunk; also the most that an acceptance may carry in memory. */
export const CHUNK_SIZE = 256 * 1024;

/**
 * Bytes on their way into the store. The caller keeps `bytes` and must not change them until the acceptance is
 * answered.
 */
export type ContentDraft =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'spooled'; readonly spool: Id; readonly size: number };

/** Writes a long message ahead of its acceptance. */
export interface Spool {
  /** Resolves when the next chunk may be written (back-pressure). Chunks may have any length. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends writing; pass the draft to `Store.accept`. */
  finish(): Promise<ContentDraft>;
  /** Deletes the bytes. Never rejects. */
  discard(): Promise<void>;
}

export interface ContentStore {
  spool(): Spool;
  /** Bytes from `start` (0) up to but not including `end` (the size). At most 4 MiB a call; use `stream` for more. */
  read(content: Id, start?: number, end?: number): Promise<Buffer>;
  /** The same in pieces of at most CHUNK_SIZE, read as they are consumed. */
  stream(content: Id, start?: number, end?: number): AsyncIterable<Buffer>;
}
