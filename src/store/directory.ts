/**
 * Accounts, and the domains and aliases that were made by command or over HTTP rather than in a file.
 * `find` is asked for every RCPT TO: backends answer it from memory where they can.
 */
import type { Account, Id } from '../mail/account.ts';
import type { Address } from '../mail/address.ts';

export interface Directory {
  /** By full address in any case; null where there is none. */
  find(address: Address): Promise<Account | null>;
  get(account: Id): Promise<Account | null>;
  /** In the order of their addresses. */
  list(): Promise<readonly Account[]>;
  /** Makes the account with its DEFAULT_MAILBOXES; throws where the address exists. */
  create(account: {
    readonly address: Address;
    readonly passwordHash: string;
    readonly quota?: number;
  }): Promise<Account>;
  update(
    account: Id,
    change: { readonly passwordHash?: string; readonly disabled?: boolean; readonly quota?: number },
  ): Promise<void>;
  /**
   * Accounts get other addresses and keep their id, mailboxes, UIDs and password: all or none. Throws where an address
   * is taken.
   */
  rename(renames: readonly { readonly account: Id; readonly address: Address }[]): Promise<void>;
  /** With all its mailboxes and messages. */
  remove(account: Id): Promise<void>;
  /**
   * Calls back when the account was changed (durably) or removed, which is null: open sessions end by it. The result
   * ends the watch. The listener must not throw.
   */
  watch(account: Id, listener: (account: Account | null) => void): () => void;

  /** Alias address to its targets; the key may be `@domain`. */
  aliases(): Promise<ReadonlyMap<Address, readonly Address[]>>;
  /** No targets: the alias is removed. */
  setAlias(address: Address, targets: readonly Address[]): Promise<void>;

  /** Domains served beside `mydestination`, in lower case. */
  domains(): Promise<readonly string[]>;
  setDomain(domain: string, served: boolean): Promise<void>;
}
