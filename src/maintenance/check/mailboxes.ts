/**
 * Accounts and mailboxes: UIDs below UIDNEXT, MODSEQs not above the mailbox's, counts as the rows are. Of a store that is
 * served only a mailbox that was the same before and after its rows were read is judged.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Account } from '../../mail/account.ts';
import type { MessageState } from '../../mail/mailbox.ts';
import type { Inspection } from '../../store/check.ts';
import { Part } from '../../store/check-report.ts';
import type { StoreSource } from '../../store/source.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { EVERY_UID } from '../rows.ts';
import type { CheckJob } from './job.ts';

/** How often a mailbox that changes meanwhile is read again. */
const TRIES = 5;
/** Wrong messages of a mailbox that are listed. */
const LISTED = 20;

interface Parts {
  readonly accounts: Part;
  readonly mailboxes: Part;
  readonly messages: Part;
}

export async function checkMailboxes(job: CheckJob): Promise<readonly Inspection[]> {
  const { source, tally } = job;
  const parts = { accounts: new Part('accounts'), mailboxes: new Part('mailboxes'), messages: new Part('messages') };
  const accounts = await source.directory.list();
  tally.of = accounts.length;
  for (const account of accounts) {
    await checkAccount(job, account, parts);
    tally.done += 1;
  }
  return Object.values(parts);
}

async function checkAccount(job: CheckJob, { id, address }: Account, parts: Parts): Promise<void> {
  const records = await job.source.transfer.mailboxRecords(id);
  // It was removed meanwhile.
  if (records.length === 0 && job.isServed) return;
  parts.accounts.checked += 1;
  if (!records.some(({ name }) => name === 'INBOX')) parts.accounts.add(address, 'has no INBOX');
  const validities = records.map(({ uidValidity }) => uidValidity);
  if (new Set(validities).size < validities.length) parts.accounts.add(address, 'two mailboxes have one UIDVALIDITY');
  await checkUidValidity(job, address, Math.max(0, ...validities), parts.accounts);
  for (const record of records) await checkMailbox(job, address, record, parts);
}

async function checkUidValidity(
  { source, repair }: CheckJob,
  address: string,
  highest: number,
  part: Part,
): Promise<void> {
  const given = await source.transfer.uidValidity();
  if (highest <= given) return;
  await repair?.transfer.raiseUidValidity(highest);
  part.add(address, `the UIDVALIDITY ${highest} of a mailbox could be given again`, repair !== null);
}

async function checkMailbox(job: CheckJob, address: string, record: StoredMailbox, parts: Parts): Promise<void> {
  const found = await settled(job, record);
  if (found === null) return;
  parts.mailboxes.checked += 1;
  parts.messages.checked += found.messages;
  if (found.problems.length === 0) return;
  await job.repair?.check.recount(record.id);
  const left = job.repair === null ? found : await settled(job, record);
  for (const [uid, problem] of found.problems) {
    const isMended = !left?.problems.some((other) => isDeepStrictEqual(other, [uid, problem]));
    if (uid === 0) parts.mailboxes.add(`${address} ${record.name}`, problem, isMended);
    else parts.messages.add(`${address} ${record.name} UID ${uid}`, problem, isMended);
  }
}

interface Found {
  readonly messages: number;
  /** Those of the mailbox itself have UID 0. */
  readonly problems: readonly (readonly [uid: number, problem: string])[];
}

/** Null if it is gone, or never stays the same long enough to be judged. */
async function settled({ source }: CheckJob, given: StoredMailbox): Promise<Found | null> {
  let record = given;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const found = await problemsOf(source, record);
    if (found.problems.length === 0) return found;
    const now = await recordNow(source, given);
    if (now === undefined) return null;
    if (isDeepStrictEqual(record, now)) return found;
    record = now;
  }
  return null;
}

const recordNow = async (
  { transfer }: StoreSource,
  { account, id }: StoredMailbox,
): Promise<StoredMailbox | undefined> => (await transfer.mailboxRecords(account)).find((record) => record.id === id);

const COUNTS = ['messages', 'unseen', 'deleted', 'size'] as const;

async function problemsOf({ mailboxes }: StoreSource, record: StoredMailbox): Promise<Found> {
  const counts = { messages: 0, unseen: 0, deleted: 0, size: 0 };
  const rows: [number, string][] = [];
  for await (const page of mailboxes.rows(record.id, EVERY_UID, {})) {
    for (const row of page) {
      counts.messages += 1;
      counts.size += row.size;
      if (!row.flags.includes('\\Seen')) counts.unseen += 1;
      if (row.flags.includes('\\Deleted')) counts.deleted += 1;
      for (const problem of rowProblems(row, record)) if (rows.length < LISTED) rows.push([row.uid, problem]);
    }
  }
  const own = COUNTS.filter((name) => record[name] !== counts[name]).map((name): [number, string] => [
    0,
    `${name}: ${record[name]} instead of ${counts[name]}`,
  ]);
  return { messages: counts.messages, problems: [...own, ...rows] };
}

function rowProblems({ uid, modseq }: MessageState, { uidNext, highestModseq }: StoredMailbox): string[] {
  return [
    ...(uid < uidNext ? [] : [`its UID is not below the mailbox's UIDNEXT ${uidNext}`]),
    ...(modseq <= highestModseq ? [] : [`its MODSEQ ${modseq} is above the mailbox's ${highestModseq}`]),
  ];
}
