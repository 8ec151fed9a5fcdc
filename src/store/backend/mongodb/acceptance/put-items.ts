/** Makes the queue items of a content equal to those of another store. */
import type { ItemRecord } from '../../../transfer.ts';
import type { Context } from '../context.ts';
import type { ItemDocument } from '../database/documents.ts';
import { addReferences, dropReferences, endWaiting } from '../database/references.ts';
import { STATES } from './queue.ts';

const keyOf = ({ recipient, original }: Pick<ItemRecord, 'recipient' | 'original'>): string =>
  JSON.stringify([recipient, original]);

export async function putItems({ database }: Context, content: string, items: readonly ItemRecord[]): Promise<void> {
  const [stored, before] = await Promise.all([
    database.contents.findOne({ _id: content, 'refs.0': { $exists: true } }, { projection: { size: 1, arrivedAt: 1 } }),
    database.queue.find({ content }).toArray(),
  ]);
  if (stored === null && items.length > 0) throw new Error(`content ${content} is no longer in the store`);
  const known = new Map(before.map((item) => [keyOf(item), item._id]));
  let next = Math.max(-1, ...before.map(({ _id }) => numberOf(_id))) + 1;
  const documents = items.map(({ state, lastReply, ...item }): ItemDocument => {
    const _id = known.get(keyOf(item)) ?? `${content}.${next++}`;
    const { size = 0, arrivedAt = 0 } = stored ?? {};
    return {
      _id,
      content,
      ...item,
      state: STATES.indexOf(state),
      wasDue: item.dueAt,
      lastReply,
      claim: null,
      by: null,
      size,
      arrivedAt,
    };
  });
  await addReferences(
    database,
    documents.map(({ _id }) => ({ content, ref: `q${numberOf(_id)}` })),
  );
  if (documents.length > 0) await endWaiting(database, [content], false);
  for (const document of documents) await database.queue.replaceOne({ _id: document._id }, document, { upsert: true });
  const kept = new Set(documents.map(({ _id }) => _id));
  const gone = before.map(({ _id }) => _id).filter((id) => !kept.has(id));
  await dropReferences(
    database,
    gone.map((id) => ({ content, ref: `q${numberOf(id)}` })),
  );
  await database.queue.deleteMany({ _id: { $in: gone } });
}

const numberOf = (item: string): number => Number(item.slice(item.lastIndexOf('.') + 1));
