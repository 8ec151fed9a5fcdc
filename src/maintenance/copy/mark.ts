/**
 * The mark of a copy: a copy removes what its source does not have, so it may write into an empty store and into one
 * that it has begun itself, and into no other. The first server that serves the copy takes the mark away.
 */
import type { Store } from '../../store/store.ts';

/** Rejects, having changed nothing, if the store has mail of its own. `of` names the source. */
export async function beginCopy(target: Store, of: string): Promise<void> {
  const mark = await target.transfer.copyMark();
  if (mark === null && !(await isEmpty(target)))
    throw new Error(
      'the store to copy to has accounts or mail of its own, which a copy would remove; name an empty one',
    );
  if (mark !== null && mark.of !== of)
    throw new Error(`the store to copy to is a copy of ${mark.of}; go on from there, or name an empty one`);
  await target.transfer.markCopy({ of, complete: false });
}

async function isEmpty({ directory, queue }: Store): Promise<boolean> {
  for await (const items of queue.list()) if (items.length > 0) return false;
  const known = [await directory.list(), [...(await directory.aliases())], await directory.domains()];
  return known.every(({ length }) => length === 0);
}
