/**
 * Puts bodies into GridFS as WildDuck does (lib/attachments/gridstore-storage.js): equal bodies are one file, named by
 * the SHA-256 of its octets in the message, which counts its references (`metadata.c`) and adds up the random numbers of
 * the messages that refer to it (`metadata.m`). Base64 is kept decoded where encoding it again gives the same octets.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { CHUNK_OCTETS, CHUNKS, FILES } from './attachments.ts';
import { LineEncoder } from './base64-lines.ts';

export interface AttachmentBody {
  readonly body: Buffer;
  readonly contentType: string;
  /** Content-Transfer-Encoding. */
  readonly encoding: string;
}

interface StoredFile {
  readonly _id: Buffer;
}

/** Somebody else may be writing the same body at this moment. */
const TRIES = 10;
const BETWEEN_TRIES_MS = 300;
const DUPLICATE_KEY = 11_000;

/** `magic`: the message's number. Returns the file's id and the digest of what it keeps. */
export async function storeAttachment(
  gridfs: Db,
  attachment: AttachmentBody,
  magic: number,
): Promise<{ readonly id: Buffer; readonly contentHash: string }> {
  const lineLen = attachment.encoding === 'base64' ? lineLengthOf(attachment.body) : null;
  const kept = lineLen === null ? attachment.body : Buffer.from(attachment.body.toString('latin1'), 'base64');
  const digest = sha256(attachment.body);
  // WildDuck may have decoded the same body, and would then not give these octets: it gets a file of its own.
  const id = attachment.encoding === 'base64' && lineLen === null ? sha256(digest) : digest;
  const contentHash = sha256(kept).toString('base64');
  const metadata = {
    m: magic,
    c: 1,
    cu: new Date(),
    esize: attachment.body.length,
    transferEncoding: attachment.encoding,
    ...(lineLen === null ? {} : { decoded: true, lineLen }),
    fileContentHash: contentHash,
  };
  for (let tries = 1; !(await refer(gridfs, id, 1, magic)); tries += 1) {
    try {
      await insert(gridfs, id, kept, { contentType: attachment.contentType, metadata });
      break;
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== DUPLICATE_KEY || tries === TRIES) throw error;
      await pause(BETWEEN_TRIES_MS);
    }
  }
  return { id, contentHash };
}

/** False if there is no such file. */
export async function refer(gridfs: Db, id: Buffer, count: 1 | -1, magic: number): Promise<boolean> {
  const change = { $inc: { 'metadata.c': count, 'metadata.m': count * magic }, $set: { 'metadata.cu': new Date() } };
  const { matchedCount } = await gridfs.collection<StoredFile>(FILES).updateOne({ _id: id }, change);
  return matchedCount === 1;
}

async function insert(gridfs: Db, id: Buffer, octets: Buffer, more: object): Promise<void> {
  for (let n = 0; n * CHUNK_OCTETS < octets.length; n += 1) {
    const data = octets.subarray(n * CHUNK_OCTETS, (n + 1) * CHUNK_OCTETS);
    await gridfs.collection(CHUNKS).insertOne({ files_id: id, n, data });
  }
  const file = { length: octets.length, chunkSize: CHUNK_OCTETS, uploadDate: new Date(), filename: null, ...more };
  await gridfs.collection<StoredFile>(FILES).insertOne({ _id: id, ...file });
}

/** The length of its lines; null where base64 made of what it decodes to would be different. */
function lineLengthOf(body: Buffer): number | null {
  const first = body.indexOf('\r\n');
  const length = first < 0 ? Math.max(body.length, 76) : first;
  if (length < 1 || length > 998) return null;
  const octets = Buffer.from(body.toString('latin1'), 'base64');
  const encoder = new LineEncoder(length);
  let at = 0;
  const isNext = (text: string): boolean => {
    const same = body.toString('latin1', at, at + text.length) === text;
    at += text.length;
    return same;
  };
  for (let from = 0; from < octets.length; from += CHUNK_OCTETS)
    if (!isNext(encoder.push(octets.subarray(from, from + CHUNK_OCTETS)))) return null;
  return isNext(encoder.end()) && at === body.length ? length : null;
}

const sha256 = (octets: Buffer): Buffer => createHash('sha256').update(octets).digest();
