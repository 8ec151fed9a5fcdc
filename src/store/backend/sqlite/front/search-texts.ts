/**
 * The texts for SEARCH, of which the reader has a file that can be made again at any time: a damaged one is deleted
 * when that is noticed, and filled again in idle time like a new one.
 */

import type { Log } from '../../../../log.ts';
import type { Id } from '../../../../mail/account.ts';
import type { SearchText } from '../../../../mail/message.ts';
import type { SearchProgress, TextKey } from '../../../mailboxes.ts';
import type { PackedChange, Read, ReaderCalls } from '../calls.ts';
import { DamagedError } from '../failure.ts';

export class SearchTexts {
  readonly #read: Read;
  readonly #log: Log;
  /**
   * Something may be left to prepare. Once nothing is, the reader is called again only after a message was added or
   * removed, so that an idle server lets the reader stop.
   */
  #stale = true;

  constructor(read: Read, log: Log) {
    this.#read = read;
    this.#log = log;
  }

  hear(changes: readonly PackedChange[]): void {
    if (changes.some(({ kind }) => kind !== 'flags')) this.#stale = true;
  }

  of(content: Id): Promise<SearchText | null> {
    return this.#ask('searchText', { content: Number(content) });
  }

  async put(content: Id, text: SearchText): Promise<void> {
    await this.#ask('putSearchText', { content: Number(content), text });
  }

  /** In any order; the reader has them in ascending order and may answer for some of them at a time. */
  async decide(contents: readonly Id[], key: TextKey): Promise<Uint8Array> {
    const asked = new Float64Array(contents.length);
    let isAscending = true;
    for (let i = 0; i < asked.length; i += 1) {
      asked[i] = Number(contents[i]);
      isAscending &&= i === 0 || (asked[i] ?? 0) >= (asked[i - 1] ?? 0);
    }
    const sorted = isAscending ? asked : asked.toSorted();
    const verdicts = new Uint8Array(sorted.length);
    for (let at = 0; at < sorted.length; ) {
      const some = await this.#ask('searchContents', { contents: sorted.slice(at), key });
      verdicts.set(some, at);
      at += some.length;
    }
    if (sorted === asked) return verdicts;
    const known = new Map(Array.from(sorted, (content, index) => [content, verdicts[index] ?? 0]));
    return Uint8Array.from(asked, (content) => known.get(content) ?? 0);
  }

  async unprepared(limit: number): Promise<readonly number[]> {
    if (!this.#stale) return [];
    // Set before the call: changes made while the reader looks are found the next time.
    this.#stale = false;
    try {
      const { contents, more } = await this.#ask('unpreparedSearch', { limit });
      this.#stale ||= more;
      return contents;
    } catch (error) {
      this.#stale = true;
      throw error;
    }
  }

  async progress(): Promise<SearchProgress> {
    let total: SearchProgress = { messages: 0, prepared: 0, indexed: 0, octets: 0 };
    for (let after: number | null = 0; after !== null; ) {
      const { next, ...section }: ReaderCalls['searchProgress']['result'] = await this.#ask('searchProgress', {
        after,
      });
      total = {
        messages: total.messages + section.messages,
        prepared: total.prepared + section.prepared,
        indexed: total.indexed + section.indexed,
        octets: section.octets,
      };
      after = next;
    }
    return total;
  }

  async discard(): Promise<void> {
    await this.#read('discardSearch', null);
    this.#stale = true;
  }

  /** If it was the store itself that is damaged, the second call fails like the first. */
  async #ask<Name extends keyof ReaderCalls>(
    name: Name,
    args: ReaderCalls[Name]['args'],
  ): Promise<ReaderCalls[Name]['result']> {
    try {
      return await this.#read(name, args);
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      this.#log.warn({ err: error }, `search.sqlite is damaged and is made again in idle time: ${error.message}`);
      await this.discard();
      return this.#read(name, args);
    }
  }
}
