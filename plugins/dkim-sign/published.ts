/**
 * The records of our keys, answered by our own name server where a zone of ours has no such name: what is written in a
 * zone file wins. A signed zone is left alone, because an answer without a signature would be bogus there.
 */
import { readdir } from 'node:fs/promises';
import type { Clock } from '../../src/bus/plugin.ts';
import { KeyFolder } from '../../src/lookup/dkim/key-folder.ts';
import { isHostName } from '../../src/mail/host-name.ts';
import { keyRecord } from '../../src/protocol/dkim/key.ts';
import { characterStrings } from '../../src/protocol/dkim/record-text.ts';

const TTL = 3600;
/** Whoever asks for what is not there must not make us read the disk each time, ms. */
const READ_EVERY = 1_000;
const MOST_REMEMBERED = 10_000;

interface Read<T> {
  readonly at: number;
  readonly value: Promise<T>;
}

/** Lines of a master file; null: it is no name of ours. Empty: the name is there, without records of that type. */
export type Found = readonly string[] | null;

export class PublishedKeys {
  readonly #folder: string;
  readonly #keys: KeyFolder;
  readonly #clock: Clock;
  #domains: Read<ReadonlySet<string>> | null = null;
  readonly #records = new Map<string, Read<ReadonlyMap<string, string>>>();

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#keys = new KeyFolder(folder);
    this.#clock = clock;
  }

  /** `name` as asked, with its final dot. */
  async find(name: string, type: string): Promise<Found> {
    const [, selector, domain = ''] = /^(?:([^.]{1,63})\.)?_domainkey\.(.{1,253})\.$/.exec(name.toLowerCase()) ?? [];
    if (!isHostName(domain) || !(await this.#hasKeys(domain))) return null;
    const records = await this.#recordsOf(domain, selector);
    // The name between: a resolver that hears that it does not exist asks for nothing below it (RFC 8020).
    if (selector === undefined) return records.size === 0 ? null : [];
    const record = records.get(selector);
    if (record === undefined) return null;
    return type === 'TXT' ? [`@ ${TTL} TXT ${characterStrings(record)}`] : [];
  }

  /** A key was made. */
  forget(): void {
    this.#domains = null;
    this.#records.clear();
  }

  async #hasKeys(domain: string): Promise<boolean> {
    if ((await this.#domains?.value)?.has(domain) === true) return true;
    if (this.#domains === null || this.#isOld(this.#domains)) {
      const value = readdir(this.#folder).then(
        (names) => new Set(names),
        () => new Set<string>(),
      );
      this.#domains = { at: this.#clock(), value };
    }
    return (await this.#domains.value).has(domain);
  }

  async #recordsOf(domain: string, selector: string | undefined): Promise<ReadonlyMap<string, string>> {
    const known = this.#records.get(domain);
    const records = await known?.value;
    if (known !== undefined && records !== undefined)
      if (selector === undefined || records.has(selector) || !this.#isOld(known)) return records;
    if (this.#records.size >= MOST_REMEMBERED) this.#records.clear();
    const value = this.#keys
      .all(domain)
      .then((keys) => new Map(keys.map(({ selector: one, key }) => [one, keyRecord(key)])));
    this.#records.set(domain, { at: this.#clock(), value });
    value.catch(() => this.#records.delete(domain));
    return value;
  }

  #isOld({ at }: Read<unknown>): boolean {
    return Math.abs(this.#clock() - at) >= READ_EVERY;
  }
}
