/** Our aliases as WildDuck's addresses: of a user, forwarding, or a whole domain's. */
import type { ObjectId } from 'mongodb';
import type { Account } from '../../mail/account.ts';
import { addressKey } from '../../mail/address.ts';
import { addAddress, isTaken } from './export-account.ts';
import { driver, type WildDuck } from './source.ts';

const KEEPS = 'WildDuck always keeps a copy in the mailbox of a user';

const forwardTo = (id: ObjectId, value: string) => ({ id, type: 'mail', value });

/** Returns why it was not exported, or null. `users`: the exported users, by their main address. */
export async function exportAlias(
  target: WildDuck,
  alias: string,
  targets: readonly string[],
  users: ReadonlyMap<string, ObjectId>,
): Promise<string | null> {
  const { ObjectId } = await driver();
  const keys = targets.map(addressKey);
  const own = users.get(alias);
  const forwarding = keys.filter((key) => key !== alias).map((value) => forwardTo(new ObjectId(), value));
  if (own !== undefined) {
    if (!keys.includes(alias)) return KEEPS;
    await target.users.collection('users').updateOne({ _id: own }, { $set: { targets: forwarding } });
    return null;
  }
  const [only = '', ...more] = keys;
  if (alias.startsWith('@') && only.startsWith('@') && more.length === 0) {
    const document = { alias: alias.slice(1), domain: only.slice(1), created: new Date() };
    await target.users
      .collection('domainaliases')
      .updateOne({ alias: document.alias }, { $setOnInsert: document }, { upsert: true });
    return null;
  }
  if (keys.some((key) => key.startsWith('@'))) return 'WildDuck has no such forwarding to a domain';
  const address = alias.startsWith('@') ? `*${alias}` : alias;
  if (await isTaken(target, address)) return `WildDuck has the address ${address} already`;
  const user = more.length === 0 ? users.get(only) : undefined;
  await addAddress(target, address, user === undefined ? { name: '', targets: forwarding, forwards: 0 } : { user });
  return null;
}

/** Where the mail of an exported account is forwarded, beside what its alias says. Returns why it was not exported, or null. */
export async function exportForwarding(
  target: WildDuck,
  { forwarding }: Account,
  user: ObjectId,
): Promise<string | null> {
  if (forwarding === null) return null;
  if (!forwarding.keep) return KEEPS;
  const { ObjectId } = await driver();
  const targets = forwarding.targets.map((value) => forwardTo(new ObjectId(), value));
  await target.users
    .collection<{ targets: object[] }>('users')
    .updateOne({ _id: user }, { $push: { targets: { $each: targets } } });
  return null;
}
