/** Processes that work on one database, are killed and stopped, and what is left when they are gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { openMongoStore } from '../../../src/store/backend/mongodb/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { quietLog } from '../../kit/log.ts';
import { collect, listQueue, mailboxId } from '../../store/conformance.ts';
import { sampleAcceptance } from '../../store/samples.ts';
import { audit, begun } from '../audit.ts';
import { type Found, judge, type Silences } from './ledger.ts';
import { Observer } from './observer.ts';
import { type Line, nameIn, octetsOf, placeOf, prefixOf, queueIdOf, type Scene } from './words.ts';

/** A silent process is dead after 10 s divided by this. */
const HURRY = 3;
export const DEAD_AFTER = 10_000 / HURRY;
/** How often it is looked who was taken for dead, ms. */
const LOOK = 100;
/** After this everything that was begun is finished, ms: housekeeping has looked three times. */
const FINISHED = 60_000 / HURRY;
const ACCOUNTS = ['a', 'b', 'c'];
/** Messages that are moved at once: more than fit into a journal. */
const MANY = 120;
/** More than what is kept for a writer that may still come: drafts, spools. */
const LATER = 7 * 3_600_000;

/** Nanoseconds, as the processes say them. */
const now = (): number => Number(process.hrtime.bigint());

export class Storm {
  readonly lines: Line[] = [];
  readonly silences: { process: string; at: number }[] = [];
  readonly #scene: Scene;
  readonly #store: Store;
  readonly #observers: readonly Observer[];
  readonly #children = new Map<string, ChildProcess>();
  readonly #said = new Set<Promise<void>>();
  #started = 0;
  #watching: Promise<void> = Promise.resolve();
  #isOver = false;

  private constructor(scene: Scene, store: Store, observers: readonly Observer[]) {
    this.#scene = scene;
    this.#store = store;
    this.#observers = observers;
  }

  static async begin(uri: string): Promise<Storm> {
    const store = await openMongoStore({ uri, log: quietLog, hurry: HURRY });
    const accounts: string[] = [];
    const mailboxes: string[] = [];
    for (const name of ACCOUNTS) {
      const { id } = await store.directory.create({ address: `${name}@storm.example`, passwordHash: '' });
      accounts.push(String(id));
      for (const mailbox of ['INBOX', 'Archive']) mailboxes.push(String(await mailboxId(store, id, mailbox)));
    }
    const [first = ''] = accounts;
    const large = [await mailboxId(store, first, 'Sent'), await mailboxId(store, first, 'Trash')].map(String);
    const scene: Scene = { uri, accounts, mailboxes, large: [large[0] ?? '', large[1] ?? ''], hurry: HURRY };
    const observers = [...mailboxes, ...large].map((mailbox) => new Observer(store, mailbox));
    for (const observer of observers) await observer.start();
    const storm = new Storm(scene, store, observers);
    await storm.#fill(first);
    storm.#watching = storm.#watch();
    return storm;
  }

