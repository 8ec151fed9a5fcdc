/** WildDuck's mailboxes beside the store's. */
import type { Pairs } from '../pair-mailboxes.ts';
import type { MailboxDocument } from './layout.ts';

/** A mailbox of WildDuck. */
export interface TheirMailbox {
  readonly name: string;
  readonly uidValidity: number;
  readonly document: MailboxDocument;
}

/** Why mail of the store would be lost or mixed with WildDuck's; null if it would not. */
export function conflictIn({ known, others }: Pairs<TheirMailbox>): string | null {
  const own = [...others].find(({ messages }) => messages > 0);
  if (own !== undefined) return `its mailbox ${own.name} here is not one of WildDuck's, and has mail`;
  // UIDs that WildDuck has not given, or changes that it has not seen, are ours.
  const used = [...known].find(
    ([{ uidValidity, document }, to]) =>
      to.uidValidity === uidValidity &&
      (to.uidNext > document.uidNext || to.highestModseq > Math.max(1, document.modifyIndex)),
  );
  return used === undefined ? null : `its mailbox ${used[1].name} has been in use here since it was brought`;
}
