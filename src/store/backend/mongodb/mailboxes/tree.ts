/** An account's mailboxes by name: create, rename, delete, subscribe (RFC 9051 sections 6.3.4 to 6.3.8). */
import { LRUCache } from 'lru-cache';
import { HIERARCHY_SEPARATOR, type Mailbox, type SpecialUse } from '../../../../mail/mailbox.ts';
import { MailboxError } from '../../../mailboxes.ts';
import { checkName, superiors } from '../../names.ts';
import { type Context, keepNow } from '../context.ts';
import { Batches } from '../database/batches.ts';
import { type Kept, type MailboxDocument, type MailboxRename, mailboxKey, oneMailbox } from '../database/documents.ts';
import { insertMissing, isDuplicate } from '../database/insert.ts';
import { newId } from '../log/mailbox-state.ts';
import { purgeRows } from '../log/purge.ts';

/** Mailboxes per account: a client in a loop must not fill the database. */
const MAX_MAILBOXES = 10_000;
const MAX_UIDVALIDITY = 0xffff_ffff;
/** How long an account's quota is taken for known, ms: each delivery asks for it. */
const QUOTA_FRESH = 5000;
/** So many times a thousand rows of a removed mailbox are removed before the answer, the others after it. */
const AT_ONCE = 5;

type Told = (account: string, mailbox: string) => void;

export class Tree {
  readonly #context: Context;
  readonly #tell: Told;
  /** Octets; null: no such account. */
  readonly #quotaFinds: Batches<string, number | null>;
  readonly #quotas = new LRUCache<string, number>({ max: 50_000, ttl: QUOTA_FRESH });

