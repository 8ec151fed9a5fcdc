/** Counts what a store sends to its database and gets from it: commands, documents and octets, by the driver's events. */
import type { Document, MongoClient } from 'mongodb';
import { BSON } from 'mongodb';
import { COLLECTIONS } from '../../../src/store/backend/mongodb/plan.ts';
import type { Traffic } from './figures.ts';

const UNSHARDED = new Set<string>(COLLECTIONS.filter(({ key }) => key === null).map(({ collection }) => collection));
/** What processes do by themselves. */
const BESIDE = new Set(['hello', 'ping', 'endSessions', 'killCursors', 'distinct', 'getMore']);

const WRITTEN: Readonly<Record<string, (command: Document) => number>> = {
  insert: ({ documents }) => documents.length,
  update: ({ updates }) => updates.length,
  delete: ({ deletes }) => deletes.length,
  findAndModify: () => 1,
};

export class TrafficCounter {
  #sum = { commands: 0, found: 0, written: 0, sent: 0, received: 0, primaryReads: 0, primaryWrites: 0 };
  readonly #open = new Map<number, string>();

  readonly observe = (client: MongoClient): void => {
    client.on('commandStarted', ({ requestId, commandName, command }) => {
      const collection = String(commandName === 'getMore' ? command['collection'] : command[commandName]);
      if ((BESIDE.has(commandName) && commandName !== 'getMore') || collection === 'processes') return;
      if (command['maxTimeMS'] === 500 || JSON.stringify(command['pipeline'] ?? '').includes('$changeStream')) return;
      this.#open.set(requestId, commandName);
      const sum = this.#sum;
      sum.commands += 1;
      sum.sent += BSON.calculateObjectSize(command);
      const written = WRITTEN[commandName]?.(command);
      sum.written += written ?? 0;
      if (!UNSHARDED.has(collection)) return;
      if (written === undefined) sum.primaryReads += 1;
      else sum.primaryWrites += written;
    });
    client.on('commandSucceeded', ({ requestId, reply }) => {
      if (!this.#open.delete(requestId)) return;
      const answer = reply as Document;
      this.#sum.received += BSON.calculateObjectSize(answer);
      const { cursor } = answer;
      this.#sum.found += cursor === undefined ? 0 : (cursor.firstBatch ?? cursor.nextBatch ?? []).length;
    });
  };

  /** What `act` sends, divided by `times`. */
  async during(times: number, act: () => Promise<unknown>): Promise<Traffic> {
    const before = { ...this.#sum };
    await act();
    const names = Object.keys(before) as (keyof typeof before)[];
    return Object.fromEntries(
      names.map((name) => [name, (this.#sum[name] - before[name]) / times]),
    ) as unknown as Traffic;
  }
}
