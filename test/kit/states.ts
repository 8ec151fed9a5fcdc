/** A place for plugins to remember things that nothing outlives. */
import type { Messages } from '../../src/bus/messages.ts';
import type { PluginStates } from '../../src/store/plugin-states.ts';

export function memoryStates(): PluginStates {
  const entries = new Map<string, { readonly value: string; readonly expiresAt: number | null }>();
  const idOf = ({ plugin, key }: { readonly plugin: string; readonly key: string }): string => `${plugin} ${key}`;
  const live = (id: string, now: number): string | null => {
    const entry = entries.get(id);
    return entry === undefined || (entry.expiresAt !== null && entry.expiresAt <= now) ? null : entry.value;
  };
  return {
    get: async (of, now) => live(idOf(of), now),
    async put(of, { before, value, expiresAt }, now) {
      const id = idOf(of);
      if (before !== undefined && live(id, now) !== before) return false;
      if (value === null) entries.delete(id);
      else entries.set(id, { value, expiresAt });
      return true;
    },
    async keys({ plugin, prefix }, limit, now) {
      const ids = [...entries.keys()].filter((id) => id.startsWith(`${plugin} ${prefix}`) && live(id, now) !== null);
      return ids
        .map((id) => id.slice(plugin.length + 1))
        .sort()
        .slice(0, limit);
    },
    // Nothing copies it.
    entries: async () => [],
    async sweep() {},
  };
}

export const NO_MESSAGES: Messages = { async *read() {} };
