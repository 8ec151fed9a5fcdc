/** `posthorn store import wildduck`: accounts with their mail from a WildDuck, whose database is only read. */
import { messageOf } from '../errors.ts';
import type { Account } from '../mail/account.ts';
import { domainOf } from '../mail/address.ts';
import { importAccount } from '../maintenance/wildduck/import-account.ts';
import { type AliasPlan, aliasesOf } from '../maintenance/wildduck/import-aliases.ts';
import type { UserDocument } from '../maintenance/wildduck/layout.ts';
import { notBrought } from '../maintenance/wildduck/not-brought.ts';
import { fromWildDuck } from '../maintenance/wildduck/passwords.ts';
import type { Problem, TransferReport, TransferredAccount } from '../maintenance/wildduck/report.ts';
import { isWildDuck, type WildDuck } from '../maintenance/wildduck/source.ts';
import { allUsers, countMessages, findUser } from '../maintenance/wildduck/users.ts';
import { isWellFormed } from '../server/login/password.ts';
import { unservedNote } from './accounts.ts';
import { ownAddress } from './addresses.ts';
import { setAlias } from './aliases.ts';
import { type AdminServices, OperationError } from './operation.ts';
import { refuseCopy } from './unserved.ts';

/** `names`: addresses or names of users; empty for all. */
export async function importWildDuck(
  services: AdminServices,
  names: readonly string[],
  source: WildDuck,
): Promise<TransferReport> {
  if (!(await isWildDuck(source)))
    throw new OperationError('this is not the database of a WildDuck: it has no users and mailboxes');
  await refuseCopy(services);
  const chosen = names.length === 0 ? await allUsers(source) : await chosenUsers(source, names);
  const ids = chosen.map(({ _id }) => _id);
  const of = await countMessages(source, ids);
  let done = 0;
  const accounts: TransferredAccount[] = [];
  const problems: Problem[] = [];
  const verified = new Set<Account['id']>();
  const brought = new Map<string, { user: UserDocument; address: string }>();
  for (const user of chosen) {
    const onProblem = (problem: Omit<Problem, 'account'>): void => {
      problems.push({ account: nameOf(user), ...problem });
    };
    const onMessage = (): void => services.progress(++done, of);
    const planned = await accountOf(services, user);
    if ('why' in planned) {
      onProblem({ problem: `not brought: ${planned.why}` });
      continue;
    }
    const result = await importAccount({
      source,
      store: services.store,
      user,
      ...planned,
      verified,
      onMessage,
      onProblem,
    });
    if (result === null) continue;
    accounts.push(result);
    brought.set(String(user._id), { user, address: result.address });
  }
  const plans = await aliasesOf(source, brought, names.length === 0);
  const aliases = await setAliases(services, plans.aliases, problems);
  const counts = await notBrought(source, names.length === 0 ? null : ids);
  return {
    accounts,
    aliases,
    problems,
    notes: await domainNotes(services, accounts),
    notBrought:
      plans.others === 0 ? counts : { 'addresses that are patterns or forward to URLs': plans.others, ...counts },
  };
}

async function chosenUsers(source: WildDuck, names: readonly string[]): Promise<UserDocument[]> {
  const users = new Map<string, UserDocument>();
  for (const name of names) {
    const user = await findUser(source, name);
    if (user === null) throw new OperationError(`WildDuck has no user ${name}`);
    users.set(String(user._id), user);
  }
  return [...users.values()];
}

const nameOf = ({ address, username }: UserDocument): string => address || username;

type Planned = { readonly account: Omit<Account, 'id'>; readonly notes: readonly string[] } | { readonly why: string };

async function accountOf(services: AdminServices, user: UserDocument): Promise<Planned> {
  const notes: string[] = [];
  let address: string;
  try {
    address = ownAddress(services, nameOf(user));
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return { why: error.message };
  }
  const hash = fromWildDuck(user.password ?? '');
  // It may have got a new password after an earlier run.
  const before = await services.store.directory.find(address);
  const passwordHash = isWellFormed(hash) ? hash : (before?.passwordHash ?? '');
  if (passwordHash === '') notes.push(`needs a new password: posthorn user passwd ${address}`);
  const factors = user.enabled2fa ?? [];
  if (factors === true || (Array.isArray(factors) && factors.length > 0))
    notes.push('had a second factor; here its password alone logs in');
  return {
    account: {
      address,
      passwordHash,
      disabled: user.disabled === true || user.suspended === true || user.activated === false,
      quota: Math.max(0, user.quota ?? 0),
      // What forwards in WildDuck becomes an alias.
      forwarding: before?.forwarding ?? null,
      createdAt: user.created?.getTime() ?? services.clock(),
    },
    notes,
  };
}

/** Those that exist with other targets are left alone. Returns how many there are now. */
async function setAliases(services: AdminServices, plans: readonly AliasPlan[], problems: Problem[]): Promise<number> {
  const existing = await services.store.directory.aliases();
  let count = 0;
  for (const { address, targets } of plans) {
    try {
      const own = existing.get(address.toLowerCase());
      if (own !== undefined && own.join().toLowerCase() !== targets.join().toLowerCase())
        throw new OperationError(`there is an alias already, to ${own.join(', ')}`);
      await setAlias(services, { address, targets });
      count += 1;
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      problems.push({ account: address, problem: `alias to ${targets.join(', ')} not brought: ${messageOf(error)}` });
    }
  }
  return count;
}

async function domainNotes(services: AdminServices, accounts: readonly TransferredAccount[]): Promise<string[]> {
  const notes: string[] = [];
  for (const domain of new Set(accounts.map(({ address }) => domainOf(address)))) {
    try {
      const { note } = await unservedNote(services, domain);
      if (note !== undefined) notes.push(note);
    } catch (error) {
      notes.push(messageOf(error));
    }
  }
  return notes;
}
