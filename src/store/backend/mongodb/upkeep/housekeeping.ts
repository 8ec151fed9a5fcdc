/**
 * Finishes or undoes what a process began and did not end, and removes what nobody refers to (sweeping.ts). Each step can
 * be repeated, and several processes may do it at the same time.
 */
import type { Acceptor } from '../acceptance/accept.ts';
import { finishLate } from '../acceptance/late.ts';
import type { MongoQueue } from '../acceptance/queue.ts';
import type { Context } from '../context.ts';
import type { IntentDocument } from '../database/documents.ts';
import type { MongoDirectory } from '../directory.ts';
import { finishCopy } from '../mailboxes/copy-takeover.ts';
import type { Tree } from '../mailboxes/tree.ts';
import { sweep, sweepSpoolsOf } from './sweeping.ts';

/** How often, ms. */
const EVERY = 20_000;
/** Documents per step. */
const SLICE = 500;

export interface Members {
  isAlive(process: string): boolean;
}

interface Parts {
  readonly context: Context;
  readonly acceptor: Acceptor;
  readonly directory: MongoDirectory;
  readonly tree: Tree;
  readonly queue: MongoQueue;
  readonly members: Members;
  /** So many times as often as usual. */
  readonly hurry: number;
}

export class Housekeeping {
  readonly #parts: Parts;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Takes over what is left of processes that are gone by now. Rejects if the database fails. */
  async start(): Promise<void> {
    await this.#takeOverAll();
    await sweep(this.#parts.context);
    this.#enqueue(() => this.#emptyRemoved());
    this.#later();
  }

  /** A process died: its work goes on now. */
  died(process: string): void {
    this.#enqueue(() => this.#takeOver(process));
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }

  #later(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#enqueue(async () => {
        await this.#takeOverAll();
        await sweep(this.#parts.context);
        await this.#emptyRemoved();
      });
      void this.#running.then(() => this.#later());
    }, EVERY / this.#parts.hurry).unref();
  }

  #enqueue(act: () => Promise<void>): void {
    this.#running = this.#running
      .then(() => (this.#closed ? undefined : act()))
      .catch((error: unknown) => {
        this.#parts.context.log.debug({ err: error }, 'housekeeping in the database is tried again later');
      });
  }

  async #emptyRemoved(): Promise<void> {
    const { context, tree } = this.#parts;
    const removed = await context.database.mailboxes
      .find({ removed: true }, { projection: { _id: 1 }, limit: SLICE })
      .toArray();
    for (const { _id } of removed) await tree.purge(_id);
  }

  /** Whoever has left something and is not alive; of this process what it is not about any more. */
  async #takeOverAll(): Promise<void> {
    const { context, members } = this.#parts;
    const { accounts, contents, intents, queue, spools, mailboxes } = context.database;
    const found: readonly unknown[][] = await Promise.all([
      accounts.distinct('making.by', { 'making.by': { $exists: true } }),
      contents.distinct('by', { open: true }),
      contents.distinct('trying.by', { 'trying.by': { $exists: true } }),
      intents.distinct('by', { ended: { $exists: false } }),
      queue.distinct('by', { by: { $ne: null } }),
      spools.distinct('by', { content: { $ne: '' } }),
      mailboxes.distinct('journal.by', { 'journal.by': { $exists: true } }),
    ]);
    const names = new Set(found.flat().filter((name): name is string => typeof name === 'string'));
    for (const name of names) {
      if (name === context.by) await this.#finishBegun(name);
      else if (!members.isAlive(name)) await this.#takeOver(name);
    }
  }

  async #takeOver(process: string): Promise<void> {
    const { context, queue } = this.#parts;
    await this.#finishBegun(process);
    await queue.releaseLeasesOf(process);
    // After those: they look for what was done in the journals.
    await context.mailboxes.takeOver(process);
    await sweepSpoolsOf(context, process);
  }

  async #finishBegun(process: string): Promise<void> {
    const { context, acceptor, directory } = this.#parts;
    const { intents, contents } = context.database;
    await directory.finishAccounts(process);
    for (const intent of await intents.find({ by: process, ended: { $exists: false } }).toArray())
      if (!context.running.has(intent._id)) await this.#finish(intent);
    await finishLate(context, process);
    const open = contents.find({ by: process, open: true }, { projection: { bytes: 0 }, batchSize: SLICE });
    for await (const content of open) if (!context.running.has(content._id)) await acceptor.tryToFinish(content);
  }

  async #finish(intent: IntentDocument): Promise<void> {
    const { context, tree, directory } = this.#parts;
    if (intent.kind === 'copy') return finishCopy(context, intent);
    if (intent.kind === 'addresses') return directory.finishRename(intent);
    if (intent.kind === 'tree') await tree.finishRename(intent.account, intent.renames);
    else {
      await context.database.accounts.deleteOne({ _id: intent.account });
      await tree.removeAll(intent.account);
    }
    await context.database.intents.deleteOne({ _id: intent._id });
  }
}
