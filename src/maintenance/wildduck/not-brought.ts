/** What WildDuck has that has no meaning here, counted: the administrator sees what is left to do by hand. */
import type { Db, Document, Filter, ObjectId } from 'mongodb';
import type { WildDuck } from './source.ts';

interface Row {
  readonly what: string;
  readonly in: (source: WildDuck) => Db;
  readonly collection: string;
  /** `users`: ids, null for all. Null where what belongs to no user is not looked at. */
  readonly filter: (users: readonly ObjectId[] | null) => Filter<Document> | null;
}

const ofUsers = (users: readonly ObjectId[] | null): Filter<Document> =>
  users === null ? {} : { user: { $in: users } };
const usersWith =
  (condition: Filter<Document>) =>
  (users: readonly ObjectId[] | null): Filter<Document> =>
    users === null ? condition : { ...condition, _id: { $in: users } };
const ofAll = (users: readonly ObjectId[] | null): Filter<Document> | null => (users === null ? {} : null);
const main = (source: WildDuck): Db => source.main;
const users = (source: WildDuck): Db => source.users;

const ROWS: readonly Row[] = [
  { what: 'filters', in: main, collection: 'filters', filter: ofUsers },
  { what: 'autoreplies', in: main, collection: 'autoreplies', filter: ofUsers },
  { what: 'application passwords', in: users, collection: 'asps', filter: ofUsers },
  {
    what: 'users with a second factor',
    in: users,
    collection: 'users',
    filter: usersWith({ $or: [{ enabled2fa: true }, { 'enabled2fa.0': { $exists: true } }] }),
  },
  {
    what: 'users without IMAP, POP3 or SMTP',
    in: users,
    collection: 'users',
    filter: usersWith({ 'disabledScopes.0': { $exists: true } }),
  },
  {
    what: 'users whose mail is encrypted on arrival',
    in: users,
    collection: 'users',
    filter: usersWith({ encryptMessages: true }),
  },
  { what: 'deleted messages that could be restored', in: main, collection: 'archived', filter: ofUsers },
  {
    what: 'files of users',
    in: (source) => source.gridfs,
    collection: 'storage.files',
    filter: (ids) => (ids === null ? {} : { 'metadata.user': { $in: ids } }),
  },
  { what: 'DKIM keys', in: main, collection: 'dkim', filter: ofAll },
  { what: 'certificates', in: main, collection: 'certs', filter: ofAll },
  { what: 'allowed and blocked domains', in: main, collection: 'domainaccess', filter: ofAll },
  { what: 'audits', in: main, collection: 'audits', filter: ofUsers },
];

/** Only what there is any of. */
export async function notBrought(source: WildDuck, ids: readonly ObjectId[] | null): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const row of ROWS) {
    const filter = row.filter(ids);
    const count = filter === null ? 0 : await row.in(source).collection(row.collection).countDocuments(filter);
    if (count > 0) counts[row.what] = count;
  }
  return counts;
}
