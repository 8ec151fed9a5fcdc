/**
 * Accepts what local users submitted (pickup(8)): looks into the maildrop folder when something changes there and once
 * a minute, and hands each complete file to the receiver.
 *
 * A file is removed after its message is durable, or after its sender has been told why it was refused. One that cannot
 * be accepted now stays, and is tried again each minute.
 */

import { constants, type FSWatcher, type Stats, watch } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { localRewriting, type Rewrite } from '../../lookup/address-rewriting.ts';
import { type LocalUsers, maySendAs, unauthorized } from '../../lookup/local-users.ts';
import { logAddress } from '../../lookup/log-address.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Tables } from '../../lookup/table.ts';
import type { Envelope } from '../../mail/envelope.ts';
import { isPermanent, isSuccess, type Reply, reply } from '../../mail/status.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { Receiver } from '../receive/receiver.ts';
import { makeTransaction } from '../receive/transaction.ts';
import { AddressReports, type Reporter } from './address-reports.ts';
import { COMPLETE, type DropFolders } from './maildrop.ts';
import { readAt, readHead } from './read-file.ts';
import { parseSubmission, type Submission } from './submission.ts';

/** What accepts messages; a reload gives another. */
export interface Acceptor extends Reporter {
  readonly receiver: Receiver;
  readonly notifier: Notifier;
  readonly parameters: ParameterReader;
  readonly tables: Tables;
}

export interface PickupOptions {
  readonly folders: DropFolders;
  acceptor(): Acceptor;
  readonly newQueueId: () => string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often it looks without being told, ms; also how long a claimed file is another process's. */
const LOOK_EVERY = 60_000;
/** After this an incomplete file was left by a process that died, ms. */
const ABANDONED = 86_400_000;
/** Between two looks, ms. */
const PAUSE = 50;
/** Octets read at once. */
const PIECE = 64 * 1024;

const TOO_BIG = reply(552, '5.3.4', 'Message size exceeds fixed limit');

export class Pickup {
  readonly #options: PickupOptions;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  readonly #reports: AddressReports;
  #watcher: FSWatcher | null = null;
  #isClosed = false;
  /** Something changed since the last look began. */
  #isStale = false;
  #looking: Promise<void> | null = null;

