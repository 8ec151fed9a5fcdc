/** What an import or export of mail has done, as text. */
import type { Problem, TransferReport } from '../maintenance/wildduck/report.ts';

/** Problems that are printed one by one; --json has all. */
const PRINTED = 50;

/** `of` is 0 where it is not known. */
export const messagesDone = (done: number, of: number): string =>
  of === 0 ? `${done} messages` : `${done} of ${of} messages`;

export function transferText(report: TransferReport, done: string): string {
  const { accounts, aliases, notes, notBrought, problems } = report;
  return [
    ...accounts.flatMap((account) => [
      `${account.address}: ${account.messages} messages in ${account.mailboxes} mailboxes, ${account.added} of them new`,
      ...account.notes.map((note) => `  ${note}`),
    ]),
    `${accounts.length} accounts and ${aliases} aliases ${done}.`,
    ...notes.map((note) => `Note: ${note}`),
    ...Object.entries(notBrought).map(([what, count]) => `Not ${done}: ${what}: ${count}`),
    ...problems.slice(0, PRINTED).map((problem) => `Problem: ${placeOf(problem)}: ${problem.problem}`),
    ...(problems.length > PRINTED ? [`${problems.length - PRINTED} more problems; --json prints all`] : []),
  ].join('\n');
}

const placeOf = ({ account, mailbox, uid }: Problem): string =>
  [account, ...(mailbox === undefined ? [] : [mailbox]), ...(uid === undefined ? [] : [`UID ${uid}`])].join(', ');
