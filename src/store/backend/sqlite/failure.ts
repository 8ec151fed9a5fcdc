/** Errors between threads: an error that a caller can act on keeps its type, any other only its message. */
import { messageOf } from '../../../errors.ts';
import { MailboxError } from '../../mailboxes.ts';
import { StoreFullError } from '../../store.ts';
import type { Failure } from './calls.ts';

/** Primary result codes of SQLite for a full disk, or a file that cannot be written at the moment. */
const FULL = new Set([
  5, // SQLITE_BUSY: another program has locked the file
  8, // SQLITE_READONLY: the file system was remounted
  10, // SQLITE_IOERR: SQLite reports ENOSPC in the WAL with this code
  13, // SQLITE_FULL
]);

/** Those for a file whose content contradicts itself, or that is no file of SQLite's. */
const DAMAGED = new Set([11, 26]);

/** A file is damaged; which one, only the caller knows. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
}

export function toFailure(error: unknown): Failure {
  if (error instanceof MailboxError) return { kind: 'mailbox', reason: error.reason, message: error.message };
  const message = messageOf(error);
  if (error instanceof StoreFullError || isFull(error))
    return { kind: 'full', message: `the store cannot write: ${message}` };
  if (hasCode(error, DAMAGED)) return { kind: 'damaged', message };
  return { kind: 'error', message, stack: error instanceof Error ? (error.stack ?? '') : '' };
}

export function toError(failure: Failure): Error {
  if (failure.kind === 'mailbox') return new MailboxError(failure.reason, failure.message);
  if (failure.kind === 'full') return new StoreFullError(failure.message);
  if (failure.kind === 'damaged') return new DamagedError(failure.message);
  const error = new Error(failure.message);
  if (failure.stack !== '') error.stack = failure.stack;
  return error;
}

export const isFull = (error: unknown): boolean => hasCode(error, FULL);

/** `errcode` is set by node:sqlite: the extended result code. */
const hasCode = (error: unknown, codes: ReadonlySet<number>): boolean =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && codes.has(error.errcode & 0xff);
