/**
 * The processes that share the database: a document each in `processes`, with a heartbeat and the counts that it tells
 * the others.
 *
 * Guarantees: a process that cannot write its heartbeat knows so (`isIsolated`) before others take it for dead; one
 * that has joined is known to all others before it does anything that they could take over. Death and heartbeat are
 * decided by the same document: who is declared dead has not shown life since, and learns of it with `confirm`. An
 * error of the database is logged once for each outage, and never thrown from a timer.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Collection, Db } from 'mongodb';
import { messageOf } from '../../../../errors.ts';
import type { Log } from '../../../../log.ts';
import type { Cluster, ClusterProcess } from '../../../cluster.ts';
import type { Outage } from '../database/outage.ts';
import { ProcessSilence } from './process-silence.ts';
import { type Counts, PublishedCounts, type StoredCounts, sumOf } from './published-counts.ts';

/** Time between two turns, and between two heartbeats without news, ms. */
const TURN = 1_000;
const BEAT = 2_000;
/** Without a heartbeat for this long, ms, others may soon take this process for dead. */
const ISOLATED_AFTER = 8_000;
/** Others look at least so often, ms, or do not believe that somebody whom they do not know is gone. */
const KNOWN_AFTER = 1_500;
/** How long the document of a dead process is kept for people to see, ms; and how often that is looked after. */
const KEPT = 86_400_000;
const TIDY = 3_600_000;

type Facts = ClusterProcess['facts'];

interface ProcessDocument {
  readonly _id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  readonly beat: number;
  /** How often others took it for dead; absent for never. */
  readonly deaths?: number;
  /** When the database got the last heartbeat, by its own clock. */
  readonly heard: Date;
  readonly facts: Facts;
  /** Another number whenever the counts change: they are read only then. */
  readonly revision: number;
  readonly counts?: StoredCounts;
}

type Member = Omit<ProcessDocument, 'counts'>;

export interface ClusterOptions {
  readonly db: Db;
  readonly log: Log;
  /** Hears of each heartbeat that was written, and of those that were not. */
  readonly outage: Pick<Outage, 'failed' | 'works'>;
  /** Of Posthorn. */
  readonly version: string;
  /** Monotonic, ms. */
  readonly clock?: () => number;
  /** So many times as often as usual. */
  readonly hurry?: number;
}

interface Share {
  readonly topic: string;
  readonly own: () => Counts;
  readonly others: (sums: Counts) => void;
}

export class MongoCluster implements Cluster {
  readonly id = randomBytes(12).toString('hex');
  readonly #options: Required<ClusterOptions>;
  readonly #collection: Collection<ProcessDocument>;
  readonly #startedAt = Date.now();
  readonly #silence = new ProcessSilence();
  readonly #published = new PublishedCounts();
  readonly #shares = new Set<Share>();
  readonly #leavings = new Set<(processId: string) => void>();
  /** Of the others, by process, with the revision that they are of. */
  readonly #counts = new Map<string, { readonly revision: number; readonly counts: StoredCounts }>();
  #facts: () => Facts = () => ({});
  #revision = 0;
  #deaths = 0;
  #members: readonly Member[] = [];
  /** When the last heartbeat that was written, and the last look that succeeded, began. */
  #wroteAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #tidiedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | null = null;
  #turning: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  #closed = false;

  private constructor(options: ClusterOptions) {
    const { hurry = 1 } = options;
    this.#options = { clock: () => performance.now() * hurry, hurry, ...options };
    this.#collection = options.db.collection('processes');
  }

