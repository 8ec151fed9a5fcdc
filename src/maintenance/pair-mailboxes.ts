/**
 * Which mailbox of one side is which of the other's. The name and UIDVALIDITY together say it, for other servers give
 * the same UIDVALIDITY to mailboxes that they make in the same second. One that was renamed since it was brought is the
 * only one on each side that is left with its UIDVALIDITY. Two of these that have exchanged their names are taken for
 * each other; so does every IMAP client.
 */
import type { StoredMailbox } from '../store/transfer.ts';

interface Identity {
  readonly name: string;
  readonly uidValidity: number;
}

export interface Pairs<T> {
  /** Those that are not here yet are missing. */
  readonly known: Map<T, StoredMailbox>;
  /** Here, but not on the other side. */
  readonly others: Set<StoredMailbox>;
}

export function pairMailboxes<T extends Identity>(theirs: readonly T[], here: readonly StoredMailbox[]): Pairs<T> {
  const known = new Map<T, StoredMailbox>();
  const others = new Set(here);
  for (const from of theirs) {
    const to = here.find(({ name, uidValidity }) => name === from.name && uidValidity === from.uidValidity);
    if (to !== undefined && others.delete(to)) known.set(from, to);
  }
  const [renamed, left] = [onlyOnes(others), onlyOnes(theirs.filter((from) => !known.has(from)))];
  for (const [uidValidity, from] of left) {
    const to = renamed.get(uidValidity);
    if (to !== undefined && others.delete(to)) known.set(from, to);
  }
  return { known, others };
}

/** By UIDVALIDITY, those that share it with no other. */
function onlyOnes<T extends Identity>(mailboxes: Iterable<T>): ReadonlyMap<number, T> {
  const groups = Map.groupBy(mailboxes, ({ uidValidity }) => uidValidity);
  return new Map(
    [...groups].flatMap(([uidValidity, [first, ...more]]) =>
      first === undefined || more.length > 0 ? [] : [[uidValidity, first] as const],
    ),
  );
}
