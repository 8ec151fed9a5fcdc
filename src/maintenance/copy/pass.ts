/**
 * One pass of a copy: makes the other side what the source is, and leaves alone what is equal already. The source may
 * be written meanwhile; another pass then copies what changed. Accounts go last: a message of one that was renamed is
 * still there when the new one needs it.
 */

import { messageOf } from '../../errors.ts';
import { together } from '../together.ts';
import { copyAccount } from './account.ts';
import { copyDirectory } from './directory.ts';
import type { CopyJob } from './job.ts';
import { copyPluginStates } from './plugin-states.ts';
import { copyQueue } from './queue.ts';
import { Problems } from './tally.ts';

/** Accounts copied at the same time: one commit of the other side serves several of them. */
const AT_ONCE = 8;

export async function copyPass(job: CopyJob): Promise<void> {
  const { source, target, tally } = job;
  const accounts = await source.directory.list();
  const known = new Map((await target.directory.list()).map((account) => [account.address, account]));
  tally.seen = 0;
  tally.of = 0;
  tally.problems = new Problems();
  await together(accounts, AT_ONCE, async ({ id }) => {
    for (const { messages } of await source.transfer.mailboxRecords(id)) tally.of += messages;
  });
  await copyDirectory(job);
  await together(accounts, AT_ONCE, (account) =>
    copyAccount(job, account, known.get(account.address)).catch((error: unknown) => {
      throw new Error(`${account.address}: ${messageOf(error)}`, { cause: error });
    }),
  );
  await copyQueue(job);
  await copyPluginStates(job);
  const wanted = new Set(accounts.map(({ address }) => address));
  for (const { id, address } of known.values()) if (!wanted.has(address)) await target.directory.remove(id);
  await target.transfer.raiseUidValidity(await source.transfer.uidValidity());
}
