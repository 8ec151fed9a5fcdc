/**
 * The driver's errors: those that pass, and what callers can act on. Recognized by name, code and label, for the driver
 * is loaded only where it is used.
 */
import { firstLineOf } from '../../../../errors.ts';
import { MailboxError } from '../../../mailboxes.ts';
import { StoreFullError, StoreUnavailableError } from '../../../store.ts';

/** No server, no primary, no answer in time. */
const AWAY = new Set([
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoServerSelectionError',
  'MongoStalePrimaryError',
  'MongoOperationTimeoutError',
  'MongoPoolClearedError',
  'PoolClearedOnNetworkError',
  'MongoPoolClosedError',
  'MongoWaitQueueTimeoutError',
  'MongoServerClosedError',
  'MongoTopologyClosedError',
  'MongoNotConnectedError',
  'MongoClientClosedError',
]);

/** The host's name cannot be looked up, for `mongodb+srv://` by the driver itself. */
const NAMELESS = ['ENOTFOUND', 'ENODATA', 'EAI_AGAIN', 'ESERVFAIL', 'ETIMEOUT', 'ECONNREFUSED'];
/** Of a connection that the server has closed and the driver has not noticed yet: it passes the socket's own error on. */
const CLOSED = ['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'];
const SYSTEM = new Set([...NAMELESS, ...CLOSED]);

/** What the server says. */
const PASSING = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  43, // CursorNotFound: it went with the primary that had it
  50, // MaxTimeMSExpired
  64, // WriteConcernTimeout
  89, // NetworkTimeout
  91, // ShutdownInProgress
  100, // UnsatisfiableWriteConcern
  112, // WriteConflict
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  175, // QueryPlanKilled
  189, // PrimarySteppedDown
  202, // NetworkInterfaceExceededTimeLimit
  237, // CursorKilled
  262, // ExceededTimeLimit
  462, // IngressRequestRateLimitExceeded
  9001, // SocketException
  10_058, // LegacyNotPrimary
  10_107, // NotWritablePrimary
  11_600, // InterruptedAtShutdown
  11_601, // Interrupted
  11_602, // InterruptedDueToReplStateChange
  13_388, // StaleConfig
  13_435, // NotPrimaryNoSecondaryOk
  13_436, // NotPrimaryOrSecondary
]);

/** What an administrator of the database has to change. */
const REFUSED: ReadonlyMap<unknown, string> = new Map([
  [11, 'the database does not know the user of mail_store'],
  [13, 'the database refuses: the user of mail_store needs the role readWrite on this database'],
  [18, 'the database refuses the user and password of mail_store'],
]);
/** OutOfDiskSpace. */
const FULL = new Set([14_031]);

/** It may work if it is done again; whether it was done is not known. */
export const isPassing = (error: unknown): boolean =>
  error instanceof Error &&
  (namesOf(error).some((name) => AWAY.has(name)) ||
    codesOf(error).some((code) => PASSING.has(Number(code)) || SYSTEM.has(String(code))));

/** As the callers of a store expect it. */
export function toStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || isOurs(error)) return error;
  const codes = codesOf(error);
  const cause = { cause: error };
  const said = firstLineOf(error);
  if (codes.some((code) => FULL.has(Number(code))))
    return new StoreFullError(`the database has no space left: ${said}`, cause);
  const refused = codes.map((code) => REFUSED.get(code)).find((text) => text !== undefined);
  if (refused !== undefined) return new StoreUnavailableError(`${refused} (${said})`, cause);
  return isPassing(error) ? new StoreUnavailableError(`the database cannot be reached: ${said}`, cause) : error;
}

const isOurs = (error: Error): boolean =>
  error instanceof MailboxError || error instanceof StoreUnavailableError || error instanceof StoreFullError;

/** A bulk write hides the error that ended it behind its own. */
const namesOf = (error: Error): string[] =>
  [error.name, field(field(error, 'errorResponse'), 'name')].filter((name) => typeof name === 'string');

/** Its own code, those of single writes, and that of a write concern that was not met. */
const codesOf = (error: Error): unknown[] =>
  [error, error.cause, ...['writeConcernError', 'result', 'writeErrors'].map((name) => field(error, name))]
    .flat()
    .map((source) => field(source, 'code'))
    .filter((code) => code !== undefined);

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined;
