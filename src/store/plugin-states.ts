/**
 * What plugins remember: texts by plugin and key, the same for all processes of the store. An entry is durable when
 * `put` resolves, and gone at its time of expiry.
 */

/** One change. */
export interface StateChange {
  /** Made only if the entry is this text now (null: there is none); absent: whatever it is. */
  readonly before?: string | null;
  /** Null removes the entry. */
  readonly value: string | null;
  /** Milliseconds since 1970 UTC; null: never. */
  readonly expiresAt: number | null;
}

export interface StateKey {
  readonly plugin: string;
  readonly key: string;
}

export interface StateEntry extends StateKey {
  readonly value: string;
  readonly expiresAt: number | null;
}

/** Entries that are listed at once. */
export const PAGE = 100;

export interface PluginStates {
  get(of: StateKey, now: number): Promise<string | null>;
  /** False if the entry was not `before`: then nothing was changed. */
  put(of: StateKey, change: StateChange, now: number): Promise<boolean>;
  /** Keys that begin with a text, in their order, the first `limit` of them. */
  keys(
    of: { readonly plugin: string; readonly prefix: string },
    limit: number,
    now: number,
  ): Promise<readonly string[]>;
  /**
   * All entries behind one (null: from the first), by plugin and key in the order of their octets, PAGE at a time;
   * expired ones may be among them.
   */
  entries(after: StateKey | null): Promise<readonly StateEntry[]>;
  /** Removes what has expired. */
  sweep(now: number): Promise<void>;
}

/** Behind every text that begins with the prefix, in the order of code points and of UTF-8. */
export const endOf = (prefix: string): string => `${prefix}\u{10ffff}`;
