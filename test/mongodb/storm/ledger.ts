/**
 * What must be in the store after a storm, by what its processes said: what was answered is there, what was refused is
 * not, and of what was not answered all or nothing, once.
 */
import { type Answer, type Begun, type Line, mailboxOf, type Name, type Place, queueIdOf } from './words.ts';

/** What is found at the end. */
export interface Found {
  readonly rows: ReadonlyMap<
    Place,
    { readonly name: Name; readonly modseq: number; readonly flags: readonly string[] }
  >;
  /** QUEUEID/RECIPIENT, how often. */
  readonly items: ReadonlyMap<string, number>;
  /** Mailbox id to name. */
  readonly mailboxes: ReadonlyMap<string, string>;
}

/** When a process was ended, or others took it for dead; nanoseconds. */
export type Silences = readonly { readonly process: string; readonly at: number }[];

interface Operation {
  readonly process: string;
  readonly begunAt: number;
  readonly begun: Begun;
  doneAt: number;
  done: Answer | null;
  /** It is certain that nothing was changed. */
  refused: boolean;
}

const isOf = <Kind extends Begun['kind']>(
  operation: Operation,
  kind: Kind,
): operation is Operation & { readonly begun: Extract<Begun, { kind: Kind }> } => operation.begun.kind === kind;

