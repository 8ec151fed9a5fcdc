/**
 * Accounts, and the domains and aliases that were created by command or over HTTP rather than in a file.
 * `find` is called for every RCPT TO: backends should answer it from memory.
 */
import type { Account, Id } from '../mail/account.ts';
import type { Address } from '../mail/address.ts';
import type { Forwarding } from '../mail/forwarding.ts';

export interface Directory {
  /** By full address, case-insensitive; null if there is none. */
  find(address: Address): Promise<Account | null>;
  get(account: Id): Promise<Account | null>;
  /** Ordered by address. */
  list(): Promise<readonly Account[]>;
  /** Creates the account with its DEFAULT_MAILBOXES; throws if the address exists. */
  create(account: {
    readonly address: Address;
    readonly passwordHash: string;
    readonly quota?: number;
  }): Promise<Account>;
  update(
    account: Id,
    change: {
      readonly passwordHash?: string;
      readonly disabled?: boolean;
      readonly quota?: number;
      readonly forwarding?: Forwarding | null;
    },
  ): Promise<void>;
  /**
   * Changes the addresses of accounts, which keep their id, mailboxes, UIDs and password: all or none. Throws if an
   * address is taken.
   */
  rename(renames: readonly { readonly account: Id; readonly address: Address }[]): Promise<void>;
  /** With all its mailboxes and messages. */
  remove(account: Id): Promise<void>;
  /**
   * Calls back after a durable change of the account, with null when it was removed; open sessions then end. Returns a
   * function that stops the watch. The listener must not throw.
   */
  watch(account: Id, listener: (account: Account | null) => void): () => void;

  /** Alias address to its targets; the key may be `@domain`. */
  aliases(): Promise<ReadonlyMap<Address, readonly Address[]>>;
  /** An empty list removes the alias. */
  setAlias(address: Address, targets: readonly Address[]): Promise<void>;

  /** Domains served beside `mydestination`, in lower case. */
  domains(): Promise<readonly string[]>;
  setDomain(domain: string, served: boolean): Promise<void>;
}
