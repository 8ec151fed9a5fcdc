/** The steps before a message that the sendmail command submitted, as if a client on this machine had sent it. */
import type { Envelope } from '../../mail/envelope.ts';
import type { Judgement } from './judgement.ts';
import type { MilterSession } from './session.ts';

export interface Introduced {
  readonly stage: string;
  readonly judgement: Judgement;
  /** At RCPT: the one that it is about. */
  readonly recipient: string | null;
}

/** The first judgement that a milter gives; null if none does. */
export async function introduce(
  session: MilterSession,
  { reversePath, recipients }: Envelope,
  queueId: string,
): Promise<Introduced | null> {
  const steps: readonly (readonly [stage: string, recipient: string | null, ask: () => Promise<Judgement | null>])[] = [
    ['CONNECT', null, () => session.connect('localhost', '127.0.0.1', 0)],
    ['HELO', null, () => session.helo('localhost')],
    ['MAIL', null, () => session.mail({ words: [reversePath], macro: { address: reversePath } }, queueId)],
    ...recipients.map(
      ({ address }) =>
        ['RCPT', address, () => session.rcpt({ words: [address], macro: { address } }, queueId)] as const,
    ),
    ['DATA', null, () => session.data(queueId)],
  ];
  for (const [stage, recipient, ask] of steps) {
    const judgement = await ask();
    if (judgement !== null) return { stage, judgement, recipient };
  }
  return null;
}
