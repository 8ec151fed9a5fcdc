/** WildDuck's users: all of them, or those that have the given addresses or names. */
import type { ObjectId } from 'mongodb';
import type { AddressDocument, UserDocument } from './layout.ts';
import type { WildDuck } from './source.ts';

export async function allUsers({ users }: WildDuck): Promise<UserDocument[]> {
  return users.collection('users').find<UserDocument>({}).sort({ _id: 1 }).toArray();
}

/** Null if there is none. */
export async function findUser({ users }: WildDuck, given: string): Promise<UserDocument | null> {
  const view = viewOf(given);
  const address = await users.collection('addresses').findOne<AddressDocument>({ addrview: view });
  const by = address?.user === undefined ? { unameview: view } : { _id: address.user };
  return users.collection('users').findOne<UserDocument>(by);
}

/** The form in which WildDuck compares addresses and names: lower case, no dots before the "@" (lib/tools.js, `uview`). */
export function viewOf(address: string): string {
  const at = address.indexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  return (local.replaceAll('.', '') + (at < 0 ? '' : address.slice(at))).toLowerCase();
}

/** For progress. */
export const countMessages = ({ main }: WildDuck, ids: readonly ObjectId[]): Promise<number> =>
  main.collection('messages').countDocuments({ user: { $in: ids } });
