/** `posthorn export`: an account's mail into files, read beside the server. */
import { constants } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { requireConfiguration } from '../config/load.ts';
import { thisMachine } from '../config/machine.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Account } from '../mail/account.ts';
import { addressKey, qualify } from '../mail/address.ts';
import { exportMaildir } from '../maintenance/mail-files/export-maildir.ts';
import { exportMbox } from '../maintenance/mail-files/export-mbox.ts';
import type { ExportedMail, ExportJob } from '../maintenance/mail-files/export-source.ts';
import type { StoreSource } from '../store/source.ts';
import type { StoredMailbox } from '../store/transfer.ts';
import { mailStoreOf, openSource } from './open-store.ts';
import { choosePrivileges, type Privileges } from './privileges.ts';

export interface ExportCommand {
  readonly configDirectory: string;
  readonly dataDirectory: string;
  /** The name alone, or with its domain. */
  readonly account: string;
  readonly to:
    | { readonly format: 'maildir'; readonly path: string }
    | { readonly format: 'mbox'; readonly path: string; readonly folder: string };
  readonly log: Log;
  readonly progress: (done: number, of: number) => void;
}

export interface ExportReport extends ExportedMail {
  readonly address: string;
  readonly notes: readonly string[];
  readonly problems: readonly { readonly place: string; readonly problem: string }[];
}

/** Rejects with a user-readable message; what is there of the export then is not complete. */
export async function runExport(command: ExportCommand): Promise<ExportReport> {
  const { to, log } = command;
  const { configuration } = await requireConfiguration({ directory: command.configDirectory, ...thisMachine() });
  const privileges = choosePrivileges(configuration);
  await using scope = new AsyncDisposableStack();
  const spec = mailStoreOf(configuration.parameters.string('mail_store'), command.dataDirectory);
  const { source, isServed, close } = await privileges.asOwner(() => openSource(spec, { log }));
  scope.defer(close);
  const target = await openTarget(to, privileges);
  scope.defer(target.close);
  privileges.drop();
  const account = await findAccount(source, command.account, configuration.parameters.string('myorigin'));
  const mailboxes = (await source.transfer.mailboxRecords(account.id)).filter(
    ({ name }) => to.format === 'maildir' || name === to.folder,
  );
  const notes: string[] = [];
  const problems: { place: string; problem: string }[] = [];
  const of = mailboxes.reduce((sum, { messages }) => sum + messages, 0);
  let done = 0;
  const job: ExportJob = {
    source,
    isServed,
    account: account.id,
    onMessage: () => command.progress(++done, of),
    onFault: (place, problem) => problems.push({ place, problem }),
    onNote: (note) => notes.push(note),
  };
  const [mailbox] = mailboxes;
  if (mailbox === undefined)
    throw new Error(`${account.address} has no mailbox ${to.format === 'mbox' ? to.folder : 'at all'}`);
  const written = await target.write(job, mailbox);
  return { address: account.address, ...written, notes, problems };
}

async function findAccount(source: StoreSource, given: string, domain: string): Promise<Account> {
  const address = addressKey(qualify(given, domain));
  const found = (await source.directory.list()).find((account) => account.address === address);
  if (found === undefined) throw new Error(`there is no account ${address}; "posthorn user list" shows all`);
  return found;
}

interface Target {
  write(job: ExportJob, mailbox: StoredMailbox): Promise<ExportedMail>;
  close(): Promise<void>;
}

/** Made with the rights of whoever typed the command, before they are given up. */
async function openTarget({ format, path }: ExportCommand['to'], privileges: Privileges): Promise<Target> {
  if (format === 'maildir') {
    await emptyFolder(path, privileges);
    return { write: (job) => exportMaildir(job, path), close: async () => {} };
  }
  const { O_CREAT, O_RDWR, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = O_CREAT | O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
  const handle = await open(path, flags, 0o600).catch((error: unknown) => {
    throw cannotMake(path, error);
  });
  const { size } = await handle.stat();
  const isFile = (await handle.stat()).isFile();
  if (!isFile || size > 0) {
    await handle.close();
    throw new Error(`${path}: ${isFile ? 'there is such a file already' : 'no regular file'}; name a new one`);
  }
  return { write: (job, mailbox) => exportMbox(job, mailbox, handle), close: () => handle.close() };
}

function cannotMake(path: string, error: unknown): Error {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const why = missing ? `there is no folder ${dirname(path)}` : messageOf(error);
  return new Error(`${path} cannot be made: ${why}`, { cause: error });
}

/** A folder that exists keeps its owner. */
async function emptyFolder(path: string, { give }: Privileges): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
    give(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotMake(path, error);
    if (!(await stat(path)).isDirectory() || (await readdir(path)).length > 0)
      throw new Error(`${path} is there already, and is no empty folder; name a new one`, { cause: error });
  }
}
