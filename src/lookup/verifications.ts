/** Whether mail for an address would be taken, found out by asking its mail server (Postfix: verify(8)). */
import type { Address } from '../mail/address.ts';

export interface Verification {
  /** `deferred`: there was no final answer. */
  readonly status: 'deliverable' | 'deferred' | 'undeliverable';
  /** For the refusal. */
  readonly text: string;
}

export interface Verifications {
  /** Null: it is not known within `patience` ms; a later question may know it. Never rejects. */
  verify(address: Address, patience: number): Promise<Verification | null>;
}
