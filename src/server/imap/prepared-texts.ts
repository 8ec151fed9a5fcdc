/** Decides tests of texts by what the store has prepared in idle time, without reading messages. */
import type { Id } from '../../mail/account.ts';
import { mergeRanges } from '../../protocol/imap/sequence-set.ts';
import { parseFields } from '../../protocol/mime/header.ts';
import { headerText } from '../../protocol/mime/text.ts';
import { type Mailboxes, NO, type TextKey, UNKNOWN, YES } from '../../store/mailboxes.ts';
import type { SearchPlan, TextualTest } from './search-plan.ts';

/** Messages that the store is asked about in one call. */
const AT_ONCE = 20_000;

/** Prefixes whose verdicts are kept during a search. */
const MOST_KNOWN = 4_000;

/** A message that passed all tests so far. */
export interface Candidate {
  readonly uid: number;
  readonly modseq: number;
  readonly content: Id;
  /** Null: the row says it. */
  readonly prefix: string | null;
}

export interface Decided {
  /** Messages that pass all tests. */
  readonly sure: readonly Candidate[];
  /** By UID: messages that must be read, with the tests of texts that are not decided. */
  readonly open: ReadonlyMap<number, readonly TextualTest[]>;
}

/** Messages that fail a test are in neither. */
export async function decideTexts(
  mailboxes: Mailboxes,
  mailbox: Id,
  candidates: readonly Candidate[],
  { textual, test }: SearchPlan,
  signal: AbortSignal,
): Promise<Decided> {
  const open = new Map<number, TextualTest[]>(test === null ? [] : candidates.map(({ uid }) => [uid, []]));
  let left = candidates;
  for (const one of textual) {
    const prefixes = new PrefixVerdicts(one.key);
    const passed: Candidate[] = [];
    for (let at = 0; at < left.length; at += AT_ONCE) {
      // The client has left: nobody waits for an answer.
      if (signal.aborted) return { sure: [], open: new Map() };
      const group = left.slice(at, at + AT_ONCE);
      const verdicts = await mailboxes.searchContents(
        group.map(({ content }) => content),
        one.key,
      );
      const lacking = group.filter(
        ({ prefix }, index) => prefix === null && prefixes.matter(verdicts[index] ?? UNKNOWN),
      );
      const read = await readPrefixes(mailboxes, mailbox, lacking);
      for (const [index, candidate] of group.entries()) {
        const prefix = candidate.prefix ?? read.get(candidate.uid) ?? null;
        const verdict = prefixes.with(prefix, verdicts[index] ?? UNKNOWN);
        if (verdict === NO) {
          open.delete(candidate.uid);
          continue;
        }
        passed.push(candidate);
        if (verdict === UNKNOWN) open.set(candidate.uid, [...(open.get(candidate.uid) ?? []), one]);
      }
    }
    left = passed;
  }
  return { sure: left.filter(({ uid }) => !open.has(uid)), open };
}

/** By UID, of the messages that are still there. */
async function readPrefixes(
  mailboxes: Mailboxes,
  mailbox: Id,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<number, string>> {
  const read = new Map<number, string>();
  if (candidates.length === 0) return read;
  const ranges = mergeRanges(candidates.map(({ uid }) => [uid, uid] as const));
  for await (const rows of mailboxes.rows(mailbox, ranges, {}))
    for (const { uid, prefix } of rows) read.set(uid, prefix);
  return read;
}

/** The lines that a row has before its content belong to its header too. */
class PrefixVerdicts {
  readonly #key: TextKey;
  /** Whether the text is in a prefix. Many rows have the same one. */
  readonly #known = new Map<string, boolean>();

  constructor(key: TextKey) {
    this.#key = key;
  }

  /** Whether a prefix can change this verdict: neither bodies nor SearchFields have it in them. */
  matter(verdict: number): boolean {
    return verdict !== YES && (this.#key.where === 'anywhere' || this.#key.where === 'field');
  }

  /** `prefix`: null if it is not known. */
  with(prefix: string | null, verdict: number): number {
    const { where, text } = this.#key;
    if (!this.matter(verdict) || prefix === '') return verdict;
    if (prefix === null) return UNKNOWN;
    let has = this.#known.get(prefix);
    if (has === undefined) {
      has = headerText(parseFields(Buffer.from(prefix).toString('latin1')))
        .toLowerCase()
        .includes(text);
      if (this.#known.size < MOST_KNOWN) this.#known.set(prefix, has);
    }
    if (!has) return verdict;
    // Which field the text is in is for the test to say.
    return where === 'anywhere' ? YES : UNKNOWN;
  }
}
