/** What the measurements of the store alone are made of. */
import type { Account } from '../../../src/mail/account.ts';
import type { Acceptance } from '../../../src/store/store.ts';
import { sample } from '../peers/corpus.ts';

let serial = 0;

/** A message of the corpus; `octets` sets its approximate size. */
export function acceptance(octets: number | undefined, to: Partial<Acceptance>): Acceptance {
  serial += 1;
  return {
    // As long as a queue ID.
    queueId: `${process.pid}S${serial}`.padEnd(16, 'x'),
    arrivedAt: Date.now(),
    envelope: { reversePath: 'sender@example.org', ret: '', envid: '', smtputf8: false, body: '8BITMIME' },
    content: { kind: 'inline', bytes: Buffer.from(sample(serial, octets), 'latin1') },
    index: null,
    deliveries: [],
    queued: [],
    ...to,
  };
}

export const into = ({ id, address }: Account): Pick<Acceptance, 'deliveries'> => ({
  deliveries: [
    {
      account: id,
      mailbox: { name: 'INBOX' },
      prefix: `Return-Path: <sender@example.org>\r\nDelivered-To: ${address}\r\n`,
      flags: [],
      internalDate: Date.now(),
    },
  ],
});

export const elsewhere = (): Pick<Acceptance, 'queued'> => ({
  queued: [
    {
      recipient: 'someone@elsewhere.example',
      original: 'someone@elsewhere.example',
      notify: ['FAILURE'],
      orcpt: 'rfc822;someone@elsewhere.example',
      destination: 'elsewhere.example',
      state: 'incoming',
    },
  ],
});

/** ms of processor time of this process, for each of `times`. */
export async function processorTime(times: number, act: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}

/** One after the other. */
export async function each<T>(list: readonly T[], act: (one: T, i: number) => Promise<unknown>): Promise<void> {
  for (const [i, one] of list.entries()) await act(one, i);
}

export const count = (times: number): readonly number[] => Array.from({ length: times }, (_, i) => i);
