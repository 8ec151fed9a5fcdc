/**
 * Finishes or undoes what a process began and did not end, and removes what nobody refers to. Each step can be repeated,
 * and several processes may do it at the same time.
 */
import type { Acceptor } from './accept.ts';
import { dropSpool } from './content.ts';
import type { Context } from './context.ts';
import { finishCopy } from './copy.ts';
import type { Database } from './database.ts';
import type { MongoDirectory } from './directory.ts';
import { type IntentDocument, oneMailbox } from './documents.ts';
import type { MongoQueue } from './queue.ts';
import { dropReferences, WAITING } from './references.ts';
import type { Tree } from './tree.ts';

/** How often, ms. */
const EVERY = 20_000;
/** A spool not taken by an acceptance for this long (ms) was abandoned; a draft, too. */
const ABANDONED = 6 * 3600_000;
/** How long contents of a transfer wait for their rows, ms. */
const UNUSED = 3600_000;
/** How long expunged messages are remembered one by one, ms. */
const REMEMBERED = 30 * 86_400_000;
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
      this.#enqueue(() => this.#round());
      void this.#running.then(() => this.#later());
    }, EVERY).unref();
  }

  #enqueue(act: () => Promise<void>): void {
    this.#running = this.#running
      .then(() => (this.#closed ? undefined : act()))
      .catch((error: unknown) => {
        this.#parts.context.log.debug({ err: error }, 'housekeeping in the database is tried again later');
      });
  }

  async #round(): Promise<void> {
    await this.#takeOverAll();
    const { context, tree } = this.#parts;
    const removed = await context.database.mailboxes
      .find({ removed: true }, { projection: { _id: 1 }, limit: SLICE })
      .toArray();
    for (const { _id } of removed) await tree.purge(_id);
    await sweepSpools(context.database, { at: { $lt: context.clock() - ABANDONED } });
    await sweepDrafts(context.database, context.clock() - ABANDONED);
    await sweepWaiting(context.database, context.clock() - UNUSED);
    await forgetExpunges(context.database, context.clock() - REMEMBERED);
  }

  /** Whoever has left something and is not alive; of this process what it is not about any more. */
  async #takeOverAll(): Promise<void> {
    const { context, members } = this.#parts;
    const { contents, intents, queue, spools, mailboxes } = context.database;
    const found: readonly unknown[][] = await Promise.all([
      contents.distinct('by', { open: true }),
      intents.distinct('by'),
      queue.distinct('by', { by: { $ne: null } }),
      spools.distinct('by'),
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
    await queue.releaseLeasesOf([process]);
    // After those: they look for what was done in the journals.
    await context.mailboxes.takeOver(process);
    await sweepSpools(context.database, { by: process });
  }

  async #finishBegun(process: string): Promise<void> {
    const { context, acceptor } = this.#parts;
    const { intents, contents } = context.database;
    for (const intent of await intents.find({ by: process }).toArray())
      if (!context.running.has(intent._id)) await this.#finish(intent);
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

/** Spools whose content exists have done their work; the chunks of the others go. */
async function sweepSpools(database: Database, filter: { by: string } | { at: { $lt: number } }): Promise<void> {
  const found = await database.spools.find(filter, { limit: SLICE }).toArray();
  for (const { _id, content } of found) {
    const taken = content !== null && (await database.contents.findOne({ _id: content, chunks: _id })) !== null;
    if (taken) await database.spools.deleteOne({ _id });
    else await dropSpool(database, _id);
  }
}

/** Queue items of messages that were not accepted. */
async function sweepDrafts(database: Database, before: number): Promise<void> {
  const drafts = await database.queue.find({ draft: true, arrivedAt: { $lt: before } }, { limit: SLICE }).toArray();
  for (const { _id, content } of drafts) {
    const accepted = (await database.contents.findOne({ _id: content }, { projection: { _id: 1 } })) !== null;
    if (!accepted) await database.queue.deleteOne({ _id, draft: true });
  }
}

/** Contents of a transfer whose rows never came. */
async function sweepWaiting(database: Database, before: number): Promise<void> {
  const found = await database.contents
    .find({ waiting: { $lt: before } }, { projection: { _id: 1 }, limit: SLICE })
    .toArray();
  await dropReferences(
    database,
    found.map(({ _id }) => ({ content: _id, ref: WAITING })),
  );
}

/** Before a row is forgotten its mailbox says so: `changes` then answers with all UIDs that are not there. */
async function forgetExpunges(database: Database, before: number): Promise<void> {
  const old = await database.messages
    .find({ gone: { $lt: before } }, { projection: { mailbox: 1, modseq: 1 }, limit: SLICE * 10 })
    .toArray();
  const forgotten = new Map<string, number>();
  for (const { mailbox, modseq } of old) forgotten.set(mailbox, Math.max(modseq, forgotten.get(mailbox) ?? 0));
  for (const [mailbox, modseq] of forgotten)
    await database.mailboxes.updateOne(oneMailbox(mailbox), { $max: { forgotten: modseq } });
  if (old.length > 0) await database.messages.deleteMany({ _id: { $in: old.map(({ _id }) => _id) } });
}
