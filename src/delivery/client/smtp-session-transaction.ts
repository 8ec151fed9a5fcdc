/** The recipients of one transaction with another server, and their outcomes while it runs. */
import type { PeerReply } from '../../protocol/smtp/reply-reader.ts';
import { SessionFault, type Stage } from './smtp-session-fault.ts';

/** The outcome for one recipient. */
export type Fate =
  | { readonly sent: PeerReply }
  | { readonly refused: PeerReply; readonly stage: Stage }
  | { readonly fault: SessionFault };

export class Transaction {
  readonly #fates: (Fate | null)[];
  #mailRefused = false;
  #answered = 0;

  constructor(recipients: number) {
    this.#fates = Array.from({ length: recipients }, () => null);
  }

  /** No recipient is left, as far as is known. */
  get isHopeless(): boolean {
    return this.#mailRefused || (this.#answered === this.#fates.length && this.survivors.length === 0);
  }

  /** The recipients not refused. */
  get survivors(): number[] {
    return this.#fates.flatMap((fate, index) => (fate === null ? [index] : []));
  }

  recipient(index: number, answer: PeerReply, taken: boolean): void {
    this.#answered += 1;
    // After a refused MAIL, replies to pipelined RCPTs are meaningless.
    if (!taken) this.settle(index, { refused: answer, stage: 'RCPT' });
  }

  settle(index: number, fate: Fate): void {
    this.#fates[index] ??= fate;
  }

  /** Sets the fate of all recipients that have none. */
  conclude(fate: Fate): void {
    if ('refused' in fate && fate.stage === 'MAIL') this.#mailRefused = true;
    for (const index of this.survivors) this.settle(index, fate);
  }

  fates(): readonly Fate[] {
    const lost: Fate = { fault: new SessionFault('end', { kind: 'lost' }) };
    return this.#fates.map((fate) => fate ?? lost);
  }
}
