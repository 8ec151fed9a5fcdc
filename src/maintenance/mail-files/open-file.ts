/**
 * Files of a tree that others may write to: only regular files are opened, never through a symbolic link, so that
 * nothing outside the tree is read and no FIFO is waited for.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Rejects for whatever is no regular file. The caller closes it. */
export async function openRegularFile(path: string): Promise<{ readonly handle: FileHandle; readonly stat: Stats }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new Error('it is no regular file');
    return { handle, stat };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Files beside the mail: lists of UIDs, keywords, subscriptions. Null if there is none. */
export async function readSmallFile(path: string, most: number): Promise<string | null> {
  try {
    const { handle, stat } = await openRegularFile(path);
    try {
      if (stat.size > most) throw new Error(`it is longer than ${most} octets`);
      return (await handle.readFile()).toString('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

const PIECE = 64 * 1024;

/** Octets from `start` up to but not including `end`; less if the file ends. The handle stays open. */
export async function* piecesOf(handle: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE, end - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return;
    yield piece.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Bare LF becomes CRLF, as an IMAP server sends such a message. */
export async function* withCrlf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let heldCr = false;
  for await (const piece of pieces) {
    const text: string = (heldCr ? '\r' : '') + piece.toString('latin1');
    heldCr = text.endsWith('\r');
    const whole = heldCr ? text.slice(0, -1) : text;
    yield Buffer.from(whole.replace(/\r?\n/g, '\r\n'), 'latin1');
  }
  if (heldCr) yield Buffer.from('\r');
}
