/** The recipients of one transaction with another server, and what becomes of each while it runs. */
import type { PeerReply } from '../../protocol/smtp/reply-reader.ts';
import { SessionFault, type Stage } from './smtp-session-fault.ts';

/** What became of one recipient. */
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

  /** Nobody is left to send the message to, as far as is known. */
  get isHopeless(): boolean {
    return this.#mailRefused || (this.#answered === this.#fates.length && this.survivors.length === 0);
  }

  /** Those whom nobody refused. */
  get survivors(): number[] {
    return this.#fates.flatMap((fate, index) => (fate === null ? [index] : []));
  }

  recipient(index: number, answer: PeerReply, taken: boolean): void {
    this.#answered += 1;
    // After a refused MAIL, what a pipelining server says to RCPT means nothing.
    if (!taken) this.settle(index, { refused: answer, stage: 'RCPT' });
  }

  settle(index: number, fate: Fate): void {
    this.#fates[index] ??= fate;
  }

  /** The fate of all that have none. */
  conclude(fate: Fate): void {
    if ('refused' in fate && fate.stage === 'MAIL') this.#mailRefused = true;
    for (const index of this.survivors) this.settle(index, fate);
  }

  fates(): readonly Fate[] {
    const lost: Fate = { fault: new SessionFault('end', { kind: 'lost' }) };
    return this.#fates.map((fate) => fate ?? lost);
  }
}
