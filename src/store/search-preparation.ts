/**
 * Prepares the texts for SEARCH of the messages that have none, oldest first. A message that cannot be read is passed
 * over: the others need not wait for it.
 */
import type { Id } from '../mail/account.ts';
import type { SearchText } from '../mail/message.ts';
import { MessageIndexer } from '../protocol/mime/indexer.ts';
import { searchTextOf } from '../protocol/mime/text.ts';
import type { ContentStore } from './content.ts';
import type { Store } from './store.ts';

type Source = Pick<Store, 'content' | 'mailboxes'>;

export class SearchPreparation {
  readonly #store: Source;
  readonly #onUnreadable: (error: unknown) => void;
  #unreadable: ReadonlySet<Id> = new Set();

  /** `onUnreadable` hears of each such message once. */
  constructor(store: Source, onUnreadable: (error: unknown) => void) {
    this.#store = store;
    this.#onUnreadable = onUnreadable;
  }

  /** Returns how many messages it was about; fewer than `most` if no others are left. `isOver` ends it early. */
  async next(most: number, isOver: () => boolean = () => false): Promise<number> {
    const { mailboxes } = this.#store;
    const found = await mailboxes.unprepared(most + this.#unreadable.size);
    const contents = found.filter((content) => !this.#unreadable.has(content));
    this.#unreadable = new Set(found.filter((content) => this.#unreadable.has(content)));
    for (const content of contents) {
      if (isOver()) break;
      const text = await makeSearchText(this.#store, content).catch((error: unknown) => {
        this.#unreadable = new Set([...this.#unreadable, content]);
        this.#onUnreadable(error);
      });
      if (text !== undefined) await mailboxes.putSearchText(content, text);
    }
    return contents.length;
  }
}

/** The text of a stored message, made of its octets alone. */
export async function makeSearchText(
  { content }: { readonly content: Pick<ContentStore, 'read' | 'stream'> },
  id: Id,
): Promise<SearchText> {
  const indexer = new MessageIndexer();
  for await (const chunk of content.stream(id)) indexer.write(chunk);
  return searchTextOf(indexer.end().root, (start, end) => content.read(id, start, end));
}
