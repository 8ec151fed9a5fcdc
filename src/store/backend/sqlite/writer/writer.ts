/**
 * The writer: the one thread, of the one process, that changes the store.
 *
 * Requests that wait are drained into a batch (batch.ts), committed once, and answered in one message. What is not
 * urgent (sweeping contents without references, writing the WAL back) is done in quiet moments, or between batches
 * where there are none.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { giveMemoryBack } from '../../../../memory.ts';
import type { Answer, Handlers, Request, WorkerMessage, WriterCalls } from '../calls.ts';
import { Database } from '../database.ts';
import { isFull } from '../failure.ts';
import { isDiskFull, startFailure } from '../start-failure.ts';
import { accept, deliver } from './accept.ts';
import { type BatchResult, runBatch } from './batch.ts';
import { Checkpoints, type Report } from './checkpoints.ts';
import { claim } from './claim.ts';
import { copy } from './copy.ts';
import {
  createAccount,
  loadDirectory,
  removeAccount,
  renameAccounts,
  setAlias,
  setDomain,
  updateAccount,
} from './directory.ts';
import { expunge } from './expunge.ts';
import { lockDirectory } from './lock.ts';
import { claimRecent, createMailbox, removeMailbox, renameMailbox, subscribe } from './mailboxes.ts';
import { flush, hold, nextDue, recover, release, removeItems, settle } from './queue.ts';
import { Room, reserveFile } from './room.ts';
import { migrate } from './schema.ts';
import { discardSpool, writeSpool } from './spool.ts';
import { store } from './store.ts';
import { abandonSpools, sweep } from './sweep.ts';
import type { Writing } from './writing.ts';

export interface WriterData {
  readonly directory: string;
  /** Database pages at the most (0: no limit): a ceiling for the file, and how tests fill a disk. */
  readonly maxPages: number;
}

/** Requests and octets of one transaction. */
const BATCH_REQUESTS = 1000;
/** Quiet for so long (ms): time for what is not urgent. */
const QUIET = 100;
/** Quiet for so long (ms): memory is given back. */
const REST = 1500;
/**
 * Under load there is a look for contents to sweep every second, and a piece is swept so often while there are any
 * (ms).
 */
const LOOK_EVERY = 1000;
const SWEEP_EVERY = 20;

const lacksRoom = (answer: Answer): boolean => 'failure' in answer && answer.failure.kind === 'full';

if (parentPort === null) throw new Error('writer.ts is a worker thread');
const port = parentPort;
const post = (message: WorkerMessage): void => port.postMessage(message);
const { directory, maxPages } = workerData as WriterData;

const walk = { from: '' };
const HANDLERS: Handlers<WriterCalls, Writing> = {
  accept,
  deliver,
  writeSpool,
  discardSpool,
  claimRecent,
  createMailbox,
  renameMailbox,
  removeMailbox,
  subscribe,
  store,
  expunge,
  copy,
  loadDirectory,
  createAccount,
  updateAccount,
  renameAccounts,
  removeAccount,
  setAlias,
  setDomain,
  claim: (w, args) => claim(w, args, walk),
  nextDue,
  settle,
  flush,
  hold,
  release,
  removeItems,
  recover,
};
const run = (w: Writing, request: Request): unknown => {
  const handler = HANDLERS[request.name as keyof typeof HANDLERS] as (w: Writing, args: unknown) => unknown;
  return handler(w, request.args);
};

/** Throws with nothing left open. */
function openDatabase(): { readonly db: Database; readonly unlock: () => void } {
  const path = join(directory, 'store.sqlite');
  const unlock = lockDirectory(directory);
  let db: Database | undefined;
  try {
    db = new Database(path, { synchronous: 'FULL', cacheKib: 32 * 1024, busyMs: 5000 });
    migrate(db, path);
    if (maxPages > 0) db.exec(`PRAGMA max_page_count = ${maxPages}`);
    abandonSpools(db);
    return { db, unlock };
  } catch (error) {
    db?.close();
    unlock();
    throw error;
  }
}