  constructor(options: PickupOptions) {
    this.#options = options;
    this.#log = options.log.child({ process: 'postfix/pickup' });
    this.#reports = new AddressReports({ clock: options.clock, log: this.#log, leftAfter: LOOK_EVERY });
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY);
    this.#timer.unref();
    try {
      this.#watcher = watch(options.folders.maildrop, { persistent: false }, () => void this.look());
      this.#watcher.on('error', (error) =>
        this.#log.warn({ err: error }, `${options.folders.maildrop}: ${error.message}`),
      );
    } catch (error) {
      this.#log.warn(
        {},
        `${options.folders.maildrop} cannot be watched (${messageOf(error)}): it is looked at each minute`,
      );
    }
    void this.look();
  }

  /** Resolves when everything that is there now was looked at. Never rejects. */
  look(): Promise<void> {
    this.#isStale = true;
    this.#looking ??= this.#lookWhileStale().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /** Resolves when the message in work is accepted or left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#watcher?.close();
    await this.#looking;
    await this.#reports.close();
  }

  async #lookWhileStale(): Promise<void> {
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false;
      try {
        await this.#takeLeft();
        await this.#takeNew();
      } catch (error) {
        this.#log.error({ err: error }, `submissions could not be looked for: ${messageOf(error)}`);
      }
      // Every octet that somebody writes there is a change.
      if (this.#isStale) await setTimeout(PAUSE);
    }
  }

  async #takeNew(): Promise<void> {
    const { folders, newQueueId } = this.#options;
    for (const name of await readdir(folders.maildrop)) {
      if (this.#isClosed) return;
      const path = join(folders.maildrop, name);
      const stat = await lstat(path).catch(() => null);
      if (stat === null || !(await this.#isReady(path, stat))) continue;
      const claimed = join(folders.pickup, newQueueId());
      // Another process of this server may be faster.
      const isOurs = await rename(path, claimed).then(
        () => true,
        () => false,
      );
      if (isOurs) await this.#accept(claimed);
    }
  }

  /** Removes what is no submission. */
  async #isReady(path: string, stat: Stats): Promise<boolean> {
    const isAbandoned = (stat.mode & COMPLETE) === 0 && this.#options.clock() - stat.mtimeMs > ABANDONED;
    if (stat.isFile() && stat.nlink === 1 && !isAbandoned) return (stat.mode & COMPLETE) !== 0;
    this.#log.warn(
      { file: path },
      `${path}: ${isAbandoned ? 'never completed' : 'not a file of its own'}: it is removed, unless it is a folder that is not empty`,
    );
    // What is below a folder could become a link to something of ours meanwhile: only an empty one goes.
    await (stat.isDirectory() ? rmdir(path) : rm(path, { force: true })).catch(() => {});
    return false;
  }

  /** Files of a process that died, and those that could not be accepted before. */
  async #takeLeft(): Promise<void> {
    const { folders, clock } = this.#options;
    for (const name of await readdir(folders.pickup)) {
      if (this.#isClosed) return;
      const path = join(folders.pickup, name);
      if (this.#reports.has(path)) continue;
      const stat = await lstat(path).catch(() => null);
      if (stat !== null && Math.abs(clock() - stat.ctimeMs) >= LOOK_EVERY) await this.#accept(path);
    }
  }

  async #accept(path: string): Promise<void> {
    const queueId = basename(path);
    let handle: FileHandle | null = null;
    try {
      handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stat = await handle.stat();
      if (!stat.isFile() || stat.nlink !== 1) throw new Error('not a file of its own');
      if (await this.#submit({ queueId, path }, handle, stat)) await rm(path, { force: true });
    } catch (error) {
      this.#log.warn({ queueId, err: error }, `${queueId}: not accepted, stays in ${path}: ${messageOf(error)}`);
    } finally {
      await handle?.close();
    }
  }

  /** Whether the file is done with. */
  async #submit(
    { queueId, path }: { queueId: string; path: string },
    handle: FileHandle,
    { uid, size, mtimeMs: askedAt }: Stats,
  ): Promise<boolean> {
    const acceptor = this.#options.acceptor();
    const { receiver, notifier, parameters, tables } = acceptor;
    const head = await readHead(handle);
    const submission = typeof head === 'string' ? head : parseSubmission(head.line);
    if (typeof head === 'string' || typeof submission === 'string') {
      this.#log.warn({ queueId, uid }, `${queueId}: removed a file of uid=${uid} that is no message: ${submission}`);
      return true;
    }
    const refusal = await refusalOf(submission, uid, { parameters, tables });
    if (refusal !== null) {
      this.#log.warn({ queueId, uid }, `${queueId}: removed a message of uid=${uid}: ${refusal}`);
      return true;
    }
    const envelope = envelopeOf(submission, localRewriting(parameters));
    this.#log.info({ queueId, uid }, `${queueId}: uid=${uid} from=<${logAddress(parameters)(submission.sender)}>`);
    if (submission.verify) {
      const header = await readAt(handle, head.end, REPORTED);
      const lifetime = parameters.time('maximal_queue_lifetime');
      this.#reports.begin({ path, queueId, envelope, header, askedAt }, acceptor, lifetime);
      return false;
    }
    const limit = parameters.number('message_size_limit');
    const answer =
      limit > 0 && size - head.end > limit
        ? TOO_BIG
        : await receive(
            receiver,
            {
              queueId,
              envelope,
              submitter: { uid, fullName: submission.fullName },
              verp: submission.verp,
              reports: submission.reports,
            },
            handle,
            head.end,
          );
    if (isSuccess(answer)) return true;
    if (!isPermanent(answer)) return false;
    return notifier.refused({ queueId, envelope, reply: answer, original: await readAt(handle, head.end, REPORTED) });
  }
}

/**
 * Who may not submit, as the sendmail command says it: a file that was put here without the command gets no further. No
 * report is sent, for its sender is what the user claims to be.
 */
async function refusalOf({ sender }: Submission, uid: number, users: LocalUsers): Promise<string | null> {
  const name = await unauthorized('authorized_submit_users', uid, users);
  if (name !== null) return `User ${name}(${uid}) is not allowed to submit mail`;
  return (await maySendAs(sender, uid, users)) ? null : `not authorized to use sender='${sender}'`;
}

/** Octets of a refused message that go back with the report. */
const REPORTED = 50_000;

async function receive(
  receiver: Receiver,
  {
    queueId,
    envelope,
    submitter,
    verp,
    reports,
  }: {
    queueId: string;
    envelope: Envelope;
    submitter: { uid: number; fullName: string };
    verp: string;
    reports: boolean;
  },
  handle: FileHandle,
  start: number,
): Promise<Reply> {
  const intake = receiver.begin({
    connection: null,
    transaction: makeTransaction(queueId, envelope),
    envelope,
    submitter,
    verp,
    reports,
  });
  try {
    for (let at = start; ; ) {
      const octets = await readAt(handle, at, PIECE);
      if (octets.length === 0) return await intake.end();
      await intake.write(octets);
      at += octets.length;
    }
  } catch (error) {
    intake.abort();
    throw error;
  }
}

function envelopeOf({ sender, recipients, notify, ret, envid, body }: Submission, rewrite: Rewrite): Envelope {
  return {
    reversePath: rewrite(sender),
    recipients: recipients.map((recipient) => {
      const address = rewrite(recipient);
      return { address, original: address, notify, orcpt: '' };
    }),
    ret,
    envid,
    smtputf8: false,
    body,
  };
}
