/**
 * The mark of a copy: a copy removes what its source does not have, so it may write into an empty store and into one
 * that it has begun itself, and into no other. The first server that serves the copy takes the mark away.
 */
import type { StoreSource } from '../../store/source.ts';
import type { Store } from '../../store/store.ts';

/** Rejects, having changed nothing, if one of them is not what it must be. `of` names the source. */
export async function beginCopy(source: StoreSource, target: Store, of: string): Promise<void> {
  const unfinished = await source.transfer.copyMark();
  if (unfinished?.complete === false)
    throw new Error(`the store to copy from is a copy of ${unfinished.of} that is not complete: mail is missing there`);
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
