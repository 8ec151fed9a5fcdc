/** `posthorn store export wildduck`: our accounts with their mail into the database of a WildDuck. */
import type { ObjectId } from 'mongodb';
import type { Account } from '../mail/account.ts';
import { addressKey, qualify } from '../mail/address.ts';
import { exportAccount, isTaken } from '../maintenance/wildduck/export-account.ts';
import { exportAlias, exportForwarding } from '../maintenance/wildduck/export-aliases.ts';
import { toWildDuck } from '../maintenance/wildduck/passwords.ts';
import type { Problem, TransferReport, TransferredAccount } from '../maintenance/wildduck/report.ts';
import type { WildDuck } from '../maintenance/wildduck/source.ts';
import { viewOf } from '../maintenance/wildduck/users.ts';
import { clearTextOf } from '../server/login/password.ts';
import { type AdminServices, OperationError } from './operation.ts';

/** `names`: addresses of accounts; empty for all. */
export async function exportWildDuck(
  services: AdminServices,
  names: readonly string[],
  target: WildDuck,
): Promise<TransferReport> {
  const { store } = services;
  const chosen = names.length === 0 ? await store.directory.list() : await chosenAccounts(services, names);
  await refuseTaken(target, chosen);
  const of = await countHere(store, chosen);
  let done = 0;
  const accounts: TransferredAccount[] = [];
  const problems: Problem[] = [];
  const users = new Map<string, ObjectId>();
  for (const account of chosen) {
    const password = await passwordFor(services, account);
    const { user, ...exported } = await exportAccount({
      target,
      store,
      account,
      password,
      notes: password === '' ? ['needs a new password: WildDuck cannot verify its hash'] : [],
      onMessage: () => services.progress(++done, of),
      onProblem: (problem) => problems.push({ account: account.address, ...problem }),
    });
    accounts.push(exported);
    users.set(account.address, user);
  }
  let aliases = 0;
  for (const [alias, targets] of await store.directory.aliases()) {
    if (names.length > 0 && !targets.every((address) => users.has(address.toLowerCase()))) continue;
    const why = await exportAlias(target, alias, targets, users);
    if (why === null) aliases += 1;
    else problems.push({ account: alias, problem: `alias to ${targets.join(', ')} not exported: ${why}` });
  }
  for (const account of chosen) {
    const user = users.get(account.address);
    const why = user === undefined ? null : await exportForwarding(target, account, user);
    if (why !== null)
      problems.push({
        account: account.address,
        problem: `forwarding to ${account.forwarding?.targets.join(', ')} not exported: ${why}`,
      });
  }
  return { accounts, aliases, problems, notes: [], notBrought: {} };
}

async function chosenAccounts({ store, defaultDomain }: AdminServices, names: readonly string[]): Promise<Account[]> {
  const accounts: Account[] = [];
  for (const name of names) {
    const account = await store.directory.find(addressKey(qualify(name, defaultDomain)));
    if (account === null) throw new OperationError(`there is no account ${name}; "posthorn user list" shows all`);
    accounts.push(account);
  }
  return accounts;
}

/** Nothing is exported unless all can be. */
async function refuseTaken(target: WildDuck, accounts: readonly Account[]): Promise<void> {
  const views = new Map<string, string>();
  for (const { address } of accounts) {
    const other = views.get(viewOf(address));
    if (other !== undefined)
      throw new OperationError(`WildDuck takes ${other} and ${address} for the same address; rename one first`);
    views.set(viewOf(address), address);
    if (await isTaken(target, address))
      throw new OperationError(
        `WildDuck has the address ${address} already; nothing was exported. Delete that user there first, or choose others with --user`,
      );
  }
}

async function countHere({ transfer }: AdminServices['store'], accounts: readonly Account[]): Promise<number> {
  let count = 0;
  for (const { id } of accounts) for (const { messages } of await transfer.mailboxRecords(id)) count += messages;
  return count;
}

/** A password in clear text is hashed: WildDuck keeps none. */
async function passwordFor({ hashPassword }: AdminServices, { passwordHash }: Account): Promise<string> {
  const clear = clearTextOf(passwordHash);
  return toWildDuck(clear === null || clear === '' ? passwordHash : await hashPassword(clear));
}
