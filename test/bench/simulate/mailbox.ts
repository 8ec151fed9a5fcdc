/** What a SELECT of one mailbox costs that is not in a process's memory, by its size. */
import type { Assumed } from './assumptions.ts';
import type { Measured } from './figures.ts';
import type { Inputs } from './inputs.ts';

/** Rows of all mailboxes that a process has in memory (store/backend/mongodb/mailboxes/pictures.ts). */
const PICTURES = 150_000;

export interface MailboxCost {
  readonly messages: number;
  /** ms of our processor time. */
  readonly processor: number;
  /** Octets from the database. */
  readonly octets: number;
  /** Pages from its disk, where none is in its cache. */
  readonly pages: number;
  /** So many are in a process's memory at the same time. */
  readonly kept: number;
}

export function mailboxCost(messages: number, inputs: Inputs, { figures, traffic }: Measured, a: Assumed): MailboxCost {
  const perPage = Math.max(1, a.page / (figures['octets.row'] * a.rows));
  return {
    messages,
    processor: figures['cpu.session'] + messages * figures['cpu.row'],
    octets: messages * traffic.rows.received,
    // Each row is on another page, if so many arrive for others in between.
    pages: Math.ceil(inputs.clustered > 0 ? messages / perPage : messages),
    kept: Math.floor(PICTURES / Math.max(1, messages)),
  };
}
