/**
 * What users of this machine may do with mail (Postfix: authorized_…_users, local_login_sender_maps). A user is known
 * by the uid that the system gives: of a process, or of who owns a file.
 */
import { addressKey, domainOf, localPart, splitDetail } from '../mail/address.ts';
import { delimitersOf } from './delimiters.ts';
import { namesInclude } from './name-list.ts';
import type { ListName, ParameterReader } from './parameters.ts';
import { userOf } from './system-users.ts';
import type { Tables } from './table.ts';

export interface LocalUsers {
  readonly parameters: ParameterReader;
  readonly tables: Tables;
}

/** Separated by space or comma, outside of quotes. */
const PATTERN = /(?:"(?:\\.|[^"\\])*"|[^\s,"])+/g;

type Authorized = ListName & `authorized_${string}_users`;

/**
 * Null: the user may. Otherwise the name for the refusal; `unknown` for a uid without one. Rejects if a table cannot
 * answer now.
 */
export async function unauthorized(list: Authorized, uid: number, { parameters, tables }: LocalUsers) {
  const name = userOf(uid)?.name ?? 'unknown';
  return (await namesInclude(parameters.list(list), name, tables)) ? null : name;
}

/** Whether the user may send from an address; '' is the null sender. Rejects if a table cannot answer now. */
export async function maySendAs(sender: string, uid: number, { parameters, tables }: LocalUsers): Promise<boolean> {
  const login = userOf(uid)?.name ?? `uid:${uid}`;
  const nullSender = parameters.string('empty_address_local_login_sender_maps_lookup_key');
  const user = splitDetail(localPart(sender), delimitersOf(parameters))?.user ?? localPart(sender);
  const domain = sender.includes('@') ? `@${domainOf(sender)}` : '';
  const fitting = new Set(sender === '' ? ['*', nullSender] : ['*', addressKey(user) + domain, domain]);
  for (const name of parameters.list('local_login_sender_maps')) {
    const patterns = await tables.open(name).get(login);
    if (patterns === undefined) continue;
    return (patterns.match(PATTERN) ?? []).some((pattern) =>
      fitting.has(sender === '' ? pattern : addressKey(pattern)),
    );
  }
  return false;
}
