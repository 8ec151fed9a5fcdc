/**
 * What a version that decides nothing is lent: it sees the world as the used version does, and changes nothing of it. What
 * it remembers is kept in memory, over what the used version remembers; mail is not sent; over HTTP it only reads.
 */
import { LRUCache } from 'lru-cache';
import type { Log } from '../../log.ts';
import type { PluginStates, StateKey } from '../../store/plugin-states.ts';
import type { HttpSend } from '../lent/http.ts';
import type { PluginMail } from '../plugin.ts';

/** Characters of keys and values; the oldest are forgotten. */
const MOST = 16 * 1024 * 1024;

interface Entry {
  /** Null: deleted. */
  readonly value: string | null;
  readonly expiresAt: number | null;
}

export function overlay(states: PluginStates): PluginStates {
  const entries = new LRUCache<string, Entry>({
    maxSize: MOST,
    sizeCalculation: ({ value }, key) => 1 + key.length + (value?.length ?? 0),
  });
  const unexpired = ({ value, expiresAt }: Entry, now: number): string | null =>
    expiresAt !== null && expiresAt <= now ? null : value;
  const get = async (of: StateKey, now: number): Promise<string | null> => {
    const own = entries.get(of.key);
    return own === undefined ? await states.get(of, now) : unexpired(own, now);
  };
  return {
    get,
    async put(of, { before, value, expiresAt }, now) {
      if (before !== undefined && (await get(of, now)) !== before) return false;
      entries.set(of.key, { value, expiresAt });
      return true;
    },
    async keys(of, limit, now) {
      const there = await states.keys(of, limit, now);
      const own = [...entries.keys()].filter((key) => key.startsWith(of.prefix));
      const isThere = (key: string): boolean => {
        const entry = entries.peek(key);
        return entry === undefined || unexpired(entry, now) !== null;
      };
      return [...new Set([...there, ...own])].filter(isThere).sort().slice(0, limit);
    },
    entries: (after) => states.entries(after),
    sweep: async () => {},
  };
}

/** RFC 9110 section 9.2.1: those that ask for nothing to be changed. */
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

export const safeOnly =
  (send: HttpSend): HttpSend =>
  async (request, limits) => {
    if (!SAFE.includes(request.method))
      throw new Error(
        `the next version of a plugin sends no ${request.method}: it would do what the one in use does too`,
      );
    return send(request, limits);
  };

export const unsent =
  (log: Pick<Log, 'info'>) =>
  async ({ to }: PluginMail): Promise<string> => {
    log.info({}, `would send mail to ${[to].flat().slice(0, 5).join(', ')}`);
    return 'NOT-SENT';
  };
