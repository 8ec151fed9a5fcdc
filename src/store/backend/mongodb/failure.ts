/**
 * The driver's errors: those that pass, and what callers can act on. Recognized by name and code, for the driver is
 * loaded only where it is used.
 */
import { messageOf } from '../../../errors.ts';
import { MailboxError } from '../../mailboxes.ts';
import { StoreFullError, StoreUnavailableError } from '../../store.ts';

/** No server, no primary, no answer in time. */
const AWAY = new Set([
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoServerSelectionError',
  'MongoOperationTimeoutError',
  'MongoPoolClearedError',
  'MongoPoolClearedOnNetworkError',
  'MongoWaitQueueTimeoutError',
  'MongoTopologyClosedError',
  'MongoNotConnectedError',
]);

/** Server codes: not a primary, shutting down, write concern not met in time, and the like. */
const PASSING = new Set([
  6, 7, 50, 64, 89, 91, 134, 189, 202, 262, 9001, 10_058, 10_107, 11_600, 11_602, 13_388, 13_435, 13_436,
]);

const RIGHTS = new Set([13, 18]);
const FULL = new Set([14_031]);

export const isPassing = (error: unknown): boolean =>
  error instanceof Error && (AWAY.has(error.name) || codesOf(error).some((code) => PASSING.has(code)));

/** As the callers of a store expect it. */
export function toStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof MailboxError) return error;
  const codes = codesOf(error);
  if (codes.some((code) => FULL.has(code)))
    return new StoreFullError(`the database has no space left: ${messageOf(error)}`, { cause: error });
  if (codes.some((code) => RIGHTS.has(code)))
    return new StoreUnavailableError(
      `the database refuses: its user needs the role readWrite on this database (${messageOf(error)})`,
      { cause: error },
    );
  if (isPassing(error))
    return new StoreUnavailableError(`the database cannot be reached: ${messageOf(error)}`, { cause: error });
  return error;
}

/** Its own code, and that of a write concern that was not met. */
function codesOf(error: Error): number[] {
  const codes: number[] = [];
  for (const source of [error, field(error, 'writeConcernError'), field(error, 'result'), error.cause]) {
    const code = field(source, 'code');
    if (typeof code === 'number') codes.push(code);
  }
  return codes;
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined;
