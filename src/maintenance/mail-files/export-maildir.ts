/**
 * An account as a Maildir++ with Dovecot's own files beside the mail: UIDs and UIDVALIDITY, keywords, subscriptions. What
 * is written is on the disk when this resolves; nothing that was there is replaced.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SYSTEM_FLAGS } from '../../mail/mailbox.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import { messageOctets } from '../../store/message-octets.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { type ExportedMail, type ExportJob, isGone, rowsOf } from './export-source.ts';
import { maildirNames } from './maildir-names.ts';
import { LETTERS } from './uidlist.ts';

/** Messages that are written at the same time: each waits for the disk. */
const AT_ONCE = 16;
/** `a` to `z`. */
const KEYWORDS = 26;

/** `folder` exists and is empty. */
export async function exportMaildir(job: ExportJob, folder: string): Promise<ExportedMail> {
  if ((await readdir(folder)).length > 0) throw new Error(`${folder} is not empty; name a new folder`);
  const mailboxes = await job.source.transfer.mailboxRecords(job.account);
  const names = maildirNames(mailboxes.map(({ name }) => name));
  const total = { mailboxes: 0, messages: 0, octets: 0 };
  // The Maildir itself is needed, also where an account has lost its INBOX.
  await makeParts(folder);
  for (const mailbox of mailboxes) {
    const name = names.get(mailbox.name);
    if (name === undefined) continue;
    if (name.isChanged)
      job.onNote(`"${mailbox.name}" is the folder "${name.folder}": other names are not possible in a Maildir`);
    const path = join(folder, name.folder);
    if (name.folder !== '') {
      await mkdir(path, { mode: 0o700 });
      await makeParts(path);
      await writeNew(join(path, 'maildirfolder'), '');
    }
    const written = await new MailboxWriter(job, mailbox, path).write();
    total.mailboxes += 1;
    total.messages += written.messages;
    total.octets += written.octets;
  }
  const subscribed = (await job.source.mailboxes.subscriptions(job.account)).flatMap((name) => names.get(name) ?? []);
  const lines = subscribed.map(({ levels }) => `${levels.join('\t')}\n`);
  await writeNew(join(folder, 'subscriptions'), `V\t2\n\n${lines.join('')}`);
  await sync(folder);
  return total;
}

const PARTS = ['cur', 'new', 'tmp'];

async function makeParts(folder: string): Promise<void> {
  for (const part of PARTS) await mkdir(join(folder, part), { mode: 0o700 });
}

class MailboxWriter {
  readonly #job: ExportJob;
  readonly #mailbox: StoredMailbox;
  readonly #path: string;
  /** Their letters are in this order. */
  readonly #keywords: string[] = [];
  readonly #left = new Set<string>();
  readonly #uids: string[] = [];
  #uidNext: number;
  #octets = 0;

  constructor(job: ExportJob, mailbox: StoredMailbox, path: string) {
    this.#job = job;
    this.#mailbox = mailbox;
    this.#path = path;
    this.#uidNext = mailbox.uidNext;
  }

  async write(): Promise<{ readonly messages: number; readonly octets: number }> {
    let some: MessageRow[] = [];
    for await (const row of rowsOf(this.#job, this.#mailbox)) {
      some.push(row);
      if (some.length < AT_ONCE) continue;
      await this.#writeSome(some);
      some = [];
    }
    await this.#writeSome(some);
    if (this.#left.size > 0)
      this.#job.onNote(
        `${this.#mailbox.name}: a Maildir has ${KEYWORDS} keywords; left out: ${[...this.#left].slice(0, 10).join(' ')}${this.#left.size > 10 ? ' …' : ''}`,
      );
    const keywords = this.#keywords.map((keyword, index) => `${index} ${keyword}\n`).join('');
    if (keywords !== '') await writeNew(join(this.#path, 'dovecot-keywords'), keywords);
    const { uidValidity } = this.#mailbox;
    const header = `3 V${uidValidity} N${this.#uidNext} G${randomBytes(16).toString('hex')}\n`;
    await writeNew(join(this.#path, 'dovecot-uidlist'), header + this.#uids.join(''));
    for (const part of [...PARTS.map((name) => join(this.#path, name)), this.#path]) await sync(part);
    return { messages: this.#uids.length, octets: this.#octets };
  }

  async #writeSome(rows: readonly MessageRow[]): Promise<void> {
    // In the order of UIDs, however long each takes.
    const names = rows.map((row) => ({ row, base: this.#baseName(row), letters: this.#letters(row) }));
    const written = await Promise.all(
      names.map(async ({ row, base, letters }) =>
        (await this.#writeMessage(row, `${base}:2,${letters}`)) ? row : null,
      ),
    );
    for (const [index, row] of written.entries()) {
      this.#job.onMessage();
      if (row === null) continue;
      this.#uids.push(`${row.uid} :${names[index]?.base}\n`);
      this.#uidNext = Math.max(this.#uidNext, row.uid + 1);
      this.#octets += row.size;
    }
  }

  /** Unique in the folder, and the same at each export. */
  #baseName({ uid, internalDate, size }: MessageRow): string {
    return `${Math.floor(internalDate / 1000)}.V${this.#mailbox.uidValidity}U${uid}.posthorn,S=${size}`;
  }

  #letters({ flags }: MessageRow): string {
    const letters = flags.map((flag) =>
      (SYSTEM_FLAGS as readonly string[]).includes(flag)
        ? (Object.entries(LETTERS).find(([, known]) => known === flag)?.[0] ?? '')
        : this.#keywordLetter(flag),
    );
    return letters.sort().join('');
  }

  #keywordLetter(keyword: string): string {
    let index = this.#keywords.indexOf(keyword);
    if (index < 0 && this.#keywords.length < KEYWORDS) index = this.#keywords.push(keyword) - 1;
    if (index < 0) this.#left.add(keyword);
    return index < 0 ? '' : String.fromCharCode(97 + index);
  }

  /** False: it was expunged meanwhile. */
  async #writeMessage(row: MessageRow, name: string): Promise<boolean> {
    const temporary = join(this.#path, 'tmp', name);
    const handle = await open(temporary, 'wx', 0o600);
    try {
      for await (const piece of messageOctets(this.#job.source.content, row)) await handle.appendFile(piece);
      await handle.utimes(row.internalDate / 1000, row.internalDate / 1000);
      await handle.sync();
    } catch (error) {
      await rm(temporary, { force: true });
      if (await isGone(this.#job, this.#mailbox, row.uid)) return false;
      throw error;
    } finally {
      await handle.close();
    }
    await rename(temporary, join(this.#path, 'cur', name));
    return true;
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
