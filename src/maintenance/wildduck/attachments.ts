/**
 * Attachments as WildDuck keeps them in GridFS (lib/attachments/gridstore-storage.js). The octets are given as the
 * message has them: base64 that WildDuck decoded is encoded again.
 */
import type { Db } from 'mongodb';
import { LineEncoder } from './base64-lines.ts';
import type { AttachmentFile, AttachmentId } from './layout.ts';

/** WildDuck's `attachments.bucket`. */
export const FILES = 'attachments.files';
export const CHUNKS = 'attachments.chunks';
/** Octets of a chunk. */
export const CHUNK_OCTETS = 255 * 1024;

interface Chunk {
  readonly n: number;
  readonly data: Buffer;
}

/** `onMissing` hears of an attachment that is not there at all: WildDuck sends the message without it. */
export async function* readAttachment(
  gridfs: Db,
  id: AttachmentId | string,
  onMissing: () => void,
): AsyncGenerator<Buffer> {
  const file = await gridfs.collection<AttachmentFile>(FILES).findOne({ _id: id as AttachmentId });
  if (file === null) return onMissing();
  if (file.metadata?.decoded !== true) return yield* chunksOf(gridfs, file);
  const encoder = new LineEncoder(file.metadata.lineLen);
  for await (const chunk of chunksOf(gridfs, file)) yield Buffer.from(encoder.push(chunk), 'latin1');
  yield Buffer.from(encoder.end(), 'latin1');
}

async function* chunksOf(gridfs: Db, file: AttachmentFile): AsyncGenerator<Buffer> {
  let octets = 0;
  let next = 0;
  const chunks = gridfs.collection(CHUNKS).find<Chunk>({ files_id: file._id }, { promoteBuffers: true });
  for await (const { n, data } of chunks.sort({ n: 1 })) {
    if (n !== next) break;
    next += 1;
    octets += data.length;
    yield data;
  }
  // WildDuck cannot send the message either.
  if (octets !== file.length)
    throw new Error(`an attachment has ${octets} of its ${file.length} octets in the database`);
}