export interface Verdict {
  readonly faults: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

export function judge(lines: readonly Line[], silences: Silences, found: Found): Verdict {
  const faults: string[] = [];
  const say = (fault: string): void => void faults.push(fault);
  const operations = operationsOf(lines).filter(({ refused }) => !refused);
  const places = namesByPlace(operations, found, say);
  const facts = { operations, silences, found, places };
  checkPlaces(facts, say);
  checkNames(facts, say);
  checkFlags(facts, say);
  checkQueue(facts, say);
  checkBoxes(facts, say);
  const counts: Record<string, number> = {
    lines: lines.length,
    operations: operations.length,
    unanswered: operations.filter(({ done }) => done === null).length,
    places: places.size,
    messages: found.rows.size,
    items: found.items.size,
  };
  for (const { begun } of operations) counts[begun.kind] = (counts[begun.kind] ?? 0) + 1;
  return { faults, counts };
}

interface Facts {
  readonly operations: readonly Operation[];
  readonly silences: Silences;
  readonly found: Found;
  /** Each message that was ever seen, or said to be, at a place. */
  readonly places: ReadonlyMap<Place, Name>;
}
type Say = (fault: string) => void;

function operationsOf(lines: readonly Line[]): Operation[] {
  const operations = new Map<string, Operation>();
  for (const line of lines) {
    const key = `${line.process} ${line.op}`;
    if ('begun' in line) {
      const { process, at: begunAt, begun } = line;
      operations.set(key, { process, begunAt, begun, doneAt: Number.POSITIVE_INFINITY, done: null, refused: false });
      continue;
    }
    const operation = operations.get(key);
    if (operation === undefined) throw new Error(`an answer to nothing: ${JSON.stringify(line)}`);
    if ('failed' in line) {
      operation.refused = line.refused;
      continue;
    }
    operation.done = line.done;
    operation.doneAt = line.at;
  }
  return [...operations.values()];
}

/** No UID is ever given to two messages. */
function namesByPlace(operations: readonly Operation[], found: Found, say: Say): Map<Place, Name> {
  const names = new Map<Place, Name>();
  const put = (place: Place, name: Name | undefined): void => {
    if (name === undefined || place.endsWith(' 0')) return;
    const before = names.get(place);
    if (before !== undefined && before !== name) say(`${place} is ${before}, and ${name}`);
    names.set(place, name);
  };
  for (const [place, { name }] of found.rows) put(place, name);
  for (const operation of operations) {
    if ('seen' in operation.begun) for (const [place, name] of operation.begun.seen) put(place, name);
    const at = operation.done?.places ?? [];
    if (isOf(operation, 'accept')) for (const [i, place] of at.entries()) put(place, operation.begun.names[i]);
    if (isOf(operation, 'deliver')) for (const place of at) put(place, operation.begun.name);
  }
  for (const { begun, done } of operations) {
    if (begun.kind !== 'copy' && begun.kind !== 'move') continue;
    const seen = new Map(begun.seen);
    for (const [from, to] of done?.pairs ?? []) put(to, seen.get(from) ?? names.get(from));
  }
  return names;
}

/**
 * What was said to be gone is, and what nobody removed is there. Of two moves of the same message one loses, and takes
 * back its copy, which others may have seen meanwhile.
 */
function checkPlaces({ operations, found, places }: Facts, say: Say): void {
  const answered = new Set(
    operations.flatMap(({ done }) => [...(done?.places ?? []), ...(done?.pairs ?? []).map(([, to]) => to)]),
  );
  const takenBack = new Set(
    operations.flatMap(({ begun, done }) =>
      begun.kind === 'move' ? lostIn({ begun, done }).map((name) => `${begun.target} ${name}`) : [],
    ),
  );
  const gone = new Set<Place>();
  const touched = new Set<Place>();
  const removed = new Set<string>();
  for (const { begun, done } of operations) {
    if (begun.kind === 'expunge' || begun.kind === 'move') for (const [place] of begun.seen) touched.add(place);
    if (begun.kind === 'remove') removed.add(begun.mailbox);
    for (const place of done?.gone ?? []) gone.add(place);
    if (begun.kind === 'move') for (const [from] of done?.pairs ?? []) gone.add(from);
  }
  for (const [place, name] of places) {
    if (!answered.has(place) && takenBack.has(`${mailboxOf(place)} ${name}`)) continue;
    if (gone.has(place) && found.rows.has(place)) say(`${name} is still at ${place}, from where it was removed`);
    if (!gone.has(place) && !touched.has(place) && !removed.has(mailboxOf(place)) && !found.rows.has(place))
      say(`${name} is not at ${place} any more`);
  }
}

/** Each message is there as often as it was delivered and copied, less what was expunged. */
function checkNames({ operations, found, places }: Facts, say: Say): void {
  const there = countBy([...found.rows.values()], ({ name }) => name);
  const known = new Set(places.values());
  const items = new Set([...found.items.keys()].map(queueIdOf));
  const claimed = new Set(operations.flatMap(({ done }) => done?.items ?? []).map(queueIdOf));
  const copied = tally(operations, copiesMade);
  // A copy that is about to be taken back may be moved elsewhere before.
  const mayBeCopied = tally(operations, (operation) => [...copies(operation), ...lostIn(operation)]);
  const mayBeGone = tally(operations, expunges);
  const removed = new Set(operations.flatMap(({ begun }) => (begun.kind === 'remove' ? [begun.mailbox] : [])));
  for (const operation of operations) {
    const { begun, done } = operation;
    if (begun.kind !== 'accept' && begun.kind !== 'deliver') continue;
    const names = begun.kind === 'accept' ? begun.names : [begun.name];
    const queueId = queueIdOf(names[0] ?? '');
    const isMade =
      done !== null ||
      names.some((name) => known.has(name)) ||
      (begun.kind === 'accept' && (items.has(queueId) || claimed.has(queueId)));
    for (const name of names) {
      const count = there.get(name) ?? 0;
      const most = 1 + (mayBeCopied.get(name) ?? 0);
      if (count > most) say(`${name} is there ${count} times instead of ${most}`);
      const inRemoved = [...places].filter(([place, one]) => one === name && removed.has(mailboxOf(place))).length;
      const least = isMade ? 1 + (copied.get(name) ?? 0) - (mayBeGone.get(name) ?? 0) - inRemoved : 0;
      if (count < least) say(`${name} is there ${count} times instead of ${least}, made by ${operation.process}`);
    }
  }
  for (const [place, { name }] of found.rows)
    if (
      !operations.some(({ begun }) =>
        'names' in begun ? begun.names.includes(name) : 'name' in begun && begun.name === name,
      )
    )
      say(`${name} at ${place} comes from nowhere`);
}

const copiesMade = ({ begun, done }: Operation): Name[] => {
  if (begun.kind !== 'copy') return [];
  const seen = new Map(begun.seen);
  return (done?.pairs ?? []).flatMap(([from]) => seen.get(from) ?? []);
};
/** What a move was too late for; of one without answer, perhaps. */
function lostIn({ begun, done }: Pick<Operation, 'begun' | 'done'>): Name[] {
  if (begun.kind !== 'move') return [];
  const moved = new Set(done?.pairs?.map(([from]) => from));
  return begun.seen.filter(([place]) => !moved.has(place)).map(([, name]) => name);
}

const copies = ({ begun }: Operation): Name[] => (begun.kind === 'copy' ? begun.seen.map(([, name]) => name) : []);
const expunges = ({ begun, done }: Operation): Name[] => {
  if (begun.kind !== 'expunge') return [];
  return begun.seen.filter(([place]) => done === null || done.gone?.includes(place) === true).map(([, name]) => name);
};

/** The flags that were answered last, by MODSEQ; where an unanswered change may have come later, its MODSEQ is higher. */
function checkFlags({ operations, found }: Facts, say: Say): void {
  const last = new Map<Place, { modseq: number; flags: readonly string[] }>();
  const doubtful = new Set<Place>();
  const first = new Map<Place, readonly string[]>();
  for (const operation of operations) {
    if (isOf(operation, 'accept'))
      for (const place of operation.done?.places ?? []) first.set(place, operation.begun.flags);
    if (!isOf(operation, 'flags')) continue;
    if (operation.done === null) for (const [place] of operation.begun.seen) doubtful.add(place);
    for (const [place, modseq, flags] of operation.done?.states ?? [])
      if ((last.get(place)?.modseq ?? 0) < modseq) last.set(place, { modseq, flags });
  }
  for (const [place, row] of found.rows) {
    const answered = last.get(place);
    if (answered !== undefined && row.modseq < answered.modseq)
      say(`${place} has MODSEQ ${row.modseq} after ${answered.modseq}`);
    if (doubtful.has(place) && row.modseq !== answered?.modseq) continue;
    const flags = answered?.flags ?? first.get(place);
    if (flags !== undefined && sorted(row.flags) !== sorted(flags))
      say(`${place} has the flags ${row.flags} instead of ${flags}`);
  }
}

const sorted = (flags: readonly string[]): string => [...flags].sort().join(' ');

/** Items are there until they are done, and are held by one at a time. */
function checkQueue({ operations, silences, found, places }: Facts, say: Say): void {
  const names = new Set([...places.values()].map(queueIdOf));
  const claims = operations.filter((operation) => isOf(operation, 'claim'));
  const settles = operations.filter((operation) => isOf(operation, 'settle'));
  const byItem = <T extends Operation>(
    list: readonly T[],
    itemsOf: (one: T) => readonly string[],
  ): Map<string, T[]> => {
    const found = new Map<string, T[]>();
    for (const one of list) for (const item of itemsOf(one)) found.set(item, [...(found.get(item) ?? []), one]);
    return found;
  };
  const claimed = byItem(claims, ({ done }) => done?.items ?? []);
  const settled = byItem(settles, ({ begun }) => begun.items);
  const isThere = (queueId: string): boolean =>
    names.has(queueId) || [...claimed.keys(), ...found.items.keys()].some((item) => queueIdOf(item) === queueId);
  for (const operation of operations) {
    if (!isOf(operation, 'accept')) continue;
    const { queueId, items } = operation.begun;
    const isMade = operation.done !== null || isThere(queueId);
    for (const recipient of items) {
      const item = `${queueId}/${recipient}`;
      const ends = (settled.get(item) ?? []).filter(({ begun }) => begun.outcome === 'done');
      const doneAt = Math.min(...ends.map((end) => end.doneAt));
      const count = found.items.get(item) ?? 0;
      if (count > 1) say(`item ${item} is there ${count} times`);
      if (isMade && ends.length === 0 && count === 0) say(`item ${item} is lost`);
      if (doneAt < Number.POSITIVE_INFINITY && count > 0) say(`item ${item} is there although it is done`);
      for (const claim of claimed.get(item) ?? [])
        if (claim.begunAt > doneAt) say(`item ${item} was claimed after it was done`);
      checkHolders(item, claimed.get(item) ?? [], settled.get(item) ?? [], silences, say);
    }
  }
}

function checkHolders(
  item: string,
  claims: readonly Operation[],
  settles: readonly Operation[],
  silences: Silences,
  say: Say,
): void {
  const held = claims
    .map(({ process, doneAt }) => {
      const ends = [
        ...settles.filter((settle) => settle.process === process).map(({ begunAt }) => begunAt),
        ...silences.filter((silence) => silence.process === process).map(({ at }) => at),
      ].filter((at) => at >= doneAt);
      return { process, from: doneAt, to: Math.min(...ends) };
    })
    .sort((a, b) => a.from - b.from);
  for (const [i, one] of held.entries()) {
    const next = held[i + 1];
    if (next !== undefined && next.from < one.to) say(`item ${item} was held by ${one.process} and ${next.process}`);
  }
}

/** Mailboxes that were made and renamed by one process each, one operation after the other. */
function checkBoxes({ operations, found }: Facts, say: Say): void {
  const made = new Map<string, { names: string[]; removed: 'no' | 'perhaps' | 'yes' }>();
  for (const operation of operations.toSorted((a, b) => a.begunAt - b.begunAt)) {
    const { begun, done } = operation;
    if (begun.kind === 'create' && done?.mailbox !== undefined)
      made.set(done.mailbox, { names: [begun.name], removed: 'no' });
    if (begun.kind !== 'rename' && begun.kind !== 'remove') continue;
    const box = made.get(begun.mailbox);
    if (box === undefined) continue;
    if (begun.kind === 'remove') box.removed = done === null ? 'perhaps' : 'yes';
    else if (done === null) box.names.push(begun.to);
    else box.names = [begun.to];
  }
  for (const [mailbox, { names, removed }] of made) {
    const name = found.mailboxes.get(mailbox);
    if (name === undefined && removed === 'no') say(`the mailbox ${names} is gone`);
    if (name !== undefined && removed === 'yes') say(`the mailbox ${name} is there although it was deleted`);
    if (name !== undefined && !names.includes(name)) say(`the mailbox ${name} should have the name ${names}`);
  }
}

function countBy<T>(list: readonly T[], keyOf: (one: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of list) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return counts;
}

const tally = (operations: readonly Operation[], of: (operation: Operation) => readonly Name[]): Map<Name, number> =>
  countBy(operations.flatMap(of), (name) => name);
