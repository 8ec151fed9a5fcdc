/** The mailboxes of deliveries: found or created, checked against the quota, and appended to. */
import { LRUCache } from 'lru-cache';
import { MailboxError } from '../../../mailboxes.ts';
import type { LocalDelivery } from '../../../store.ts';
import { parseFlags } from '../../flags.ts';
import { checkName, foldName } from '../../names.ts';
import type { Context } from '../context.ts';
import { Batches } from '../database/batches.ts';
import {
  type AppendedRecord,
  accountOfMailbox,
  type ContentDocument,
  type DeliveryRecord,
  type MailboxDocument,
  someMailboxes,
} from '../database/documents.ts';
import type { MailboxState, NewRow } from '../log/mailbox-state.ts';
import type { Held } from '../log/taken-over.ts';
import type { Tree } from './tree.ts';

/** Accounts whose INBOX is remembered: it stays the same mailbox for the account's life. */
const INBOXES = 50_000;

type Content = Pick<ContentDocument, '_id' | 'size' | 'sentAt'>;

/** What an append is part of. */
export interface Part {
  /** The operation stays in the journal until this resolves. */
  readonly until: Promise<void>;
  readonly held?: Held;
}

export class Targets {
  readonly #context: Context;
  readonly #tree: Tree;
  readonly #inboxes = new LRUCache<string, string>({ max: INBOXES });
  readonly #inboxFinds: Batches<string, MailboxDocument | null>;
  readonly #finds: Batches<string, MailboxDocument | null>;

  constructor(context: Context, tree: Tree) {
    this.#context = context;
    this.#tree = tree;
    this.#finds = new Batches(
      async (ids) => {
        const found = await context.database.mailboxes
          .find({ ...someMailboxes(ids), removed: { $exists: false } }, { batchSize: ids.length + 1 })
          .toArray();
        const byId = new Map(found.map((mailbox) => [mailbox._id, mailbox]));
        return ids.map((id) => byId.get(id) ?? null);
      },
      { most: 500, atOnce: 2 },
    );
    this.#inboxFinds = new Batches(
      async (accounts) => {
        const found = await context.database.mailboxes
          .find({ account: { $in: [...accounts] }, name: 'INBOX' }, { batchSize: accounts.length + 1 })
          .toArray();
        const byAccount = new Map(found.map((mailbox) => [mailbox.account, mailbox]));
        return accounts.map((account) => byAccount.get(account) ?? null);
      },
      { most: 500, atOnce: 2 },
    );
  }

  /** `size`: of the content. Throws MailboxError nonexistent, overquota. */
  resolve(deliveries: readonly LocalDelivery[], size: number): Promise<DeliveryRecord[]> {
    return Promise.all(deliveries.map((delivery) => this.#resolve(delivery, size)));
  }

  /** Where mail goes whose mailbox is gone: whatever the quota says, for it was accepted. Throws MailboxError. */
  inboxOf(account: string): Promise<string> {
    return this.#byName(account, 'INBOX');
  }

  async #resolve(delivery: LocalDelivery, size: number): Promise<DeliveryRecord> {
    const account = String(delivery.account);
    const { mask, keywords } = parseFlags(delivery.flags);
    const [mailbox] = await Promise.all([
      'id' in delivery.mailbox
        ? this.#byId(account, String(delivery.mailbox.id))
        : this.#byName(account, delivery.mailbox.name),
      this.checkQuota(account, size + Buffer.byteLength(delivery.prefix)),
    ]);
    return { account, mailbox, prefix: delivery.prefix, mask, keywords, date: Math.trunc(delivery.internalDate) };
  }

  async #byId(account: string, mailbox: string): Promise<string> {
    const { mailboxes } = this.#context;
    if (mailboxes.knows(mailbox) && accountOfMailbox(mailbox) === account) return mailbox;
    const found = await this.#finds.add(mailbox);
    if (found?.account !== account) throw new MailboxError('nonexistent', 'the mailbox no longer exists');
    mailboxes.remember(found);
    return mailbox;
  }

  async #byName(account: string, given: string): Promise<string> {
    const { database, mailboxes } = this.#context;
    const name = foldName(given);
    if (name === 'INBOX') {
      const inbox = this.#inboxes.get(account);
      if (inbox !== undefined) return inbox;
    }
    const found =
      name === 'INBOX' ? await this.#inboxFinds.add(account) : await database.mailboxes.findOne({ account, name });
    const mailbox = found ?? (await this.#tree.make(account, checkName(name), ''));
    if (name === 'INBOX') this.#inboxes.set(account, mailbox._id);
    mailboxes.remember(mailbox);
    return mailbox._id;
  }

  /** Throws MailboxError overquota if the account cannot take so many octets more. */
  async checkQuota(account: string, octets: number): Promise<void> {
    const quota = await this.#tree.quotaOf(account);
    if (quota === 0) return;
    const sizes = await this.#context.database.mailboxes
      .find({ account, removed: { $exists: false } }, { projection: { size: 1 } })
      .toArray();
    if (sizes.reduce((sum, { size }) => sum + size, octets) > quota)
      throw new MailboxError('overquota', 'the mailbox is full: the account has reached its quota');
  }

  async append(content: Content, delivery: DeliveryRecord, ref: string, part: Part): Promise<AppendedRecord> {
    try {
      const { result } = await this.#context.mailboxes.change(delivery.mailbox, {
        needs: null,
        ...part,
        act: (state) => appendOrFind(state, content, delivery, ref),
      });
      return result;
    } catch (error) {
      if (error instanceof MailboxError) this.#inboxes.delete(delivery.account);
      throw error;
    }
  }

  /**
   * The same for an acceptance that was begun before: if it was appended, its place. The mailbox is read before the
   * content: what was appended is in the journal that was read, or the content says so, or the compare-and-set fails.
   */
  async appendOnce(
    content: ContentDocument,
    delivery: DeliveryRecord,
    ref: string,
    part: Part,
  ): Promise<AppendedRecord> {
    for (;;) {
      const mailbox = await this.#context.mailboxes.current(delivery.mailbox);
      const now = await this.#context.database.contents.findOne(
        { _id: content._id },
        { projection: { appended: 1, refs: 1 } },
      );
      const place = now?.appended?.[Number(ref.slice(1))];
      if (place !== undefined) return place;
      // It was appended, and expunged since.
      if (now === null || !now.refs.includes(ref)) return [mailbox._id, 0, mailbox.uidValidity];
      const placed = await this.appendUnless(mailbox, content, delivery, ref, part);
      if (placed !== null) return placed;
    }
  }

  /** Null if the mailbox has changed since: look again. */
  async appendUnless(
    seen: MailboxDocument,
    content: Content,
    delivery: DeliveryRecord,
    ref: string,
    part: Part,
  ): Promise<AppendedRecord | null> {
    // Whoever appended it may have noted that since, and the operation have left the journal: the MODSEQ stays the same.
    const then = appendedIn(seen, content._id, ref);
    if (then !== null) return then;
    const { result } = await this.#context.mailboxes.change<AppendedRecord | null>(seen._id, {
      needs: null,
      ...part,
      act: (state) =>
        state.modseq === seen.modseq
          ? appendOrFind(state, content, delivery, ref)
          : appendedIn(state.document, content._id, ref),
    });
    return result;
  }
}

