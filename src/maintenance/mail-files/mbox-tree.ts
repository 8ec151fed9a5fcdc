/** The mbox files of one person: INBOX in a file of its own, the others below a folder (`mbox:~/mail:INBOX=…`). */
import { lstat, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { FileMailbox, FileMailboxes, OnFault } from './mailbox.ts';
import { openMbox } from './mbox.ts';
import { readSmallFile } from './open-file.ts';
import { ownName, parseSubscriptions } from './subscriptions.ts';

const MOST_FILES = 10_000;
const MOST_DEPTH = 20;
const MOST_LIST = 1024 * 1024;

export async function openMboxTree(folder: string, inbox: string, onFault: OnFault): Promise<FileMailboxes> {
  const files = new Map<string, string>();
  if (await isFile(inbox)) files.set('INBOX', inbox);
  const root = await realpath(folder).catch(() => null);
  let subscribed: string[] = [];
  if (root !== null) {
    await collect(root, [], files, onFault);
    subscribed = parseSubscriptions((await readSmallFile(join(root, '.subscriptions'), MOST_LIST)) ?? '', '/');
  }
  const mailboxes: FileMailbox[] = [];
  for (const [name, path] of files) {
    try {
      mailboxes.push(await openMbox(path, { name, subscribed: subscribed.includes(name) }, onFault));
    } catch (error) {
      onFault(path, `not brought: ${messageOf(error)}`);
    }
  }
  return { mailboxes, subscriptions: subscribed.filter((name) => !files.has(name)) };
}

const isFile = async (path: string): Promise<boolean> =>
  lstat(path).then(
    (stat) => stat.isFile(),
    () => false,
  );

async function collect(
  folder: string,
  levels: readonly string[],
  files: Map<string, string>,
  onFault: OnFault,
): Promise<void> {
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort((x, y) => (x.name < y.name ? -1 : 1))) {
    // Dovecot's own are hidden: .imap, .subscriptions.
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    const inner = [...levels, entry.name];
    const name = ownName(inner);
    if (entry.isDirectory() && inner.length < MOST_DEPTH) await collect(path, inner, files, onFault);
    else if (!entry.isFile()) onFault(path, 'neither a file nor a folder: not followed');
    else if (name === null || files.has(name)) onFault(path, 'its name cannot be the name of a mailbox here');
    else if (files.size >= MOST_FILES) onFault(path, `more than ${MOST_FILES} mailboxes`);
    else files.set(name, path);
  }
}
