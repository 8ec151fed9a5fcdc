/** What a test can see of its server: the mailboxes, the queue and the log. */

import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Header, parseHeader } from '../protocol/mime/header.ts';
import { wholeMessage } from '../store/message-octets.ts';
import type { Store } from '../store/store.ts';

export interface StoredMessage {
  readonly uid: number;
  readonly flags: readonly string[];
  /** As it is stored, as UTF-8, with CRLF. */
  readonly text: string;
  readonly header: Header;
}

export interface WaitingMessage {
  readonly queueId: string;
  readonly sender: string;
  readonly recipient: string;
  readonly state: 'incoming' | 'deferred' | 'hold';
  readonly text: string;
}

/** A line of the log; the fields beside `msg` depend on the line. */
export interface LogEntry {
  readonly msg: string;
  readonly level: string;
  readonly plugin?: string;
  readonly [field: string]: unknown;
}

/** RFC 9051 section 2.3.1.1: 32 bits. */
const LAST_UID = 0xffff_ffff;
const LOG_PATIENCE_MS = 5_000;
const LOOK_EVERY_MS = 20;

export class TestView {
  readonly #store: Store;
  readonly #logFile: string;

  constructor(store: Store, logFile: string) {
    this.#store = store;
    this.#logFile = logFile;
  }

  async messages(address: string, name: string): Promise<readonly StoredMessage[]> {
    const { directory, mailboxes } = this.#store;
    const account = await directory.find(address);
    if (account === null) throw new Error(`there is no account ${address}; name it in "accounts" of startTestServer`);
    const mailbox = await mailboxes.find(account.id, name);
    if (mailbox === null) return [];
    const found: StoredMessage[] = [];
    for await (const rows of mailboxes.rows(mailbox.id, [[1, LAST_UID]], {}))
      for (const row of rows) {
        const { uid, flags } = row;
        const octets = await wholeMessage(this.#store.content, row);
        found.push({ uid, flags, text: octets.toString('utf8'), header: parseHeader(octets) });
      }
    return found;
  }

  async queued(): Promise<readonly WaitingMessage[]> {
    const found: WaitingMessage[] = [];
    for await (const items of this.#store.queue.list())
      for (const { queueId, reversePath: sender, recipient, state, content } of items) {
        const text = await wholeMessage(this.#store.content, { prefix: '', content }).catch(async (error: unknown) => {
          if (await this.#isWaiting(queueId)) throw error;
          return null;
        });
        if (text !== null) found.push({ queueId, sender, recipient, state, text: text.toString('utf8') });
      }
    return found;
  }

  /** It may leave the queue while it is read. */
  async #isWaiting(queueId: string): Promise<boolean> {
    for await (const items of this.#store.queue.list()) if (items.some((item) => item.queueId === queueId)) return true;
    return false;
  }

  async logged(message: RegExp): Promise<LogEntry> {
    const end = performance.now() + LOG_PATIENCE_MS;
    for (;;) {
      const lines = readFileSync(this.#logFile, 'utf8').split('\n').slice(0, -1);
      const found = lines.map((line) => JSON.parse(line) as LogEntry).find(({ msg }) => message.test(msg));
      if (found !== undefined) return found;
      if (performance.now() > end)
        throw new Error(`no line of the log matches ${String(message)}; its last ones:\n${lines.slice(-5).join('\n')}`);
      await delay(LOOK_EVERY_MS);
    }
  }
}