/**
 * Whoever took an acceptance over may have appended it, and not closed it, before it came back to this process: then
 * the journal has it.
 */
function appendOrFind(state: MailboxState, content: Content, delivery: DeliveryRecord, ref: string): AppendedRecord {
  const before = appendedIn(state.document, content._id, ref);
  if (before !== null) return before;
  const { mask, keywords, prefix, date } = delivery;
  const row: NewRow = {
    mask,
    keywords: keywords.length === 0 ? '' : state.spell(keywords).join(' '),
    date,
    size: content.size + Buffer.byteLength(prefix),
    sentAt: content.sentAt,
    content: content._id,
    ref,
    prefix,
  };
  const { uids } = state.append([row]);
  return [state.document._id, uids[0] ?? 0, state.document.uidValidity];
}

/** UIDs by content and reference, of the rows that a journal has. */
const PLACES = new WeakMap<MailboxDocument, ReadonlyMap<string, number>>();

function placesIn(document: MailboxDocument): ReadonlyMap<string, number> {
  let places = PLACES.get(document);
  if (places === undefined) {
    const appends = document.journal.filter((operation) => operation.kind === 'append');
    places = new Map(appends.flatMap(({ rows }) => rows.map(({ content, ref, uid }) => [`${content} ${ref}`, uid])));
    PLACES.set(document, places);
  }
  return places;
}

/** The place of this row of the content, if the journal has it. */
export function appendedIn(document: MailboxDocument, content: string, ref: string): AppendedRecord | null {
  const uid = placesIn(document).get(`${content} ${ref}`);
  return uid === undefined ? null : [document._id, uid, document.uidValidity];
}
