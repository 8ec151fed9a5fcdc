/**
 * One mailbox as an mbox file, with the fields in which Dovecot and others keep UIDs, flags and keywords. Lines end with
 * LF. A `From ` line in a text stays as it is, for each message says its Content-Length. What is written is on the disk
 * when this resolves.
 */

import type { FileHandle } from 'node:fs/promises';
import type { MessageRow } from '../../store/mailboxes.ts';
import { messageOctets } from '../../store/message-octets.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { type ExportedMail, type ExportJob, isGone, rowsOf } from './export-source.ts';
import { fromLine, STATE_FIELDS, STATE_LETTERS } from './mbox-header.ts';

/** A longer header cannot be read from an mbox again. */
const MOST_HEADER = 1024 * 1024;
const ALL_OF_HEADER = /^\n|\n\n/;

/** `handle` is an empty file, open for writing; the caller closes it. */
export async function exportMbox(job: ExportJob, mailbox: StoredMailbox, handle: FileHandle): Promise<ExportedMail> {
  const total = { mailboxes: 1, messages: 0, octets: 0 };
  const keywords = await keywordsOf(job, mailbox);
  let stripped = 0;
  let end = 0;
  for await (const row of rowsOf(job, mailbox)) {
    try {
      const message = await readHeader(job, row);
      if (message === null) {
        job.onFault(`${mailbox.name} UID ${row.uid}`, `not written: its header is longer than ${MOST_HEADER} octets`);
      } else {
        const base = total.messages === 0 ? baseField(mailbox, keywords) : '';
        await handle.appendFile(`${fromLine(row.internalDate)}\n${base}${stateFields(row, message.bodyLength)}`);
        await handle.appendFile(message.header);
        for await (const piece of bodyOf(job, row, message.bodyStart)) await handle.appendFile(piece);
        await handle.appendFile('\n');
        total.messages += 1;
        total.octets += row.size;
        stripped += message.isStripped ? 1 : 0;
        end = (await handle.stat()).size;
      }
    } catch (error) {
      // Expunged while it was written.
      if (!(await isGone(job, mailbox, row.uid))) throw error;
      await handle.truncate(end);
    }
    job.onMessage();
  }
  if (stripped > 0)
    job.onNote(`${stripped} messages had fields of their own with which an mbox keeps its state: they are left out`);
  await handle.sync();
  return total;
}

interface ReadHeader {
  /** With its empty line, without fields that mean the state of an mbox. */
  readonly header: Buffer;
  readonly isStripped: boolean;
  /** In the octets with LF. */
  readonly bodyStart: number;
  readonly bodyLength: number;
}

/** Reads the message once to its end. */
async function readHeader(job: ExportJob, row: MessageRow): Promise<ReadHeader | null> {
  let text = '';
  let bodyStart = -1;
  let length = 0;
  for await (const piece of withLf(messageOctets(job.source.content, row))) {
    length += piece.length;
    if (bodyStart >= 0) continue;
    text += piece.toString('latin1');
    const end = ALL_OF_HEADER.exec(text);
    if (end !== null) bodyStart = end.index + end[0].length;
    else if (text.length > MOST_HEADER) return null;
  }
  const hasBody = bodyStart >= 0;
  if (!hasBody) bodyStart = length;
  if (bodyStart > MOST_HEADER) return null;
  const fields = text.slice(0, bodyStart).split(/(?<=\n)(?![ \t])/);
  const kept = fields.filter((field) => !STATE_FIELDS.test(field));
  const end = hasBody ? '' : text.endsWith('\n') || text === '' ? '\n' : '\n\n';
  return {
    header: Buffer.from(kept.join('') + end, 'latin1'),
    isStripped: kept.length < fields.length,
    bodyStart,
    bodyLength: length - bodyStart,
  };
}

async function* bodyOf(job: ExportJob, row: MessageRow, start: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const piece of withLf(messageOctets(job.source.content, row))) {
    const skipped = Math.max(0, Math.min(piece.length, start - at));
    at += piece.length;
    if (skipped < piece.length) yield piece.subarray(skipped);
  }
}

/** CRLF becomes LF. */
async function* withLf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let heldCr = false;
  for await (const piece of pieces) {
    const text: string = (heldCr ? '\r' : '') + piece.toString('latin1');
    heldCr = text.endsWith('\r');
    yield Buffer.from((heldCr ? text.slice(0, -1) : text).replaceAll('\r\n', '\n'), 'latin1');
  }
  if (heldCr) yield Buffer.from('\r');
}

/** Dovecot takes only keywords that stand in the first message. */
async function keywordsOf(job: ExportJob, mailbox: StoredMailbox): Promise<readonly string[]> {
  const keywords = new Set<string>();
  for await (const { flags } of rowsOf(job, mailbox))
    for (const flag of flags) if (!flag.startsWith('\\')) keywords.add(flag);
  return [...keywords];
}

/** UIDVALIDITY and the last UID that was given, in the first message. */
const baseField = ({ uidValidity, uidNext }: StoredMailbox, keywords: readonly string[]): string =>
  `X-IMAPbase: ${[uidValidity, String(uidNext - 1).padStart(10, '0'), ...keywords].join(' ')}\n`;

function stateFields({ uid, flags }: MessageRow, bodyLength: number): string {
  const letters = (field: 'status' | 'x-status'): string =>
    Object.entries(STATE_LETTERS[field])
      .filter(([, flag]) => flags.includes(flag))
      .map(([letter]) => letter)
      .join('');
  const keywords = flags.filter((flag) => !flag.startsWith('\\'));
  return [
    `X-UID: ${uid}\n`,
    `Status: ${letters('status')}O\n`,
    `X-Status: ${letters('x-status')}\n`,
    `X-Keywords: ${keywords.join(' ')}\n`,
    `Content-Length: ${bodyLength}\n`,
  ].join('');
}