  /** The messages that are moved all together. */
  async #fill(account: string): Promise<void> {
    const [mailbox] = this.#scene.large;
    const at = now();
    await Promise.all(
      Array.from({ length: MANY }, async (_, op) => {
        const queueId = `many-${op}0`;
        const names = [`${queueId}/0`];
        const delivery = {
          account,
          mailbox: { id: mailbox },
          prefix: prefixOf(`${queueId}/0`),
          flags: [],
          internalDate: 1,
        };
        const { appended } = await this.#store.accept(
          sampleAcceptance(queueId, { bytes: octetsOf(queueId), deliveries: [delivery] }),
        );
        const line = { at, process: 'test', op };
        this.lines.push({ ...line, begun: { kind: 'accept', queueId, names, flags: [], items: [] } });
        this.lines.push({ ...line, done: { places: appended.map((one) => placeOf(one.mailbox, one.uid)) } });
      }),
    );
  }

  get names(): readonly string[] {
    return [...this.#children.keys()];
  }

  /** Starts another process. Returns its name. */
  start(): string {
    const name = `p${this.#started++}`;
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        join(import.meta.dirname, 'child.ts'),
        name,
        JSON.stringify(this.#scene),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#children.set(name, child);
    const said = this.#read(child);
    this.#said.add(said);
    return name;
  }

  async #read(child: ChildProcess): Promise<void> {
    if (child.stdout === null) return;
    // The last one of a process that was killed may be cut off.
    for await (const line of createInterface({ input: child.stdout }))
      if (line.endsWith('}')) this.lines.push(JSON.parse(line) as Line);
  }

  /** Waits until the process has begun so many operations. */
  async hasBegun(name: string, count: number): Promise<void> {
    for (;;) {
      const begun = this.lines.filter((line) => line.process === name && 'begun' in line).length;
      const child = this.#children.get(name);
      if (begun >= count || child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      await delay(20);
    }
  }

  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined) return;
    this.#silent(name);
    this.#children.delete(name);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Stops it for so long, ms, and lets it go on. */
  async pause(name: string, time: number): Promise<void> {
    const child = this.#children.get(name);
    child?.kill('SIGSTOP');
    await delay(time);
    child?.kill('SIGCONT');
  }

  /** Notes who is taken for dead: for it was stopped, or had no time on a busy machine. */
  async #watch(): Promise<void> {
    const client = await MongoClient.connect(this.#scene.uri);
    const processes = client.db().collection<{ readonly pid: number; readonly deaths: number }>('processes');
    const seen = new Map<number, number>();
    for (let at = now(); !this.#isOver; await delay(LOOK)) {
      const before = at;
      at = now();
      const dead = await processes
        .find({ deaths: { $exists: true } })
        .toArray()
        .catch(() => []);
      for (const { pid, deaths } of dead) {
        const [name] = [...this.#children].find(([, child]) => child.pid === pid) ?? [];
        if (name !== undefined && seen.get(pid) !== deaths) this.#silent(name, before);
        seen.set(pid, deaths);
      }
    }
    await client.close();
  }

  #silent(name: string, at = now()): void {
    this.silences.push({ process: name, at });
  }

  #tell(signal: NodeJS.Signals): void {
    for (const child of this.#children.values()) child.kill(signal);
  }

  /** Kills whoever is left. */
  abort(): void {
    this.#isOver = true;
    this.#tell('SIGKILL');
  }

  /** Ends all in order, and compares what is there with what was said. */
  async end(): Promise<{ readonly faults: readonly string[]; readonly counts: Readonly<Record<string, number>> }> {
    this.#tell('SIGTERM');
    const client = await MongoClient.connect(this.#scene.uri, { promoteBuffers: true });
    const faults: string[] = [];
    try {
      // Whoever is left finishes what the others have begun, and what failed while the database was away.
      for (let times = 0; times < 100 && (await begun(client.db())).length > 0; times += 1) await delay(FINISHED / 100);
      faults.push(...(await begun(client.db())).map((left) => `nobody finishes ${left}`));
    } finally {
      await client.close();
    }
    this.#tell('SIGTERM');
    await Promise.all(this.#said);
    this.#isOver = true;
    await this.#watching;
    await Promise.all(this.#observers.map((observer) => observer.end()));
    faults.push(...this.#observers.flatMap((observer) => observer.faults));
    await this.#store.close();
    const found = await this.#takeOver();
    const verdict = judge(this.lines, this.silences as Silences, found.found);
    const observed = {
      asked: this.#observers.reduce((sum, { asked }) => sum + asked, 0),
      told: this.#observers.reduce((sum, { told }) => sum + told, 0),
    };
    return { faults: [...faults, ...found.faults, ...verdict.faults], counts: { ...verdict.counts, ...observed } };
  }

  async #takeOver(): Promise<{ readonly found: Found; readonly faults: readonly string[] }> {
    const client = await MongoClient.connect(this.#scene.uri, { promoteBuffers: true });
    try {
      // Not known any more: dead, without waiting until they have been silent for long enough.
      await client.db().collection('processes').deleteMany({});
      const options = { uri: this.#scene.uri, log: quietLog, clock: () => Date.now() + LATER };
      await (await openMongoStore(options)).close();
      const store = await openMongoStore(options);
      const [found, faults] = await lookAt(store, this.#scene);
      await store.close();
      return { found, faults: [...faults, ...(await audit(client.db()))] };
    } finally {
      await client.close();
    }
  }
}

/** What is in the store, and contents that are not as they were. */
async function lookAt(store: Store, { accounts }: Scene): Promise<[Found, string[]]> {
  const faults: string[] = [];
  const rows = new Map<string, { name: string; modseq: number; flags: readonly string[] }>();
  const mailboxes = new Map<string, string>();
  for (const account of accounts)
    for (const { id, name } of await store.mailboxes.list(account)) {
      mailboxes.set(String(id), name);
      for (const { uid, prefix, modseq, flags, content } of await collect(store, id)) {
        const named = nameIn(prefix);
        rows.set(placeOf(id, uid), { name: named, modseq, flags });
        if (content !== queueIdOf(named)) faults.push(`${named} has the content ${content}`);
        const octets = await store.content.read(content).catch((error: unknown) => String(error));
        if (typeof octets === 'string' || !octets.equals(octetsOf(queueIdOf(named))))
          faults.push(`${named}: ${typeof octets === 'string' ? octets : 'other octets'}`);
      }
    }
  const items = new Map<string, number>();
  for (const { queueId, recipient } of await listQueue(store)) {
    const item = `${queueId}/${recipient}`;
    items.set(item, (items.get(item) ?? 0) + 1);
  }
  return [{ rows, items, mailboxes }, faults];
}
