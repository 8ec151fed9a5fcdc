/**
 * Learns from messages that people moved: each is noted durably at once, and a job learns what was noted, many at a
 * time, in one of the processes. A message that is moved back is taken back; none counts twice.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Clock, MessagePlace, Messages, PluginState, Server } from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { parseHeader } from '../../src/protocol/mime/header.ts';
import { beginningOf } from './beginning.ts';
import { emptyLesson, type Lesson } from './counts.ts';
import { evidenceOf } from './evidence.ts';
import { HOUSE, type Rooms, roomOf } from './rooms.ts';

export type Kind = 'spam' | 'ham';

export interface LearnerServices {
  readonly state: PluginState;
  readonly messages: Messages;
  readonly log: Server['log'];
  readonly clock: Clock;
  readonly rooms: Rooms;
  /** Messages of an account that everybody learns from, in a day. */
  readonly sharedPerDay: number;
  count(what: Kind | 'left out'): void;
}

/** A message to be learned: what it adds to the counts, or takes away. */
interface Noted {
  readonly account: string;
  readonly isShared: boolean;
  readonly spam: number;
  readonly ham: number;
  /** Base64 of 32-bit numbers, little endian. */
  readonly words: string;
  readonly [name: string]: string | number | boolean;
}

interface Known {
  readonly kind: Kind;
  readonly isShared: boolean;
  readonly [name: string]: string | boolean;
}

interface Batch {
  readonly id: string;
  readonly keys: readonly string[];
  readonly [name: string]: string | readonly string[];
}

/** Messages that wait to be read, in this process. */
const MOST_WAITING = 1000;
/** Messages of an account that are learned in a day. */
const MOST_PER_DAY = 1000;
const PER_BATCH = 100;
const MOST_BATCHES = 10;
/** Seconds: how long is known how a message was learned; how long one waits to be learned. */
const KNOWN_FOR = 90 * 86_400;
const NOTED_FOR = 14 * 86_400;
const DAY = 86_400;

export class Learner {
  readonly #services: LearnerServices;
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(services: LearnerServices) {
    this.#services = services;
  }

  /** Returns at once. */
  note(place: MessagePlace, kind: Kind): void {
    if (this.#waiting >= MOST_WAITING) {
      this.#leaveOut(place, `more than ${MOST_WAITING} messages wait to be read`);
      return;
    }
    this.#waiting += 1;
    this.#tail = this.#tail
      .then(() => this.#note(place, kind))
      .catch((error: unknown) => this.#leaveOut(place, messageOf(error)))
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  /** Resolves when everything is noted. */
  noted(): Promise<void> {
    return this.#tail;
  }

  #leaveOut({ account, mailbox, uid }: MessagePlace, why: string): void {
    this.#services.count('left out');
    this.#services.log.warn({ account, mailbox, uid }, `message ${uid} of ${account} was not learned: ${why}`);
  }

  async #note(place: MessagePlace, kind: Kind): Promise<void> {
    const { state, messages, count } = this.#services;
    const { account } = place;
    const octets = await beginningOf(messages.read(place));
    if (octets.length === 0) return;
    const words = Uint32Array.from(evidenceOf(octets, null).keys()).sort();
    const text = Buffer.from(words.buffer).toString('base64');
    const key = `known/${account}/${identityOf(octets, text)}`;
    const known = await state.get<Known>(key);
    if (known?.kind === kind) return;
    const today = await this.#countOf(account);
    if (today > MOST_PER_DAY) return this.#leaveOut(place, `this account had ${MOST_PER_DAY} messages learned today`);
    const isShared = known?.isShared ?? today <= this.#services.sharedPerDay;
    const [right, wrong] = [1, known === undefined ? 0 : -1];
    const noted: Noted = {
      account,
      isShared,
      spam: kind === 'spam' ? right : wrong,
      ham: kind === 'ham' ? right : wrong,
      words: text,
    };
    const time = String(this.#services.clock()).padStart(15, '0');
    await state.set(`noted/${time}-${randomUUID()}`, noted, { expires: NOTED_FOR });
    await state.set(key, { kind, isShared } satisfies Known, { expires: KNOWN_FOR });
    count(kind);
  }

  /** Which message of today this is. */
  async #countOf(account: string): Promise<number> {
    const day = Math.floor(this.#services.clock() / (DAY * 1000));
    const key = `day/${day}/${account}`;
    return (await this.#services.state.update<number>(key, (n = 0) => n + 1, { expires: 2 * DAY })) ?? 0;
  }

  /** The job. A batch that a crash interrupted is learned to its end first. */
  async learn(signal: AbortSignal): Promise<void> {
    await this.noted();
    for (let batches = 0; batches < MOST_BATCHES && !signal.aborted; batches += 1) {
      const batch = await this.#nextBatch();
      if (batch === undefined) return;
      await this.#learn(batch, signal);
    }
  }

  async #nextBatch(): Promise<Batch | undefined> {
    const { state } = this.#services;
    const unfinished = await state.get<Batch>('batch');
    if (unfinished !== undefined) return unfinished;
    const keys = (await state.keys('noted/')).slice(0, PER_BATCH);
    if (keys.length === 0) return undefined;
    return state.update<Batch>('batch', (other) => other ?? { id: randomUUID(), keys });
  }

  async #learn({ id, keys }: Batch, signal: AbortSignal): Promise<void> {
    const { state, rooms, log } = this.#services;
    const lessons = new Map<string, Lesson>();
    for (const key of keys) {
      const noted = await state.get<Noted>(key);
      if (noted === undefined) continue;
      for (const name of [roomOf(noted.account), ...(noted.isShared ? [HOUSE] : [])]) {
        const lesson = lessons.get(name) ?? emptyLesson();
        lessons.set(name, lesson);
        addTo(lesson, noted);
      }
    }
    for (const [name, lesson] of lessons) await rooms.learn(name, lesson, id, signal);
    for (const key of keys) await state.delete(key);
    await state.delete('batch');
    log.info({ messages: keys.length, accounts: lessons.size }, `learned from ${keys.length} messages`);
  }
}

/** The same wherever the message is; another for another copy of the same spam, which counts too. */
function identityOf(octets: Uint8Array, words: string): string {
  const header = parseHeader(octets);
  const fields = ['Message-Id', 'Date', 'X-Bayes'].map((name) => header.get(name));
  return createHash('sha256')
    .update(JSON.stringify([words, ...fields]))
    .digest('hex')
    .slice(0, 32);
}

function addTo(lesson: Lesson, { spam, ham, words }: Noted): void {
  lesson.spam += spam;
  lesson.ham += ham;
  const octets = Buffer.from(words, 'base64');
  for (let at = 0; at < octets.length; at += 4) {
    const word = octets.readUInt32LE(at);
    const counts = lesson.words.get(word) ?? { spam: 0, ham: 0 };
    counts.spam += spam;
    counts.ham += ham;
    lesson.words.set(word, counts);
  }
}
