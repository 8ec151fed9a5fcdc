/**
 * A session that watches a mailbox: by `changes`, which it asks for all the time, and by what it is told. UIDs only
 * ascend, MODSEQs do not go back, and in the end both pictures are what a new session sees.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Change } from '../../../src/mail/change.ts';
import type { MessageState } from '../../../src/mail/mailbox.ts';
import type { Store } from '../../../src/store/store.ts';

const EVERY = 150;

type Picture = Map<number, MessageState>;

export class Observer {
  readonly faults: string[] = [];
  /** How often it got an answer, and how many changes it was told. */
  asked = 0;
  told = 0;
  readonly #store: Store;
  readonly #mailbox: string;
  readonly #asked: Picture = new Map();
  readonly #heard: Picture = new Map();
  readonly #uids = { asked: 0, heard: 0 };
  #modseq = 0;
  #isOver = false;
  #asking: Promise<void> = Promise.resolve();
  #unwatch: () => void = () => {};

  constructor(store: Store, mailbox: string) {
    this.#store = store;
    this.#mailbox = mailbox;
  }

  /** Before anything is in the mailbox. */
  async start(): Promise<void> {
    const account = this.#mailbox.slice(0, this.#mailbox.indexOf('.'));
    this.#unwatch = this.#store.mailboxes.watch(account, (change) => this.#hear(change));
    await this.#store.mailboxes.open(this.#mailbox, { claimRecent: false });
    this.#asking = this.#ask();
  }

  /** Compares what it knows with what there is. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#asking;
    await this.#look();
    const fresh: Picture = new Map();
    for await (const rows of this.#store.mailboxes.rows(this.#mailbox, [[1, 0xffff_ffff]], {}))
      for (const { uid, modseq, flags } of rows) fresh.set(uid, { uid, modseq, flags });
    for (let times = 0; times < 100 && wordsOf(this.#heard) !== wordsOf(fresh); times += 1) await delay(100);
    this.#unwatch();
    for (const [how, picture] of [
      ['by changes', this.#asked],
      ['as told', this.#heard],
    ] as const)
      if (wordsOf(picture) !== wordsOf(fresh)) this.#fault(`${how} it has ${difference(picture, fresh)}`);
  }

  #fault(fault: string): void {
    if (this.faults.length < 20) this.faults.push(`observer of ${this.#mailbox}: ${fault}`);
  }

  async #ask(): Promise<void> {
    while (!this.#isOver) {
      // The database may be away.
      await this.#look().catch(() => {});
      await delay(EVERY);
    }
  }

  async #look(): Promise<void> {
    const { changed, vanished, highestModseq } = await this.#store.mailboxes.changes(this.#mailbox, this.#modseq);
    this.asked += 1;
    if (highestModseq < this.#modseq) this.#fault(`HIGHESTMODSEQ went from ${this.#modseq} to ${highestModseq}`);
    this.#modseq = highestModseq;
    const before = this.#uids.asked;
    for (const state of changed) {
      if (!this.#asked.has(state.uid) && state.uid <= before) this.#fault(`UID ${state.uid} came after ${before}`);
      this.#put(this.#asked, state);
      this.#uids.asked = Math.max(this.#uids.asked, state.uid);
    }
    for (const uid of vanished) this.#asked.delete(uid);
  }

  #hear(change: Change): void {
    if (change.mailbox !== this.#mailbox || change.kind === 'mailbox') return;
    this.told += 1;
    if (change.kind === 'expunge') for (const uid of change.uids) this.#heard.delete(uid);
    if (change.kind === 'expunge') return;
    for (const state of change.messages) {
      if (change.kind === 'append') {
        if (state.uid <= this.#uids.heard) this.#fault(`told of UID ${state.uid} after ${this.#uids.heard}`);
        this.#uids.heard = Math.max(this.#uids.heard, state.uid);
      }
      this.#put(this.#heard, state);
    }
  }

  #put(picture: Picture, state: MessageState): void {
    const before = picture.get(state.uid);
    if (before !== undefined && before.modseq > state.modseq)
      this.#fault(`MODSEQ of UID ${state.uid} went from ${before.modseq} to ${state.modseq}`);
    picture.set(state.uid, state);
  }
}

const wordsOf = (picture: Picture): string => [...picture.values()].map(oneOf).sort().join('\n');
const oneOf = ({ uid, modseq, flags }: MessageState): string => `${uid} ${modseq} ${flags.join(' ')}`;

function difference(picture: Picture, fresh: Picture): string {
  const [here, there] = [picture, fresh].map((one) => [...one.values()].map(oneOf)) as [string[], string[]];
  const more = here.filter((one) => !there.includes(one));
  const less = there.filter((one) => !here.includes(one));
  return `${JSON.stringify(more.slice(0, 5))} instead of ${JSON.stringify(less.slice(0, 5))} (${more.length}, ${less.length})`;
}
