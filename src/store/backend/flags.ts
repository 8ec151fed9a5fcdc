/**
 * Flags as the rows store them: system flags are bits (in the order of SYSTEM_FLAGS), keywords are one string
 * separated by spaces (an IMAP keyword is an atom, which cannot contain a space).
 */
import { type MessageState, SYSTEM_FLAGS } from '../../mail/mailbox.ts';

export const DELETED = 4;
export const SEEN = 8;
const ALL = 2 ** SYSTEM_FLAGS.length;

const BITS: ReadonlyMap<string, number> = new Map(SYSTEM_FLAGS.map((flag, bit) => [flag.toLowerCase(), 1 << bit]));

/** One shared list per mask, since thousands of rows have the same flags. */
const LISTS: readonly (readonly string[])[] = Array.from({ length: ALL }, (_, mask) =>
  Object.freeze(SYSTEM_FLAGS.filter((_flag, bit) => (mask & (1 << bit)) !== 0)),
);

/** Accepts any case; leaves out `\Recent` and unknown system flags, which no client can store. */
export function parseFlags(flags: readonly string[]): { readonly mask: number; readonly keywords: readonly string[] } {
  let mask = 0;
  const keywords: string[] = [];
  for (const flag of flags) {
    if (flag.startsWith('\\')) mask |= BITS.get(flag.toLowerCase()) ?? 0;
    else keywords.push(flag);
  }
  return { mask, keywords };
}

export function listFlags(mask: number, keywords: string): readonly string[] {
  const system = LISTS[mask] ?? [];
  return keywords === '' ? system : [...system, ...keywords.split(' ')];
}

/** States of many messages, by column: cheap to send between threads. */
export interface PackedStates {
  readonly uids: number[];
  readonly modseqs: number[];
  readonly masks: number[];
  readonly keywords: string[];
}

export const emptyStates = (): PackedStates => ({ uids: [], modseqs: [], masks: [], keywords: [] });

export function pushState(states: PackedStates, uid: number, modseq: number, mask: number, keywords: string): void {
  states.uids.push(uid);
  states.modseqs.push(modseq);
  states.masks.push(mask);
  states.keywords.push(keywords);
}

export function unpackStates(states: PackedStates): MessageState[] {
  return states.uids.map((uid, i) => ({
    uid,
    modseq: states.modseqs[i] ?? 0,
    flags: listFlags(states.masks[i] ?? 0, states.keywords[i] ?? ''),
  }));
}
