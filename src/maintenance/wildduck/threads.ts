/**
 * Messages that belong together (lib/message-handler.js, `getThreadIdAsync`): the same subject without "Re:", and an id
 * in common.
 */
import { createHash } from 'node:crypto';
import type { Db, ObjectId } from 'mongodb';
import type { ParsedHeader } from './parsed-header.ts';

const MAX_IDS = 10;
/** Octets of Thread-Index that all answers have. */
const THREAD_INDEX = 22;

export async function threadOf(main: Db, user: ObjectId, subject: string, header: ParsedHeader): Promise<ObjectId> {
  const ids = idsOf(header);
  const threads = main.collection('threads');
  const bare = withoutPrefixes(subject);
  const updated = new Date();
  const known = await threads.findOneAndUpdate(
    { user, ids: { $in: ids }, subject: bare },
    { $addToSet: { ids: { $each: ids } }, $set: { updated } },
  );
  if (known !== null) return known._id;
  return (await threads.insertOne({ user, subject: bare, ids, updated })).insertedId;
}

function idsOf(header: ParsedHeader): string[] {
  const last = (name: string): string => String([header[name] ?? ''].flat().at(-1));
  const names = ['message-id', 'in-reply-to', 'references'].map(last);
  const ids = [...names, last('thread-index').slice(0, THREAD_INDEX)]
    .join(' ')
    .split(/\s+/)
    .map((id) => id.replace(/[<>]/g, ''))
    .filter((id) => id !== '');
  return [...new Set(ids)]
    .slice(0, MAX_IDS)
    .map((id) => createHash('sha1').update(id).digest('base64').replace(/=+$/, ''));
}

function withoutPrefixes(subject: string): string {
  let bare = subject;
  for (;;) {
    const shorter = bare.replace(/^(?:re|fwd?)\s*:|^\[[^\]]+\](?=\s.)|\s*\(fwd\)\s*$/gi, '').trim();
    if (shorter === bare) return bare;
    bare = shorter;
  }
}
