/** What plugins remember: a document for each entry, the same for all processes. */
import { MongoServerError } from 'mongodb';
import { endOf, PAGE, type PluginStates, type StateKey } from '../../plugin-states.ts';
import type { Context } from './context.ts';

const keyOf = (id: string): StateKey => {
  const end = id.indexOf(' ');
  return { plugin: id.slice(0, end), key: id.slice(end + 1) };
};

/** A plugin's name has no space, and nothing that is less than one. */
const idOf = ({ plugin, key }: StateKey): string => `${plugin} ${key}`;
const live = (now: number): object => ({ $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] });
const DUPLICATE_KEY = 11000;

export function createPluginStates({ database: { pluginStates } }: Context): PluginStates {
  /** Where there is none that lives. */
  async function insert(
    _id: string,
    entry: { value: string; expiresAt: number | null },
    now: number,
  ): Promise<boolean> {
    try {
      const { matchedCount, upsertedCount } = await pluginStates.replaceOne({ _id, expiresAt: { $lte: now } }, entry, {
        upsert: true,
      });
      return matchedCount + upsertedCount > 0;
    } catch (error) {
      // One that lives has this id.
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
      throw error;
    }
  }

  return {
    get: async (of, now) => (await pluginStates.findOne({ _id: idOf(of), ...live(now) }))?.value ?? null,
    async put(of, { before, value, expiresAt }, now) {
      const _id = idOf(of);
      if (value === null) {
        const which = typeof before === 'string' ? { _id, value: before, ...live(now) } : { _id };
        if (before === null) return (await pluginStates.findOne({ _id, ...live(now) })) === null;
        return (await pluginStates.deleteOne(which)).deletedCount > 0 || before === undefined;
      }
      if (before === null) return insert(_id, { value, expiresAt }, now);
      if (before === undefined) {
        await pluginStates.updateOne({ _id }, { $set: { value, expiresAt } }, { upsert: true });
        return true;
      }
      const { matchedCount } = await pluginStates.updateOne(
        { _id, value: before, ...live(now) },
        { $set: { value, expiresAt } },
      );
      return matchedCount > 0;
    },
    async keys({ plugin, prefix }, limit, now) {
      const from = idOf({ plugin, key: prefix });
      const found = await pluginStates
        .find(
          { _id: { $gte: from, $lt: endOf(from) }, ...live(now) },
          { projection: { _id: 1 }, sort: { _id: 1 }, limit },
        )
        .toArray();
      return found.map(({ _id }) => _id.slice(plugin.length + 1));
    },
    async entries(after) {
      const which = after === null ? {} : { _id: { $gt: idOf(after) } };
      const found = await pluginStates.find(which, { sort: { _id: 1 }, limit: PAGE }).toArray();
      return found.map(({ _id, value, expiresAt }) => ({ ...keyOf(_id), value, expiresAt }));
    },
    async sweep(now) {
      await pluginStates.deleteMany({ expiresAt: { $lte: now } });
    },
  };
}
