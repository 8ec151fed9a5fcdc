/** Contents of both sides, read again: what is known of them, and SHA-256 of their octets. */
import { LRUCache } from 'lru-cache';
import { messageOf } from '../../errors.ts';
import type { Id } from '../../mail/account.ts';
import type { StoreSource } from '../../store/source.ts';
import { together } from '../together.ts';
import type { Comparison, Fields } from './comparison.ts';
import { digestOf } from './contents.ts';

/** Contents that are remembered as compared: most have rows close to each other. */
const KNOWN = 100_000;
/** Contents read at the same time. */
const AT_ONCE = 8;

export interface ContentPair {
  readonly place: string;
  readonly from: Id;
  readonly to: Id;
}

export class ContentComparison {
  readonly #source: StoreSource;
  readonly #target: StoreSource;
  readonly #comparison: Comparison;
  /** The source's ids, with those that they were compared with. */
  readonly #compared = new LRUCache<Id, Id>({ max: KNOWN });

  constructor(source: StoreSource, target: StoreSource, comparison: Comparison) {
    this.#source = source;
    this.#target = target;
    this.#comparison = comparison;
  }

  async compare(pairs: readonly ContentPair[]): Promise<void> {
    await together(pairs, AT_ONCE, async ({ place, from, to }) => {
      if (this.#compared.get(from) === to) return;
      this.#compared.set(from, to);
      const [here, there] = await Promise.all([fieldsOf(this.#source, from), fieldsOf(this.#target, to)]);
      this.#comparison.compare('contents', place, here, there);
    });
  }
}

async function fieldsOf(from: StoreSource, content: Id): Promise<Fields | undefined> {
  try {
    const [record = null] = await from.transfer.contentRecords([content]);
    if (record === null) return undefined;
    const { index, ...rest } = record;
    return { ...rest, ...index, sha256: await digestOf(from, content, record.size) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}
