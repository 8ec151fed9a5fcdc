/** What plugins remember: both sides are walked in the same order, a page of each in memory. */
import { PAGE, type StateEntry } from '../../store/plugin-states.ts';
import type { StoreSource } from '../../store/source.ts';
import type { CopyJob } from './job.ts';

/** Makes the other side equal. */
export async function copyPluginStates({ source, target }: CopyJob): Promise<void> {
  let changes: (() => Promise<unknown>)[] = [];
  /** At the same time: a commit serves several. */
  const make = async (): Promise<void> => {
    await Promise.all(changes.map((change) => change()));
    changes = [];
  };
  for await (const [wanted, present] of pairsOfStates(source, target)) {
    if (wanted?.value === present?.value && wanted?.expiresAt === present?.expiresAt) continue;
    const { plugin, key } = wanted ?? (present as StateEntry);
    const { value = null, expiresAt = null } = wanted ?? {};
    changes.push(() => target.pluginStates.put({ plugin, key }, { value, expiresAt }, 0));
    if (changes.length >= PAGE) await make();
  }
  await make();
}

/** Each key of either side once; undefined: the side does not have it. */
export async function* pairsOfStates(
  source: Pick<StoreSource, 'pluginStates'>,
  target: Pick<StoreSource, 'pluginStates'>,
): AsyncGenerator<readonly [StateEntry | undefined, StateEntry | undefined]> {
  const [from, to] = [entriesOf(source), entriesOf(target)];
  let [wanted, present] = [(await from.next()).value, (await to.next()).value];
  while (wanted !== undefined || present !== undefined) {
    const order = wanted === undefined ? 1 : present === undefined ? -1 : inOrder(wanted, present);
    yield [order <= 0 ? wanted : undefined, order >= 0 ? present : undefined];
    if (order <= 0) wanted = (await from.next()).value;
    if (order >= 0) present = (await to.next()).value;
  }
}

async function* entriesOf({ pluginStates }: Pick<StoreSource, 'pluginStates'>): AsyncGenerator<StateEntry, undefined> {
  for (let after: StateEntry | null = null; ; ) {
    const page: readonly StateEntry[] = await pluginStates.entries(after);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return undefined;
    after = last;
  }
}

/** As the stores sort: by octets, not by the halves of characters as JavaScript does. */
const inOrder = (a: StateEntry, b: StateEntry): number =>
  Buffer.compare(Buffer.from(a.plugin), Buffer.from(b.plugin)) ||
  Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
