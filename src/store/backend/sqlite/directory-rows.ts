/** Accounts, aliases and domains as they are in the file. */
import type { Account } from '../../../mail/account.ts';
import type { Forwarding } from '../../../mail/forwarding.ts';
import type { DirectoryContents } from './calls.ts';
import type { Database } from './database.ts';

export interface AccountColumns {
  readonly id: number;
  readonly address: string;
  readonly password_hash: string;
  readonly disabled: number;
  readonly quota: number;
  /** JSON. */
  readonly forwarding: string | null;
  readonly created_at: number;
}

export const readDirectory = (db: Database): DirectoryContents => ({
  accounts: db.all<AccountColumns>('SELECT * FROM account ORDER BY address').map(toAccount),
  aliases: db
    .all<{ address: string; targets: string }>('SELECT * FROM alias ORDER BY address')
    .map((row) => [row.address, JSON.parse(row.targets) as string[]] as const),
  domains: db.all<{ name: string }>('SELECT name FROM domain ORDER BY name').map((row) => row.name),
});

export const toAccount = (row: AccountColumns): Account => ({
  id: row.id,
  address: row.address,
  passwordHash: row.password_hash,
  disabled: row.disabled === 1,
  quota: row.quota,
  forwarding: row.forwarding === null ? null : (JSON.parse(row.forwarding) as Forwarding),
  createdAt: row.created_at,
});

/** The column `forwarding`. */
export const forwardingColumn = (forwarding: Forwarding | null): string | null =>
  forwarding === null ? null : JSON.stringify({ targets: forwarding.targets, keep: forwarding.keep });
