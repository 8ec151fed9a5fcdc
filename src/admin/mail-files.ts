/** `posthorn import maildir` and `import mbox`: mail that other programs keep in files, which are only read. */
import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import { importFiles } from '../maintenance/mail-files/import-account.ts';
import type { FileMailboxes, OnFault } from '../maintenance/mail-files/mailbox.ts';
import { openMaildir } from '../maintenance/mail-files/maildir.ts';
import { openMbox } from '../maintenance/mail-files/mbox.ts';
import { openMboxTree } from '../maintenance/mail-files/mbox-tree.ts';
import type { TransferReport } from '../maintenance/wildduck/report.ts';
import { ownAddress } from './addresses.ts';
import { type AdminServices, type Arguments, type Operation, OperationError, optionalText, text } from './operation.ts';
import { refuseCopy, refuseServedDatabase } from './unserved.ts';

type Open = (given: Arguments, onFault: OnFault) => Promise<FileMailboxes>;

const openAsMbox: Open = async (given, onFault) => {
  const path = resolve(text(given, 'path'));
  const inbox = optionalText(given, 'inbox');
  if (inbox !== undefined || (await stat(path)).isDirectory())
    return openMboxTree(path, inbox === undefined ? '' : resolve(inbox), onFault);
  const name = optionalText(given, 'folder') ?? 'INBOX';
  return { mailboxes: [await openMbox(path, { name, subscribed: true }, onFault)], subscriptions: [] };
};

const FORMATS: Readonly<Record<string, Open>> = {
  maildir: (given, onFault) => openMaildir(resolve(text(given, 'path')), onFault),
  mbox: openAsMbox,
};

const importAs =
  (open: Open): Operation =>
  async (services, given): Promise<TransferReport> => {
    await refuseServedDatabase(services);
    await refuseCopy(services);
    const address = ownAddress(services, text(given, 'user'));
    const account = await services.store.directory.find(address);
    if (account === null)
      throw new OperationError(`there is no account ${address}; "posthorn user add ${address}" makes it`);
    const problems: { account: string; problem: string }[] = [];
    const onFault: OnFault = (place, problem) => {
      problems.push({ account: address, problem: printable(`${place}: ${problem}`) });
    };
    const files = await open(given, onFault).catch((error: unknown) => {
      throw new OperationError(unreadable(services, error) ?? messageOf(error), { cause: error });
    });
    const of = files.mailboxes.reduce((sum, { expected }) => sum + expected, 0);
    let done = 0;
    const onMessage = (): void => services.progress(++done, of);
    const { store } = services;
    const isServed = services.server !== null;
    const imported = await importFiles({ store, account: account.id, files, isServed, onMessage, onFault });
    return { accounts: [{ address, ...imported }], aliases: 0, problems, notes: [], notBrought: {} };
  };

/** Where a server may not read what whoever types the command may; null for other errors. */
export function unreadable({ server }: AdminServices, error: unknown): string | null {
  if (server === null || (error as NodeJS.ErrnoException).code !== 'EACCES') return null;
  return `${messageOf(error)}: the running server reads the files, as user ${userInfo().username}; let it read them (chgrp, setfacl, a copy), or stop it and run this command as root`;
}

let isImporting = false;

/** One at a time: a second one would find the first one's mailboxes half-filled. */
export const alone =
  (operation: Operation): Operation =>
  async (services, given) => {
    if (isImporting) throw new OperationError('another import is running on this server; wait until it has ended');
    isImporting = true;
    try {
      return await operation(services, given);
    } finally {
      isImporting = false;
    }
  };

/** Names of files may have any octets, also those that a terminal obeys. */
export const printable = (words: string): string =>
  words.replace(/[\x00-\x1f\x7f-\x9f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);

export const mailFileOperations: Readonly<Record<string, Operation>> = Object.fromEntries(
  Object.entries(FORMATS).map(([format, open]) => [`import.${format}`, alone(importAs(open))]),
);
