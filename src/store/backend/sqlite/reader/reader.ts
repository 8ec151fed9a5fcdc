/**
 * The reader thread: its own connection beside the writer's. WAL readers see the last commit and never wait for the
 * next one. It also owns the search file (search.sqlite), which can be rebuilt and is therefore never synced.
 */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { giveMemoryBack } from '../../../../memory.ts';
import type { Handlers, ReaderCalls, Request, WorkerMessage } from '../calls.ts';
import { Database, emptyPageCaches } from '../database.ts';
import { readDirectory } from '../directory-rows.ts';
import { toFailure } from '../failure.ts';
import { contentIds, inspect } from '../reading/check.ts';
import { mailboxChanges, mailboxSection } from '../reading/columns.ts';
import { READ_ONLY } from '../reading/connection.ts';
import { contentSize, readContent } from '../reading/content.ts';
import { listKept } from '../reading/kept.ts';
import { findMailbox, listMailboxes, status, subscriptions } from '../reading/mailboxes.ts';
import { changes, rows, texts } from '../reading/messages.ts';
import { pluginState, pluginStateEntries, pluginStateKeys } from '../reading/plugin-states.ts';
import { findProbeResult } from '../reading/probe-results.ts';
import { listItems } from '../reading/queue.ts';
import { contentRecords, contentsOf, copyMark, mailboxRecords, uidValidity } from '../reading/transfer.ts';
import { startFailure } from '../start-failure.ts';
import { searchContents } from './search/contents.ts';
import { SearchFile, type SearchReading } from './search/file.ts';
import { discardSearch, putSearchText, searchProgress, searchText, unpreparedSearch } from './search/texts.ts';

export interface ReaderData {
  readonly directory: string;
}

/** After this much idle time (ms), release memory. */
const REST = 1500;

if (parentPort === null) throw new Error('reader.ts is a worker thread');
const port = parentPort;
const post = (message: WorkerMessage, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
const { directory } = workerData as ReaderData;

const HANDLERS: Handlers<ReaderCalls, SearchReading> = {
  loadDirectory: ({ db: file }) => readDirectory(file),
  listMailboxes,
  findMailbox,
  status,
  mailboxSection,
  mailboxChanges,
  subscriptions,
  rows,
  texts,
  changes,
  readContent,
  contentSize,
  listItems,
  listKept,
  findProbeResult,
  pluginState,
  pluginStateEntries,
  pluginStateKeys,
  mailboxRecords,
  contentRecords,
  contentsOf,
  uidValidity,
  copyMark,
  inspect,
  contentIds,
  searchText,
  searchContents,
  putSearchText,
  unpreparedSearch,
  searchProgress,
  discardSearch,
};

/** The buffers of octets, which are moved to the other thread instead of copied. */
function buffersOf(result: unknown): ArrayBuffer[] {
  if (typeof result !== 'object' || result === null) return [];
  const octets = result instanceof Uint8Array ? [result] : 'octets' in result ? result.octets : null;
  if (!Array.isArray(octets)) return [];
  return octets.flatMap((one) => (one instanceof Uint8Array && one.buffer instanceof ArrayBuffer ? [one.buffer] : []));
}

function start(): void {
  const db = new Database(join(directory, 'store.sqlite'), { ...READ_ONLY, cacheKib: 4 * 1024 });
  const search = new SearchFile(join(directory, 'search.sqlite'), db);
  const reading: SearchReading = { db, search };
  const rest = (): void => {
    emptyPageCaches();
    giveMemoryBack();
  };
  const quiet = setTimeout(rest, REST);
  const close = (): void => {
    clearTimeout(quiet);
    search.close();
    db.close();
    port.close();
  };
  port.on('message', (requests: readonly Request[]) => {
    quiet.refresh();
    for (const { id, name, args } of requests) {
      if (name === 'close') return close();
      try {
        const handler = HANDLERS[name as keyof ReaderCalls] as (reading: SearchReading, args: unknown) => unknown;
        const result = handler(reading, args);
        // Send each answer at once: a short call must not wait for a long one behind it.
        post({ kind: 'answers', answers: [{ id, result }], changes: [] }, buffersOf(result));
      } catch (error) {
        post({ kind: 'answers', answers: [{ id, failure: toFailure(error) }], changes: [] });
      }
    }
  });
  post({ kind: 'ready' });
}

try {
  start();
} catch (error) {
  post({ kind: 'failed', message: startFailure(directory, error) });
}