  /** Resolves when all others know this process. Rejects if the database fails. */
  static async join(options: ClusterOptions): Promise<MongoCluster> {
    const cluster = new MongoCluster(options);
    await cluster.#beat();
    await cluster.#look();
    cluster.#later();
    if (cluster.#others.length > 0)
      await new Promise((resolve) => setTimeout(resolve, KNOWN_AFTER / cluster.#options.hurry));
    return cluster;
  }

  /** Whether others may soon take over what this process is about: it must not begin anything more. */
  get isIsolated(): boolean {
    return this.#options.clock() - this.#wroteAt > ISOLATED_AFTER;
  }

  /** False for those that died or left, however long ago. */
  isAlive(processId: string): boolean {
    if (processId === this.id || this.#silence.isAlive(processId)) return true;
    const isKnown = this.#members.some(({ _id }) => _id === processId);
    // A process that has joined since the last look is not known here yet.
    return !isKnown && this.#options.clock() - this.#lookedAt > KNOWN_AFTER;
  }

  /** How often others took this process for dead, as far as it knows. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Shows the others that this process lives, and resolves with its deaths so far: the next one is seconds away. */
  async confirm(): Promise<number> {
    await this.#beat(true);
    const own = await this.#collection.findOne<Pick<ProcessDocument, 'deaths'>>(
      { _id: this.id },
      { projection: { deaths: 1 } },
    );
    this.#deaths = own?.deaths ?? 0;
    return this.#deaths;
  }

  /** Whether a process that is not alive has shown no life since either. If so, it learns of its death. */
  async declareDead(processId: string): Promise<boolean> {
    const beat = this.#silence.beatOf(processId);
    const still = beat === undefined ? {} : { beat };
    const { matchedCount } = await this.#collection.updateOne({ _id: processId, ...still }, { $inc: { deaths: 1 } });
    if (matchedCount > 0) return true;
    return (await this.#collection.findOne({ _id: processId }, { projection: { _id: 1 } })) === null;
  }

  /** Hears of each process that died or left, from now on. */
  onDeath(listener: (processId: string) => void): void {
    this.#leavings.add(listener);
  }

  async processes(): Promise<readonly ClusterProcess[]> {
    await this.#look();
    return this.#members
      .map(({ _id, host, pid, version, startedAt, facts }) => {
        const self = _id === this.id;
        const silentFor = self ? 0 : this.#silence.silentFor(_id);
        return { id: _id, host, pid, version, startedAt, silentFor, dead: !this.isAlive(_id), self, facts };
      })
      .sort((a, b) => a.startedAt - b.startedAt);
  }

  async agree(name: string, propose: () => Promise<string>): Promise<string> {
    const agreements = this.#options.db.collection<{ readonly _id: string; readonly text: string }>('agreements');
    const known = await agreements.findOne({ _id: name });
    if (known !== null) return known.text;
    const own = await propose();
    await agreements.updateOne({ _id: name }, { $setOnInsert: { text: own } }, { upsert: true });
    return (await agreements.findOne({ _id: name }))?.text ?? own;
  }

  describe(facts: () => Facts): void {
    this.#facts = facts;
  }

  share(topic: string, own: () => Counts, others: (sums: Counts) => void): () => void {
    const share = { topic, own, others };
    this.#shares.add(share);
    this.#tell([share]);
    return () => void this.#shares.delete(share);
  }

  /** The others know at once that this process has left. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#turning;
    await this.#collection.deleteOne({ _id: this.id }).catch((error: unknown) => this.#failed(error));
  }

  #later(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#turning = this.turn().then(() => this.#later());
    }, TURN / this.#options.hurry).unref();
  }

  /**
   * What the timer does. Never rejects.
   * @internal
   */
  async turn(): Promise<void> {
    try {
      await this.#beat();
      await this.#look();
      await this.#tidy();
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#options.outage.works();
    if (this.#failing) this.#options.log.info({}, 'the database has the heartbeat of this process again');
    this.#failing = false;
  }

  #failed(error: unknown): void {
    if (this.#options.outage.failed(error)) return;
    if (!this.#failing)
      this.#options.log.error(
        { err: error },
        `the heartbeat of this process cannot be written to the database: ${messageOf(error)}`,
      );
    this.#failing = true;
  }

  /** Tells the others that this process lives, and its counts; does nothing where neither is due, unless it is to. */
  async #beat(now = false): Promise<void> {
    const began = this.#options.clock();
    const news = this.#published.changes(this.#ownCounts());
    // Half a turn: a timer that is early once must not skip a heartbeat.
    if (!now && news === null && began - this.#wroteAt < BEAT - TURN / 2) return;
    if (news !== null) this.#revision += 1;
    const { set = {}, unset = {} } = news?.changes ?? {};
    const { upsertedCount } = await this.#collection.updateOne(
      { _id: this.id },
      {
        $set: { facts: this.#facts(), revision: this.#revision, ...set },
        ...(Object.keys(unset).length === 0 ? {} : { $unset: unset }),
        $inc: { beat: 1 },
        $currentDate: { heard: true },
        $setOnInsert: {
          host: hostname(),
          pid: process.pid,
          version: this.#options.version,
          startedAt: this.#startedAt,
        },
      },
      { upsert: true },
    );
    this.#wroteAt = began;
    // Somebody took it for dead a day ago and has removed it: all counts are told again.
    if (upsertedCount > 0) this.#published.forget();
    else news?.told();
  }

  get #others(): readonly Member[] {
    return this.#members.filter(({ _id }) => _id !== this.id && this.#silence.isAlive(_id));
  }

  /** By topic; none where nobody would read them. */
  #ownCounts(): ReadonlyMap<string, Counts> {
    const topics = new Map<string, Counts>();
    if (this.#others.length === 0) return topics;
    for (const { topic, own } of this.#shares) {
      const before = topics.get(topic);
      topics.set(topic, before === undefined ? own() : added(before, own()));
    }
    return topics;
  }

  /** One at a time: an earlier state must not be seen after a later one. */
  #look(): Promise<void> {
    this.#looking ??= this.#read().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #read(): Promise<void> {
    const began = this.#options.clock();
    this.#members = await this.#collection.find<Member>({}, { projection: { counts: 0 } }).toArray();
    this.#lookedAt = began;
    this.#deaths = this.#members.find(({ _id }) => _id === this.id)?.deaths ?? 0;
    const gone = this.#silence.look(began, this.#members);
    for (const id of gone) for (const leaving of this.#leavings) leaving(id);
    await this.#hear();
  }

  /** Reads the counts of the others, where they have changed, and tells them. */
  async #hear(): Promise<void> {
    const others = this.#others;
    const living = new Set(others.map(({ _id }) => _id));
    let isNews = false;
    for (const id of this.#counts.keys()) if (!living.has(id)) isNews = this.#counts.delete(id);
    const changed = others.filter(({ _id, revision }) => this.#counts.get(_id)?.revision !== revision);
    if (this.#shares.size > 0 && changed.length > 0) {
      const documents = await this.#collection
        .find<Pick<ProcessDocument, '_id' | 'revision' | 'counts'>>(
          { _id: { $in: changed.map(({ _id }) => _id) } },
          { projection: { revision: 1, counts: 1 } },
        )
        .toArray();
      for (const { _id, revision, counts = {} } of documents) this.#counts.set(_id, { revision, counts });
      isNews = true;
    }
    if (isNews) this.#tell(this.#shares);
  }

  #tell(shares: Iterable<Share>): void {
    const documents = [...this.#counts.values()].map(({ counts }) => counts);
    for (const { topic, others } of shares) others(sumOf(topic, documents));
  }

  /** By the database's clock alone: when it heard of this process, and when of the others. */
  async #tidy(): Promise<void> {
    const now = this.#options.clock();
    const own = this.#members.find(({ _id }) => _id === this.id);
    if (own === undefined || now - this.#tidiedAt < TIDY) return;
    await this.#collection.deleteMany({ heard: { $lt: new Date(own.heard.getTime() - KEPT) } });
    this.#tidiedAt = now;
  }
}

function added(some: Counts, more: Counts): Counts {
  const sums = new Map(some);
  for (const [key, count] of more) sums.set(key, (sums.get(key) ?? 0) + count);
  return sums;
}
