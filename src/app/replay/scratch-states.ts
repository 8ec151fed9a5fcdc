/** What a replayed plugin remembers: at first what it remembers in the store, then kept in memory alone. */
import type { PluginStates, StateKey } from '../../store/plugin-states.ts';
import type { StoreSource } from '../../store/source.ts';

/** Characters of keys and values. */
const MOST = 64 * 1024 * 1024;

interface Entry {
  readonly value: string;
  readonly expiresAt: number | null;
}

export class ScratchStates implements PluginStates {
  readonly #entries = new Map<string, Entry>();
  #size = 0;

  /** Takes over what a plugin has in the store. False: only the first 64 MB of it. */
  async fill(source: StoreSource['pluginStates'], plugin: string): Promise<boolean> {
    let after: StateKey = { plugin, key: '' };
    for (;;) {
      const page = await source.entries(after);
      for (const { plugin: owner, key, ...entry } of page) {
        if (owner !== plugin) return true;
        if (!this.#set(key, entry)) return false;
        after = { plugin, key };
      }
      if (page.length === 0) return true;
    }
  }

  async get({ key }: StateKey, now: number): Promise<string | null> {
    const entry = this.#entries.get(key);
    return entry === undefined || (entry.expiresAt !== null && entry.expiresAt <= now) ? null : entry.value;
  }

  async put(
    of: StateKey,
    { before, value, expiresAt }: Parameters<PluginStates['put']>[1],
    now: number,
  ): Promise<boolean> {
    if (before !== undefined && (await this.get(of, now)) !== before) return false;
    if (value === null) this.#entries.delete(of.key);
    else if (!this.#set(of.key, { value, expiresAt })) throw new Error('a replay keeps at most 64 MB of state');
    return true;
  }

  async keys({ prefix }: { readonly prefix: string }, limit: number): Promise<readonly string[]> {
    return [...this.#entries.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort()
      .slice(0, limit);
  }

  async entries(): Promise<readonly never[]> {
    return [];
  }

  async sweep(): Promise<void> {}

  #set(key: string, entry: Entry): boolean {
    const more = key.length + entry.value.length - (this.#entries.get(key)?.value.length ?? 0);
    if (this.#size + more > MOST) return false;
    this.#size += more;
    this.#entries.set(key, entry);
    return true;
  }
}
