/**
 * A Maildir++ as Dovecot and Courier keep it: INBOX in its own `cur` and `new`, other mailboxes in `.Level.Level`. UIDs,
 * keywords and subscriptions are in Dovecot's files beside them.
 */
import { lstat, opendir, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { FileMailbox, FileMailboxes, FileMessage, OnFault } from './mailbox.ts';
import { openRegularFile, piecesOf, readSmallFile, withCrlf } from './open-file.ts';
import { ownName, parseSubscriptions } from './subscriptions.ts';
import { baseName, flagsIn, parseKeywords, parseUidList } from './uidlist.ts';

const MOST_FOLDERS = 10_000;
/** Of one folder: their names are in memory. */
const MOST_MESSAGES = 2_000_000;
const MOST_UIDLIST = 128 * 1024 * 1024;
const MOST_LIST = 1024 * 1024;

/** Rejects if it is no Maildir. */
export async function openMaildir(path: string, onFault: OnFault): Promise<FileMailboxes> {
  const root = await realpath(path);
  if (!(await isFolder(join(root, 'cur')))) throw new Error(`${path} is no Maildir: it has no folder "cur"`);
  const read = (name: string): Promise<string | null> => readBeside(join(root, name), MOST_LIST, onFault);
  const subscribed = parseSubscriptions((await read('subscriptions')) ?? '', '.');
  const folders = new Map([['INBOX', root]]);
  for (const name of (await readdir(root)).sort()) {
    if (!name.startsWith('.') || name === '.' || name === '..') continue;
    const folder = join(root, name);
    const own = ownName(name.slice(1).split('.'));
    if (!(await isFolder(join(folder, 'cur')))) {
      const { mode } = await lstat(folder);
      if ((mode & 0o170000) === 0o120000) onFault(folder, 'a symbolic link is not followed');
    } else if (own === null || folders.has(own)) onFault(folder, 'its name cannot be the name of a mailbox here');
    else if (folders.size >= MOST_FOLDERS) onFault(folder, `more than ${MOST_FOLDERS} folders`);
    else folders.set(own, folder);
  }
  const mailboxes: FileMailbox[] = [];
  for (const [name, folder] of folders)
    mailboxes.push(await openFolder(folder, { name, subscribed: subscribed.includes(name) }, onFault));
  return { mailboxes, subscriptions: subscribed.filter((name) => !folders.has(name)) };
}

/** Neither a symbolic link, nor below one. */
async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(join(path, '..'))).isDirectory() && (await lstat(path)).isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

async function readBeside(path: string, most: number, onFault: OnFault): Promise<string | null> {
  try {
    return await readSmallFile(path, most);
  } catch (error) {
    onFault(path, `not read: ${messageOf(error)}`);
    return null;
  }
}

async function openFolder(
  folder: string,
  { name, subscribed }: Pick<FileMailbox, 'name' | 'subscribed'>,
  onFault: OnFault,
): Promise<FileMailbox> {
  const listPath = join(folder, 'dovecot-uidlist');
  const listText = await readBeside(listPath, MOST_UIDLIST, onFault);
  const list =
    listText === null ? null : parseUidList(listText, (line, problem) => onFault(`${listPath}:${line}`, problem));
  const keywords = parseKeywords((await readBeside(join(folder, 'dovecot-keywords'), MOST_LIST, onFault)) ?? '');
  const files = await filesOf(folder, list?.uids ?? new Map(), onFault);
  return {
    name,
    subscribed,
    specialUse: '',
    uidValidity: list?.uidValidity ?? null,
    uidNext: list?.uidNext ?? 1,
    expected: files.length,
    messages: async function* () {
      for (const file of files) {
        const message = await openMessage(file, keywords, onFault);
        if (message !== null) yield message;
      }
    },
  };
}

interface MessageFile {
  readonly path: string;
  readonly file: string;
  readonly uid: number | null;
}

/** In the order of UIDs; those without one last, in that of their names, which begin with a time. */
async function filesOf(
  folder: string,
  uids: ReadonlyMap<string, number>,
  onFault: OnFault,
): Promise<readonly MessageFile[]> {
  const files: MessageFile[] = [];
  for (const part of ['cur', 'new']) {
    const path = join(folder, part);
    if (!(await isFolder(path))) continue;
    for await (const { name } of await opendir(path)) {
      if (name.startsWith('.')) continue;
      if (files.length >= MOST_MESSAGES) {
        onFault(path, `more than ${MOST_MESSAGES} messages: the others are not brought`);
        break;
      }
      files.push({ path: join(path, name), file: name, uid: uids.get(baseName(name)) ?? null });
    }
  }
  return files.sort((x, y) => (x.uid ?? Infinity) - (y.uid ?? Infinity) || (x.file < y.file ? -1 : 1));
}

async function openMessage(
  { path, file, uid }: MessageFile,
  keywords: ReadonlyMap<string, string>,
  onFault: OnFault,
): Promise<FileMessage | null> {
  try {
    const stat = await lstat(path);
    if (!stat.isFile()) throw new Error('it is no regular file');
    return {
      uid,
      flags: flagsIn(file, keywords),
      internalDate: Math.max(0, Math.floor(stat.mtimeMs / 1000) * 1000),
      place: path,
      octets: () => octetsOf(path),
    };
  } catch (error) {
    onFault(path, `not brought: ${messageOf(error)}`);
    return null;
  }
}

/** What compressing plugins write begins with these octets. */
const COMPRESSED = [
  Buffer.from([0x1f, 0x8b]),
  Buffer.from('BZh'),
  Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
  Buffer.from([0x04, 0x22, 0x4d, 0x18]),
];

async function* octetsOf(path: string): AsyncGenerator<Buffer> {
  const { handle, stat } = await openRegularFile(path);
  try {
    const start = Buffer.alloc(4);
    await handle.read(start, 0, 4, 0);
    if (COMPRESSED.some((magic) => start.subarray(0, magic.length).equals(magic)))
      throw new Error('it is compressed; bring this mail through IMAP, or from a copy that doveadm makes without zlib');
    yield* withCrlf(piecesOf(handle, 0, stat.size));
  } finally {
    await handle.close();
  }
}
