/** Accounts, aliases and domains: written here, served from the main thread's memory (../front/directory.ts). */
import type { Account } from '../../../../mail/account.ts';
import { DEFAULT_MAILBOXES } from '../../../../mail/mailbox.ts';
import type { DirectoryContents, WriterCalls } from '../calls.ts';
import { type AccountColumns, forwardingColumn, readDirectory, toAccount } from '../directory-rows.ts';
import { dropKeptOf } from './kept.ts';
import { dropMailbox, makeMailbox } from './mailboxes.ts';
import type { Writing } from './writing.ts';

export const loadDirectory = (w: Writing): DirectoryContents => readDirectory(w.db);

export function createAccount(w: Writing, a: WriterCalls['createAccount']['args']): Account {
  if (w.db.get('SELECT id FROM account WHERE address = ?', a.address) !== undefined)
    throw new Error(`the account ${a.address} exists already`);
  const id = w.db.insert(
    'INSERT INTO account (address, password_hash, quota, created_at) VALUES (?, ?, ?, ?)',
    a.address,
    a.passwordHash,
    a.quota,
    a.now,
  );
  for (const { name, specialUse } of DEFAULT_MAILBOXES) {
    makeMailbox(w, id, name, specialUse, a.now);
    w.db.run('INSERT INTO subscription VALUES (?, ?)', id, name);
  }
  return findAccount(w, id);
}

export function updateAccount(w: Writing, a: WriterCalls['updateAccount']['args']): Account {
  const changed = w.db.run(
    `UPDATE account SET password_hash = coalesce(?, password_hash), disabled = coalesce(?, disabled),
       quota = coalesce(?, quota), forwarding = CASE WHEN ? THEN ? ELSE forwarding END WHERE id = ?`,
    a.passwordHash ?? null,
    a.disabled === undefined ? null : Number(a.disabled),
    a.quota ?? null,
    Number(a.forwarding !== undefined),
    forwardingColumn(a.forwarding ?? null),
    a.account,
  );
  if (changed === 0) throw new Error('the account no longer exists');
  return findAccount(w, a.account);
}

export function renameAccounts(w: Writing, { renames }: WriterCalls['renameAccounts']['args']): readonly Account[] {
  // Check all renames before changing anything.
  for (const { account, address } of renames) {
    findAccount(w, account);
    if (w.db.get('SELECT id FROM account WHERE address = ?', address) !== undefined)
      throw new Error(`the account ${address} exists already`);
  }
  if (new Set(renames.map(({ address }) => address)).size < renames.length)
    throw new Error('two accounts cannot have the same address');
  for (const { account, address } of renames) w.db.run('UPDATE account SET address = ? WHERE id = ?', address, account);
  return renames.map(({ account }) => findAccount(w, account));
}

export function removeAccount(w: Writing, a: { readonly account: number }): null {
  for (const { id } of w.db.all<{ id: number }>('SELECT id FROM mailbox WHERE account = ?', a.account)) {
    dropMailbox(w, id, null);
    w.tell({ kind: 'mailbox', account: a.account, mailbox: id });
  }
  dropKeptOf(w, a.account);
  w.db.run('DELETE FROM subscription WHERE account = ?', a.account);
  w.db.run('DELETE FROM account WHERE id = ?', a.account);
  return null;
}

export function setAlias(w: Writing, a: { readonly address: string; readonly targets: readonly string[] }): null {
  if (a.targets.length === 0) w.db.run('DELETE FROM alias WHERE address = ?', a.address);
  else
    w.db.run(
      'INSERT INTO alias VALUES (?, ?) ON CONFLICT DO UPDATE SET targets = excluded.targets',
      a.address,
      JSON.stringify(a.targets),
    );
  return null;
}

export function setDomain(w: Writing, a: { readonly domain: string; readonly served: boolean }): null {
  if (a.served) w.db.run('INSERT INTO domain VALUES (?) ON CONFLICT DO NOTHING', a.domain);
  else w.db.run('DELETE FROM domain WHERE name = ?', a.domain);
  return null;
}

export function findAccount(w: Writing, id: number): Account {
  const row = w.db.get<AccountColumns>('SELECT * FROM account WHERE id = ?', id);
  if (row === undefined) throw new Error(`account ${id} does not exist`);
  return toAccount(row);
}
