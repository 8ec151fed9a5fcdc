/** Reads a submission from its file. */
import type { FileHandle } from 'node:fs/promises';
import { ENVELOPE_LIMIT } from './submission.ts';

export async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** The first line, and where the message begins; or what is wrong. */
export async function readHead(handle: FileHandle): Promise<{ readonly line: string; readonly end: number } | string> {
  const octets = await readAt(handle, 0, ENVELOPE_LIMIT);
  const end = octets.indexOf(0x0a);
  return end < 0 ? 'its first line does not end' : { line: octets.toString('utf8', 0, end), end: end + 1 };
}
