/**
 * The store in one SQLite file: `store.sqlite` in its own directory, written by one worker thread of one process
 * and read by another thread. WAL with synchronous=FULL: whatever was confirmed survives a kill and a power failure.
 */
import { mkdirSync } from 'node:fs';
import type { Log } from '../../../log.ts';
import type { Acceptance, Accepted, LocalDelivery, Store } from '../../store.ts';
import { parseFlags } from '../flags.ts';
import { toColumns } from '../index-columns.ts';
import { foldName } from '../names.ts';
import {
  type AcceptArgs,
  type AcceptResult,
  type DeliveryArgs,
  QUEUE_STATES,
  type Read,
  type ReaderCalls,
  type WriterCalls,
} from './calls.ts';
import { emptyPageCaches } from './database.ts';
import { createCheck } from './front/check.ts';
import { createContentStore } from './front/content.ts';
import { contentArgs } from './front/content-args.ts';
import { openDirectory } from './front/directory.ts';
import { Kept } from './front/kept.ts';
import type { LazyLink } from './front/lazy-link.ts';
import { Link } from './front/link.ts';
import { createMailboxes } from './front/mailboxes.ts';
import { NearReads } from './front/near-reads.ts';
import { Pictures } from './front/pictures.ts';
import { createPluginStates } from './front/plugin-states.ts';
import { createProbeResults } from './front/probe-results.ts';
import { createQueue } from './front/queue.ts';
import { readerLink } from './front/reader-link.ts';
import { SearchTexts } from './front/search-texts.ts';
import { createTransfer } from './front/transfer.ts';
import { Watchers } from './front/watchers.ts';
import { someColumns } from './item-row.ts';
import { readFailure } from './start-failure.ts';
import { workerEntry } from './worker-entry.ts';

/** After this long without a read, this thread's page cache is emptied, ms. */
const REST = 1500;

export interface SqliteStoreOptions {
  /** Created if missing, accessible by its owner only. */
  readonly directory: string;
  readonly log: Log;
  /** Milliseconds since 1970 UTC. */
  readonly clock?: () => number;
  /** The writer thread died: nothing that was confirmed is lost, but the store is unusable. The process should exit. */
  readonly onFatal?: (error: Error) => void;
  /** Maximum size of the file in pages of 8 KiB; 0: unlimited. Beyond it writes fail as on a full disk. */
  readonly maxPages?: number;
  /** False: contents without references stay, for they may be miscounted. */
  readonly sweeps?: boolean;
}

/** Rejects with a user-readable message if the directory is in use, damaged, of a newer version, or unreadable. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { directory, log, clock = Date.now, onFatal = () => {}, maxPages = 0, sweeps = true } = options;
  makeDirectory(directory);
  const watchers = new Watchers(log);
  const reader = readerLink(workerEntry('reader'), directory, log);
  let closing: Promise<void> | undefined;
  const near = new NearReads(directory);
  const quiet = setTimeout(emptyPageCaches, REST).unref();
  const read: Read = async (name, args) => {
    if (closing === undefined) quiet.refresh();
    const result = await near.call(name, args);
    return result === undefined ? reader.call(name, args) : result;
  };
  const texts = new SearchTexts(read, log);
  const writer = await Link.start<WriterCalls>(
    workerEntry('writer'),
    { directory, maxPages, sweeps },
    {
      log,
      onChanges: (changes) => {
        texts.hear(changes);
        watchers.tell(changes);
      },
      onDeath: (error) => {
        log.error({ error: error.message }, 'the writer thread of the store ended: the store has stopped');
        onFatal(error);
      },
    },
  );
  const known = await openDirectory(writer, clock).catch(async (error: unknown) => {
    await close(writer, reader);
    throw readFailure(directory, error);
  });
  const kept = new Kept(writer, read, { log, clock });
  return {
    content: createContentStore(writer, read),
    mailboxes: createMailboxes({ writer, read, pictures: new Pictures(read), texts, watchers, kept, clock }),
    expunged: kept,
    directory: known,
    queue: createQueue(writer, read),
    probeResults: createProbeResults(writer, read),
    pluginStates: createPluginStates(writer, read),
    transfer: createTransfer(writer, read, known),
    check: createCheck(writer, read),
    cluster: null,
    accept: async (acceptance) => {
      const accepted = await writer.call('accept', toArgs(acceptance));
      return { ...toAccepted(accepted), messageId: accepted.messageId };
    },
    deliver: async (content, queueId, deliveries) =>
      toAccepted(
        await writer.call('deliver', {
          content: Number(content),
          queueId,
          now: clock(),
          deliveries: deliveries.map(toDelivery),
        }),
      ),
    close() {
      clearTimeout(quiet);
      kept.close();
      near.close();
      closing ??= close(writer, reader);
      return closing;
    },
  };
}

/** The reader first: while open, it keeps the WAL from being written back. */
async function close(writer: Link<WriterCalls>, reader: LazyLink<ReaderCalls>): Promise<void> {
  await reader.close();
  await writer.close();
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(`${directory}: cannot create the store directory: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function toArgs(a: Acceptance): AcceptArgs {
  return {
    ...contentArgs(a, a.content),
    index: a.index === null ? null : toColumns(a.index),
    deliveries: a.deliveries.map(toDelivery),
    items: a.queued.map((item) => ({
      recipient: item.recipient,
      original: item.original,
      notify: item.notify.join(','),
      orcpt: item.orcpt,
      sender: item.sender ?? null,
      ...someColumns(item),
      destination: item.destination,
      state: QUEUE_STATES.indexOf(item.state),
    })),
  };
}

function toDelivery(d: LocalDelivery): DeliveryArgs {
  const { mask, keywords } = parseFlags(d.flags);
  const mailbox = 'id' in d.mailbox ? Number(d.mailbox.id) : foldName(d.mailbox.name);
  return {
    account: Number(d.account),
    mailbox,
    prefix: d.prefix,
    mask,
    keywords,
    internalDate: Math.trunc(d.internalDate),
  };
}

const toAccepted = ({ content, appended }: AcceptResult): Accepted => ({
  content,
  appended: appended.map(([mailbox, uid, uidValidity]) => ({ mailbox, uid, uidValidity })),
});
