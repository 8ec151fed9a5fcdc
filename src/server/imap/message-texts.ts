/**
 * The texts of one message that SEARCH looks at: decoded, in lower case, read on first use and cached for the remaining
 * search keys. Uses the texts prepared in idle time if there are any.
 */
import type { SearchText } from '../../mail/message.ts';
import { decodeWords } from '../../protocol/mime/encoded-word.ts';
import { type Field, parseFields, unfold } from '../../protocol/mime/header.ts';
import { headerText, searchableText } from '../../protocol/mime/text.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import type { Store } from '../../store/store.ts';
import { readHeader, sectionSpan } from './message-octets.ts';

export class MessageTexts {
  readonly #store: Pick<Store, 'content' | 'mailboxes'>;
  readonly #row: MessageRow;
  #fields: Promise<readonly Field[]> | null = null;
  #texts: Promise<Omit<SearchText, 'head'>> | null = null;

  constructor(store: Pick<Store, 'content' | 'mailboxes'>, row: MessageRow) {
    this.#store = store;
    this.#row = row;
  }

  /** The values of all fields of that name. */
  async field(name: string): Promise<readonly string[]> {
    const fields = await this.#header();
    return fields
      .filter((field) => field.name.toLowerCase() === name)
      .map(({ value }) => decodeWords(unfold(value)).toLowerCase());
  }

  /** All fields with their names, one per line. */
  async wholeHeader(): Promise<string> {
    return headerText(await this.#header()).toLowerCase();
  }

  /** The text of its parts. */
  async body(): Promise<string> {
    return (await this.#text()).body;
  }

  /** The headers of its parts. */
  async partHeaders(): Promise<string> {
    return (await this.#text()).headers;
  }

  #text(): Promise<Omit<SearchText, 'head'>> {
    this.#texts ??= this.#readTexts();
    return this.#texts;
  }

  #header(): Promise<readonly Field[]> {
    this.#fields ??= this.#readFields();
    return this.#fields;
  }

  async #readFields(): Promise<readonly Field[]> {
    const { root } = this.#row;
    const span = sectionSpan(this.#row, root, { path: [], text: 'HEADER', fields: [] });
    return span === null ? [] : parseFields(await readHeader(this.#store.content, span));
  }

  async #readTexts(): Promise<Omit<SearchText, 'head'>> {
    const prepared = await this.#store.mailboxes.searchText(this.#row.content);
    if (prepared !== null) return prepared;
    const { root, content } = this.#row;
    return root === undefined
      ? { body: '', headers: '' }
      : searchableText(root, (start, end) => this.#store.content.read(content, start, end));
  }
}
