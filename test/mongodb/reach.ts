/** Which shards a command asks, by its filter and the shard key of its collection, as mongos finds it out. */
import type { Document } from 'mongodb';
import { COLLECTIONS, type Reach } from '../../src/store/backend/mongodb/plan.ts';

/** The values of the shard key that a filter leaves, or null: any. A range of ids of one mailbox counts as one. */
function placesOf(filter: Document, field: string, hashed: boolean): readonly string[] | null {
  if (Array.isArray(filter['$or'])) {
    const each = filter['$or'].map((one: Document) => placesOf(one, field, hashed));
    return each.includes(null) ? null : each.flatMap((places) => places ?? []);
  }
  const given: unknown = filter[field];
  if (typeof given === 'string') return [given];
  if (typeof given !== 'object' || given === null) return null;
  const { $in, $eq, $gt, $gte, $lt, $lte } = given as Document;
  if (typeof $eq === 'string') return [$eq];
  if (Array.isArray($in)) return $in.map(String);
  const [from, to] = [String($gt ?? $gte ?? ''), String($lt ?? $lte ?? '')];
  return hashed || from === '' || mailboxOf(from) !== mailboxOf(to) ? null : [from];
}

/** Of a message's id, and of the end of a range: `ACCOUNT.UIDVALIDITY/`. */
const mailboxOf = (id: string): string => id.slice(0, 33);

const FILTERS: Readonly<Record<string, (command: Document) => readonly Document[]>> = {
  find: ({ filter }) => [filter ?? {}],
  distinct: ({ query }) => [query ?? {}],
  findAndModify: ({ query }) => [query],
  insert: ({ documents }) => documents,
  update: ({ updates }) => updates.map(({ q }: Document) => q),
  delete: ({ deletes }) => deletes.map(({ q }: Document) => q),
  aggregate: ({ pipeline: [first] }) => [first.$match ?? {}],
};

export const filtersOf = (name: string, command: Document): readonly Document[] => FILTERS[name]?.(command) ?? [];

export function reachOf(collection: string, filters: readonly Document[]): Reach {
  const key = COLLECTIONS.find((one) => one.collection === collection)?.key;
  if (key === undefined) throw new Error(`${collection} is not in the plan`);
  if (key === null) return 'primary';
  const [[field = '', kind] = []] = Object.entries(key);
  const places = filters.map((filter) => placesOf(filter, field, kind === 'hashed'));
  if (places.includes(null)) return 'all';
  const apart = places.flat().map((place) => (collection === 'messages' ? mailboxOf(String(place)) : place));
  return new Set(apart).size <= 1 ? 'one' : 'named';
}