  /** `tell` hears of each mailbox that was created, renamed, deleted or (un)subscribed. */
  constructor(context: Context, tell: Told) {
    this.#context = context;
    this.#tell = tell;
    this.#quotaFinds = new Batches(
      async (accounts) => {
        const found = await context.database.accounts
          .find({ _id: { $in: [...accounts] } }, { projection: { quota: 1 }, batchSize: accounts.length + 1 })
          .toArray();
        const quotas = new Map(found.map(({ _id, quota }) => [_id, quota]));
        return accounts.map((account) => quotas.get(account) ?? null);
      },
      { most: 500, atOnce: 2 },
    );
  }

  /** Octets; 0: no limit. Throws MailboxError if the account is gone. */
  async quotaOf(account: string): Promise<number> {
    const known = this.#quotas.get(account);
    if (known !== undefined) return known;
    const quota = await this.#quotaFinds.add(account);
    if (quota === null) throw accountGone();
    this.#quotas.set(account, quota);
    return quota;
  }

  /** Another process, or this one, changed or removed it. */
  forgetQuota(account: string): void {
    this.#quotas.delete(account);
  }

  async create(account: string, given: string, specialUse: SpecialUse): Promise<MailboxDocument> {
    const name = checkName(given);
    if ((await this.#find(account, name)) !== null) throw exists('a mailbox of that name exists');
    return this.make(account, name, specialUse);
  }

  /** Creates a mailbox that does not exist, and its missing superiors; finds it if another process was first. */
  async make(account: string, name: string, specialUse: SpecialUse): Promise<MailboxDocument> {
    const { database } = this.#context;
    const names = [...superiors(name), name];
    const [known, count] = await Promise.all([
      database.mailboxes.find({ account, name: { $in: names } }, { projection: { name: 1 } }).toArray(),
      database.mailboxes.countDocuments({ account }, { limit: MAX_MAILBOXES }),
    ]);
    const present = new Set(known.map((mailbox) => mailbox.name));
    const missing = names.filter((one) => !present.has(one));
    if (count + missing.length > MAX_MAILBOXES)
      throw new MailboxError('limit', `an account has at most ${MAX_MAILBOXES} mailboxes`);
    const first = await this.#reserve(account, missing.length);
    const documents = missing.map((one, i) => newMailbox(account, one, one === name ? specialUse : '', first + i));
    const others = new Set(await insertMissing(database.mailboxes, documents));
    const own = documents.filter((_, i) => !others.has(i));
    await this.#requireAccount(account, own);
    for (const { _id } of own) this.#tell(account, _id);
    const made = own.find((document) => document.name === name);
    if (made !== undefined) return made;
    const found = await this.#find(account, name);
    if (found === null) throw new Error(`the mailbox ${name} vanished while it was being created`);
    return found;
  }

  /** An account that was removed meanwhile was removed without these mailboxes. */
  async #requireAccount(account: string, made: readonly MailboxDocument[]): Promise<void> {
    const { accounts } = this.#context.database;
    if (made.length === 0 || (await accounts.findOne({ _id: account }, { projection: { _id: 1 } })) !== null) return;
    await this.removeAll(account);
    throw accountGone();
  }

  /** The default mailboxes of a new account; it is not found before they are there. */
  async makeDefault(
    account: string,
    mailboxes: readonly { readonly name: string; readonly specialUse: SpecialUse }[],
    uidValidity: number,
  ): Promise<void> {
    await insertMissing(
      this.#context.database.mailboxes,
      mailboxes.map(({ name, specialUse }, i) => newMailbox(account, name, specialUse, uidValidity + i)),
    );
  }

  /** All but INBOX. Checks first; what follows is recorded, so that a crash does not leave half of it. */
  async rename(account: string, from: string, to: string, id: string): Promise<void> {
    const { database, by } = this.#context;
    const prefix = `${from}${HIERARCHY_SEPARATOR}`;
    if (to.startsWith(prefix)) throw new MailboxError('cannot', 'a mailbox cannot become its own inferior');
    const inferiors = await this.#inferiors(account, prefix);
    const renames = [
      { id, from, to },
      ...inferiors.map((inferior) => ({
        id: inferior._id,
        from: inferior.name,
        to: checkName(`${to}${HIERARCHY_SEPARATOR}${inferior.name.slice(prefix.length)}`),
      })),
    ];
    const names = renames.map((one) => one.to);
    const [taken] = await database.mailboxes
      .find({ account, name: { $in: names }, _id: { $nin: renames.map((one) => one.id) } })
      .limit(1)
      .toArray();
    // Inferiors of a deleted mailbox stay, and one of them may have the new name.
    if (taken !== undefined)
      throw exists(taken.name === to ? 'a mailbox of that name exists' : 'an inferior of that name exists');
    const above = superiors(to).at(-1);
    if (above !== undefined && (await this.#find(account, above)) === null) await this.make(account, above, '');
    const intent = newId();
    this.#context.running.add(intent);
    try {
      await database.intents.insertOne({ _id: intent, by, kind: 'tree', account, renames });
      await this.finishRename(account, renames);
      await database.intents.deleteOne({ _id: intent });
    } finally {
      this.#context.running.delete(intent);
    }
  }

  /** What got another name in the meantime keeps it. */
  async finishRename(account: string, renames: readonly MailboxRename[]): Promise<void> {
    for (const { id, from, to } of renames) {
      try {
        await this.#context.database.mailboxes.updateOne(
          { ...oneMailbox(id), name: from, removed: { $exists: false } },
          { $set: { name: to } },
        );
      } catch (error) {
        // Another process took the name after it was looked for: this one keeps its old name.
        if (!isDuplicate(error)) throw error;
      }
      this.#tell(account, id);
    }
  }

  async remove(account: string, given: string): Promise<void> {
    const name = checkName(given);
    if (name === 'INBOX') throw new MailboxError('cannot', 'INBOX cannot be deleted');
    const found = await this.#find(account, name);
    if (found === null) throw noMailbox();
    await this.#markRemoved([found._id], keepNow(this.#context, name));
    await this.purge(found._id);
    this.#tell(account, found._id);
  }

  /** Of an account that is gone. */
  async removeAll(account: string): Promise<void> {
    const found = await this.#context.database.mailboxes
      .find({ account }, { projection: { _id: 1 }, batchSize: MAX_MAILBOXES + 1 })
      .toArray();
    const mailboxes = found.map(({ _id }) => _id);
    await this.#markRemoved(mailboxes);
    await this.#context.database.mailboxes.updateMany({ account, keep: { $exists: true } }, { $unset: { keep: '' } });
    for (const mailbox of mailboxes) await this.purge(mailbox);
    await this.#someNow(account, purgeRows(this.#context.database, account, { kept: 'go' }));
  }

  /** From then on the mailboxes do not exist. */
  async #markRemoved(mailboxes: readonly string[], keep?: Kept): Promise<void> {
    if (mailboxes.length === 0) return;
    await this.#context.database.mailboxes.bulkWrite(
      mailboxes.map((id) => ({
        updateOne: {
          filter: { ...oneMailbox(id), removed: { $exists: false } },
          update: {
            $set: { removed: true, name: `\0${id}`, ...(keep === undefined ? {} : { keep }) },
            $inc: { modseq: 1 },
          },
        },
      })),
      { ordered: false },
    );
  }

  /** Removes, or keeps, what is in a removed mailbox; a large rest in the background. */
  purge(mailbox: string): Promise<void> {
    return this.#someNow(mailbox, this.#purging(mailbox));
  }

  /** All of it. */
  async purgeAll(mailbox: string): Promise<void> {
    for await (const _ of this.#purging(mailbox));
  }

  async #someNow(place: string, steps: AsyncGenerator<void>): Promise<void> {
    for (let times = 0; times < AT_ONCE; times += 1) if ((await steps.next()).done === true) return;
    const rest = async (): Promise<void> => {
      for await (const _ of steps);
    };
    void rest().catch((error: unknown) => {
      this.#context.log.warn({ err: error, place }, 'what was removed is emptied later');
    });
  }

  /**
   * The mailbox's own document goes last, for it is how the rest is found; and not before its journal is empty, for who
   * has an operation there may still be bringing it into the rows. Then it goes later.
   */
  async *#purging(mailbox: string): AsyncGenerator<void> {
    const { database, mailboxes } = this.#context;
    const document = await database.mailboxes.findOne(oneMailbox(mailbox));
    if (document !== null) await mailboxes.bringIn([document]);
    yield* purgeRows(database, mailbox, document?.keep === undefined ? { kept: 'stay' } : { keep: document.keep });
    await database.mailboxes.deleteOne({
      ...oneMailbox(mailbox),
      removed: true,
      'journal.0': { $exists: false },
    });
  }

  async subscribe(account: string, given: string, subscribed: boolean): Promise<void> {
    const name = checkName(given);
    const { accounts } = this.#context.database;
    if (subscribed) {
      const found = await accounts.findOne({ _id: account }, { projection: { subscriptions: 1 } });
      if ((found?.subscriptions.length ?? 0) >= MAX_MAILBOXES)
        throw new MailboxError('limit', `at most ${MAX_MAILBOXES} subscriptions`);
    }
    const { modifiedCount } = await accounts.updateOne(
      { _id: account },
      subscribed ? { $addToSet: { subscriptions: name } } : { $pull: { subscriptions: name } },
    );
    if (modifiedCount > 0) this.#tell(account, (await this.#find(account, name))?._id ?? '');
  }

  #find(account: string, name: string): Promise<MailboxDocument | null> {
    return this.#context.database.mailboxes.findOne({ account, name });
  }

  #inferiors(account: string, prefix: string): Promise<MailboxDocument[]> {
    // The next character after the separator: all names that begin with the prefix are between.
    const end = `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`;
    return this.#context.database.mailboxes
      .find({ account, name: { $gte: prefix, $lt: end } }, { sort: { name: 1 } })
      .toArray();
  }

  /** Seconds since 1970, but always greater than any UIDVALIDITY given before, whatever the clock says. */
  async #reserve(account: string, count: number): Promise<number> {
    const { accounts, meta } = this.#context.database;
    const seconds = Math.max(1, Math.floor(this.#context.clock() / 1000));
    const raised = (await meta.findOne({ _id: 'uidvalidity' }))?.version ?? 0;
    await accounts.updateOne({ _id: account }, { $max: { uidValidity: Math.max(seconds - 1, raised) } });
    const after = await accounts.findOneAndUpdate(
      { _id: account },
      { $inc: { uidValidity: count } },
      { returnDocument: 'after', projection: { uidValidity: 1 } },
    );
    if (after === null) throw accountGone();
    if (after.uidValidity > MAX_UIDVALIDITY)
      throw new Error('the clock is beyond the year 2106: no UIDVALIDITY is left');
    return after.uidValidity - count + 1;
  }
}

const accountGone = (): MailboxError => new MailboxError('nonexistent', 'the account no longer exists');
const exists = (message: string): MailboxError => new MailboxError('alreadyexists', message);
export const noMailbox = (): MailboxError => new MailboxError('nonexistent', 'no such mailbox');

export const newMailbox = (
  account: string,
  name: string,
  specialUse: SpecialUse,
  uidValidity: number,
): MailboxDocument => ({
  _id: mailboxKey(account, uidValidity),
  account,
  name,
  specialUse,
  uidValidity,
  uidNext: 1,
  modseq: 1,
  messages: 0,
  unseen: 0,
  deleted: 0,
  size: 0,
  recentFrom: 1,
  forgotten: 0,
  keywords: [],
  journal: [],
  tidied: 0,
});

export const toMailbox = (document: MailboxDocument, subscriptions: ReadonlySet<string>): Mailbox => ({
  id: document._id,
  account: document.account,
  name: document.name,
  specialUse: document.specialUse,
  subscribed: subscriptions.has(document.name),
  uidValidity: document.uidValidity,
  uidNext: document.uidNext,
  highestModseq: document.modseq,
});
