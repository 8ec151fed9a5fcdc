/**
 * A store that was copied is its own from the first start on: no copy may change it any more. One whose copy is not
 * complete is not served: clients would take it for granted that what is missing was deleted.
 */
import type { Store } from '../store/store.ts';

/** Returns notes. */
export async function adoptCopy({ transfer }: Pick<Store, 'transfer'>): Promise<string[]> {
  const mark = await transfer.copyMark();
  if (mark === null) return [];
  if (!mark.complete)
    throw new Error(
      `the store is a copy of ${mark.of} that is not complete: stop the server of that one, and run "posthorn store copy" again, which goes on from where it was`,
    );
  await transfer.markCopy(null);
  return [`the store was copied from ${mark.of}, and is one of its own from now on`];
}
