/**
 * One mbox file, read from its begin to its end in pieces. A message begins with a `From ` line that has a date; where
 * the one before says its Content-Length, and it holds, such a line in its text is text. UIDs, flags and keywords stand
 * in fields that Dovecot, UW IMAP and others add to the header; they are no part of the message, as in Dovecot.
 */
import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import type { FileMailbox, FileMessage, OnFault } from './mailbox.ts';
import { fromLineDate, type MboxHeader, parseMboxHeader } from './mbox-header.ts';
import { openRegularFile, piecesOf, withCrlf } from './open-file.ts';

const MOST_FROM_LINE = 1_000;
const MOST_HEADER = 1024 * 1024;
const WINDOW = 256 * 1024;
const SEPARATOR = Buffer.from('\nFrom ');

/** Rejects if it is no mbox; an empty file is one. */
export async function openMbox(
  path: string,
  { name, subscribed }: Pick<FileMailbox, 'name' | 'subscribed'>,
  onFault: OnFault,
): Promise<FileMailbox> {
  const { handle, stat } = await openRegularFile(path);
  let base: MboxHeader['base'] = null;
  try {
    if (stat.size > 0) {
      const first = await new MboxFile(handle, stat.size).messageAt(0);
      if (first === null) throw new Error(`${path} is no mbox: it does not begin with a "From " line`);
      base = first.header.base;
    }
  } finally {
    await handle.close();
  }
  return {
    name,
    subscribed,
    specialUse: '',
    uidValidity: base?.uidValidity ?? null,
    uidNext: (base?.lastUid ?? 0) + 1,
    expected: 0,
    messages: () => messagesOf(path, base, onFault),
  };
}

async function* messagesOf(path: string, base: MboxHeader['base'], onFault: OnFault): AsyncGenerator<FileMessage> {
  const { handle, stat } = await openRegularFile(path);
  try {
    const file = new MboxFile(handle, stat.size);
    let lastUid = 0;
    for (let at = 0; at < stat.size; ) {
      const found = await file.messageAt(at);
      if (found === null) {
        onFault(`${path}, octet ${at}`, 'expected a "From " line: the rest is not brought');
        return;
      }
      const { header, bodyStart, bodyEnd, internalDate } = found;
      const { uid } = header;
      const isKnown = base !== null && uid !== null && uid > lastUid && uid <= base.lastUid;
      if (isKnown) lastUid = uid;
      if (!header.isInternal)
        yield {
          uid: isKnown ? uid : null,
          flags: header.flags,
          internalDate: internalDate ?? 0,
          place: `${basename(path)}, octet ${at}`,
          octets: () => withCrlf(octetsOf(path, header.octets, bodyStart, bodyEnd)),
        };
      at = found.next;
    }
  } finally {
    await handle.close();
  }
}

/** With a handle of its own: they may be read when the mailbox is at its end. */
async function* octetsOf(path: string, header: Buffer, start: number, end: number): AsyncGenerator<Buffer> {
  const { handle } = await openRegularFile(path);
  try {
    yield header;
    yield* piecesOf(handle, start, end);
  } finally {
    await handle.close();
  }
}

interface FoundMessage {
  readonly header: MboxHeader;
  /** In ms; null: not given. */
  readonly internalDate: number | null;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Of the next `From ` line. */
  readonly next: number;
}

class MboxFile {
  readonly #handle: FileHandle;
  readonly #size: number;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  /** Null if none begins there. */
  async messageAt(start: number): Promise<FoundMessage | null> {
    const line = (await this.#read(start, MOST_FROM_LINE)).toString('latin1');
    const end = line.indexOf('\n');
    const fromLine = end < 0 ? line : line.slice(0, end);
    const internalDate = fromLineDate(fromLine);
    if (internalDate === null) return null;
    const headerStart = start + fromLine.length + 1;
    const length = await this.#headerLength(headerStart);
    const header = parseMboxHeader(await this.#read(headerStart, length));
    const bodyStart = Math.min(this.#size, headerStart + length);
    const stated = header.contentLength === null ? null : bodyStart + header.contentLength;
    const next = stated === null ? null : await this.#separatorAt(stated);
    if (stated !== null && next !== null)
      return { header, internalDate, bodyStart, bodyEnd: await this.#withLineEnd(stated), next };
    return { header, internalDate, bodyStart, ...(await this.#searchFrom(bodyStart)) };
  }

  /** Up to and with the empty line; the whole where it has no end. */
  async #headerLength(start: number): Promise<number> {
    for (let most = 16 * 1024; ; most *= 8) {
      const octets = await this.#read(start, Math.min(most, MOST_HEADER));
      const text = octets.toString('latin1');
      const end = /^\r?\n|\n\r?\n/.exec(text);
      // A message without a body may be followed by the next one.
      const next = text.indexOf('\nFrom ');
      if (end !== null && (next < 0 || end.index <= next)) return end.index + end[0].length;
      if (next >= 0 && fromLineDate(text.slice(next + 1, next + MOST_FROM_LINE).split('\n')[0] ?? '') !== null)
        return next + 1;
      if (octets.length < most || most >= MOST_HEADER) return octets.length;
    }
  }

  /** Where the next message begins if one ends at `at`, with or without an empty line behind it. */
  async #separatorAt(at: number): Promise<number | null> {
    if (at > this.#size) return null;
    const text = (await this.#read(at, MOST_FROM_LINE + 4)).toString('latin1');
    const blank = /^(?:\r?\n){0,2}/.exec(text)?.[0].length ?? 0;
    if (at + blank >= this.#size) return this.#size;
    return blank > 0 && fromLineDate(text.slice(blank).split('\n')[0] ?? '') !== null ? at + blank : null;
  }

  /** Dovecot counts the octets without the last line end of a message that had none, and sends it with one. */
  async #withLineEnd(end: number): Promise<number> {
    const [before, after] = [await this.#read(end - 1, 1), (await this.#read(end, 2)).toString('latin1')];
    if (before.toString('latin1') === '\n') return end;
    return end + (/^\r?\n/.exec(after)?.[0].length ?? 0);
  }

  async #searchFrom(start: number): Promise<{ bodyEnd: number; next: number }> {
    // One octet before it: its first line may be the separator.
    for (let at = start - 1; at < this.#size; ) {
      const window = await this.#read(at, WINDOW);
      for (let found = window.indexOf(SEPARATOR); found >= 0; found = window.indexOf(SEPARATOR, found + 1)) {
        const next = at + found + 1;
        const line = (await this.#read(next, MOST_FROM_LINE)).toString('latin1').split('\n')[0] ?? '';
        if (fromLineDate(line) !== null) return { bodyEnd: await this.#withoutBlank(start, next), next };
      }
      if (window.length < WINDOW) break;
      at += window.length - SEPARATOR.length;
    }
    return { bodyEnd: await this.#withoutBlank(start, this.#size), next: this.#size };
  }

  /** The empty line in front of a separator belongs to it. */
  async #withoutBlank(start: number, end: number): Promise<number> {
    const from = Math.max(start - 2, end - 4);
    const tail = (await this.#read(from, end - from)).toString('latin1');
    const blank = /\n(\r?\n)$/.exec(tail)?.[1]?.length ?? 0;
    return Math.max(start, end - blank);
  }

  async #read(start: number, length: number): Promise<Buffer> {
    const octets = Buffer.alloc(Math.max(0, Math.min(length, this.#size - start)));
    const { bytesRead } = await this.#handle.read(octets, 0, octets.length, start);
    return octets.subarray(0, bytesRead);
  }
}