function start(): void {
  const { db, unlock } = openDatabase();
  const report: Report = (level, fields, message) => post({ kind: 'log', level, fields, message });
  const checkpoints = new Checkpoints(db, report);
  const room = new Room(db, directory, report);
  room.look(Date.now());
  let unswept = true;
  let sweptAt = Date.now();
  let quiet: NodeJS.Timeout | undefined;

  const sweepOnce = (): void => {
    sweptAt = Date.now();
    try {
      db.run('BEGIN IMMEDIATE');
      unswept = sweep(db, sweptAt);
      db.run('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.run('ROLLBACK');
      unswept = false;
      if (isFull(error)) relieve();
      else report('warn', {}, `contents without references could not be removed: ${(error as Error).message}`);
    }
  };
  /** Something could not be written for lack of room: what the store has set aside is used. */
  const relieve = (): void => {
    room.release();
    checkpoints.now();
    room.look(Date.now());
  };
  const whenQuiet = (): void => {
    sweepOnce();
    if (unswept) {
      quiet = setTimeout(whenQuiet, 1);
      return;
    }
    checkpoints.whenQuiet();
    room.look(Date.now());
    quiet = setTimeout(rest, REST);
  };
  const rest = (): void => {
    room.restore();
    db.exec('PRAGMA shrink_memory');
    giveMemoryBack();
  };
  /**
   * What finds no room on the disk is tried once more, one by one: the WAL may be full while there is room in the
   * database, and who deletes could do nothing better than try again. Once that fails too, the rest keeps its answer.
   */
  const runWithRoom = (requests: readonly Request[]): BatchResult => {
    const runOne = (w: Writing, request: Request): unknown => {
      room.admit(request.name);
      return run(w, request);
    };
    if (room.isShort) room.look(Date.now());
    const first = runBatch(db, requests, runOne);
    const failed = new Set(first.answers.filter(lacksRoom).map(({ id }) => id));
    if (failed.size === 0 || !room.isTight) return first;
    const answers = new Map(first.answers.map((answer) => [answer.id, answer]));
    const changes = [...first.changes];
    for (const request of requests) {
      if (!failed.has(request.id) || (room.isShort && room.brings(request.name))) continue;
      relieve();
      const again = runBatch(db, [request], runOne);
      for (const answer of again.answers) answers.set(answer.id, answer);
      changes.push(...again.changes);
      if (again.answers.some(lacksRoom)) break;
    }
    return { answers: [...answers.values()], changes };
  };
  const close = (): void => {
    clearTimeout(quiet);
    checkpoints.atEnd();
    // What the WAL gives back is set aside for the next start, which may find the disk full.
    room.restore();
    db.close();
    unlock();
    port.close();
  };

  port.on('message', (first: readonly Request[]) => {
    clearTimeout(quiet);
    const requests = [...first];
    while (requests.length < BATCH_REQUESTS) {
      const more = receiveMessageOnPort(port);
      if (more === undefined) break;
      requests.push(...(more.message as readonly Request[]));
    }
    const closing = requests.find(({ name }) => name === 'close');
    const { answers, changes } = runWithRoom(requests.filter((request) => request !== closing));
    post({ kind: 'answers', answers, changes });
    if (closing !== undefined) return close();
    room.look(Date.now());
    checkpoints.afterCommit(room.isPressing);
    if (room.isShort || Date.now() - sweptAt > (unswept ? SWEEP_EVERY : LOOK_EVERY)) sweepOnce();
    quiet = setTimeout(whenQuiet, QUIET);
  });
  quiet = setTimeout(whenQuiet, QUIET);
  post({ kind: 'ready' });
}

try {
  startWithReserve();
} catch (error) {
  post({ kind: 'failed', message: startFailure(directory, error) });
}

/** On a full disk the reserve makes the room that opening the database needs. */
function startWithReserve(): void {
  try {
    start();
  } catch (error) {
    if (!isDiskFull(directory) || !existsSync(reserveFile(directory))) throw error;
    rmSync(reserveFile(directory));
    start();
  }
}
