/** How long documents are, as BSON. */
import { BSON, type Collection, type Filter } from 'mongodb';
import type { Database } from '../../../src/store/backend/mongodb/database/database.ts';

const LOOKED_AT = 500;

/** Without the field `without`. */
export async function meanOctets<T extends { readonly _id: string }>(
  collection: Collection<T>,
  filter: Filter<T> = {},
  without = '',
): Promise<number> {
  const found = await collection.find(filter, { limit: LOOKED_AT }).toArray();
  const octets = found.map((document) => BSON.calculateObjectSize({ ...document, [without]: undefined }));
  return octets.reduce((sum, one) => sum + one, 0) / Math.max(1, found.length);
}

/** Octets of texts for SEARCH for each octet of their messages. */
export async function textOctets({ searchTexts, contents }: Database): Promise<number> {
  const texts = await searchTexts.find({}, { limit: LOOKED_AT }).toArray();
  const found = await contents
    .find({ _id: { $in: texts.map(({ _id }) => _id) } }, { projection: { size: 1 } })
    .toArray();
  const octets = found.reduce((sum, { size }) => sum + size, 0);
  return texts.reduce((sum, text) => sum + BSON.calculateObjectSize(text), 0) / Math.max(1, octets);
}
