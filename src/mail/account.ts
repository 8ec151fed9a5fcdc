/** An account: credentials and a set of mailboxes. */
import type { Address } from './address.ts';
import type { Forwarding } from './forwarding.ts';

/** Assigned by the store's backend: an integer in SQLite, an ObjectId's hex in MongoDB. Opaque elsewhere. */
export type Id = number | string;

export interface Account {
  readonly id: Id;
  /** The full address, which is also the account's name, in lower case. */
  readonly address: Address;
  /** `{SCHEME}hash` as Dovecot writes it; '' never matches a password. */
  readonly passwordHash: string;
  readonly disabled: boolean;
  /** Octets; 0: no limit. */
  readonly quota: number;
  /** Null: its mail stays here, unless a forwarding file says otherwise. */
  readonly forwarding: Forwarding | null;
  readonly createdAt: number;
}
