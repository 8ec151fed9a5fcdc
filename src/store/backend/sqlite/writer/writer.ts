/**
 * The writer: the only thread, of the only process, that changes the store.
 *
 * Waiting requests are collected into a batch (batch.ts), committed once, and answered in one message. Work that is not
 * urgent (sweeping contents without references, writing the WAL back) is done when idle, or between batches if the
 * writer never is.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { freeNow, giveMemoryBack } from '../../../../memory.ts';
import { type Answer, bytesOf, type Handlers, type Request, type WorkerMessage, type WriterCalls } from '../calls.ts';
import { Database, emptyPageCaches } from '../database.ts';
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
import { dropKept, dropOldest, putKept, removeKept, restoreKept } from './kept.ts';
import { lockDirectory } from './lock.ts';
import { claimRecent, createMailbox, removeMailbox, renameMailbox, subscribe } from './mailboxes.ts';
import { mend, putIndex, recount } from './mend.ts';
import { putPluginState, sweepPluginStates } from './plugin-states.ts';
import { cleanProbeResults, putProbeResult } from './probe-results.ts';
import { putItems } from './put-items.ts';
import { putMessages, removeMessages } from './put-messages.ts';
import { flush, hold, nextDue, recover, redirect, release, removeItems, settle } from './queue.ts';
import { Room, reserveFile } from './room.ts';
import { migrate } from './schema.ts';
import { discardSpool, writeSpool } from './spool.ts';
import { store } from './store.ts';
import { abandonSpools, sweep } from './sweep.ts';
import { markCopy, putAccount, putContent, putMailbox, raiseUidValidity } from './transfer.ts';
import type { Writing } from './writing.ts';

export interface WriterData {
  readonly directory: string;
  /** Maximum number of database pages (0: no limit): limits the file, and lets tests fill a disk. */
  readonly maxPages: number;
  /** Contents without references are deleted. */
  readonly sweeps: boolean;
}

/** Limits of one transaction: requests and octets. */
const BATCH_REQUESTS = 1000;
/** After this much idle time (ms), do work that is not urgent. */
const QUIET = 100;
/** After this much idle time (ms), release memory. */
const REST = 1500;
/**
 * Under load: look for unreferenced content every LOOK_EVERY ms; while there is some, sweep one batch every SWEEP_EVERY
 * ms.
 */
const LOOK_EVERY = 1000;
const SWEEP_EVERY = 20;

const lacksRoom = (answer: Answer): boolean => 'failure' in answer && answer.failure.kind === 'full';

if (parentPort === null) throw new Error('writer.ts is a worker thread');
const port = parentPort;
const post = (message: WorkerMessage): void => port.postMessage(message);
const { directory, maxPages, sweeps } = workerData as WriterData;

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
  restoreKept,
  dropKept,
  copy,
  loadDirectory,
  createAccount,
  updateAccount,
  renameAccounts,
  removeAccount,
  setAlias,
  setDomain,
  putPluginState,
  sweepPluginStates,
  putProbeResult,
  cleanProbeResults,
  claim: (w, args) => claim(w, args, walk),
  nextDue,
  settle,
  flush,
  hold,
  redirect,
  release,
  removeItems,
  recover,
  raiseUidValidity,
  markCopy,
  putAccount,
  putMailbox,
  putContent,
  putMessages,
  removeMessages,
  putKept,
  removeKept,
  putItems,
  mend,
  recount,
  putIndex,
};
const run = (w: Writing, request: Request): unknown => {
  const handler = HANDLERS[request.name as keyof typeof HANDLERS] as (w: Writing, args: unknown) => unknown;
  return handler(w, request.args);
};

/** If it throws, nothing is left open. */
function openDatabase(): { readonly db: Database; readonly unlock: () => void } {
  const path = join(directory, 'store.sqlite');
  const unlock = lockDirectory(directory);
  let db: Database | undefined;
  try {
    db = new Database(path, { synchronous: 'FULL', cacheKib: 16 * 1024, busyMs: 5000 });
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
  let unswept = sweeps;
  /** Expunged messages that went in the last sweep, before their time. */
  let early = 0;
  let sweptAt = Date.now();
  let quiet: NodeJS.Timeout | undefined;

  const sweepOnce = (): void => {
    sweptAt = Date.now();
    if (!sweeps) return;
    try {
      db.run('BEGIN IMMEDIATE');
      // Mail that nobody sees makes room for mail that arrives.
      early = room.isShort ? dropOldest({ db }) : 0;
      unswept = sweep(db, sweptAt);
      db.run('COMMIT');
      if (early > 0)
        report('warn', { messages: early }, 'the disk is full: expunged messages are removed before their time');
    } catch (error) {
      if (db.inTransaction) db.run('ROLLBACK');
      unswept = false;
      early = 0;
      if (isFull(error)) relieve();
      else report('warn', {}, `contents without references could not be removed: ${(error as Error).message}`);
    }
  };
  /** After a write failed for lack of space: use the reserve. */
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
    quiet = room.isShort && early > 0 ? setTimeout(whenQuiet, 1) : setTimeout(rest, REST);
  };
  const rest = (): void => {
    room.restore();
    emptyPageCaches();
    giveMemoryBack();
  };
  /**
   * Requests that fail for lack of space are retried once, one by one: the WAL may be full while there is space in the
   * database, and a client that deletes would have to retry anyway. Once a retry fails too, the rest keep their answer.
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
    // Reserve the space freed by the WAL for the next start, which may find the disk full.
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
    // SQLite has copied what it was given.
    for (const { args } of requests) {
      const bytes = bytesOf(args);
      if (bytes !== undefined) freeNow(bytes);
    }
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

/** On a full disk the reserve provides the space needed to open the database. */
function startWithReserve(): void {
  try {
    start();
  } catch (error) {
    if (!isDiskFull(directory) || !existsSync(reserveFile(directory))) throw error;
    rmSync(reserveFile(directory));
    start();
  }
}
