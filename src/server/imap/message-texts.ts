/**
 * The texts of one message that SEARCH looks into: decoded, in lower case, read when first asked for
 * and kept for the keys after. What was prepared in idle time is taken from there.
 */
import type { Part } from '../../mail/message.ts';
import { decodeCharset } from '../../protocol/mime/charset.ts';
import { decodeWords } from '../../protocol/mime/encoded-word.ts';
import { type Field, parseFields, unfold } from '../../protocol/mime/header.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import type { Store } from '../../store/store.ts';
import { readHeader, sectionSpan } from './message-octets.ts';

/** Octets of one part, and of all parts of a message, that are looked into. */
const MAX_PART = 8 * 1024 * 1024;
const MAX_MESSAGE = 16 * 1024 * 1024;

export class MessageTexts {
  readonly #store: Pick<Store, 'content' | 'mailboxes'>;
  readonly #row: MessageRow;
  #fields: Promise<readonly Field[]> | null = null;
  #body: Promise<string> | null = null;

  constructor(store: Pick<Store, 'content' | 'mailboxes'>, row: MessageRow) {
    this.#store = store;
    this.#row = row;
  }

  /** The values of all fields of that name. */
  async field(name: string): Promise<readonly string[]> {
    const fields = await this.#header();
    return fields.filter((field) => field.name.toLowerCase() === name).map(({ value }) => decodeWords(unfold(value)).toLowerCase());
  }

  /** All fields with their names, one a line. */
  async wholeHeader(): Promise<string> {
    return headerText(await this.#header());
  }

  body(): Promise<string> {
    this.#body ??= this.#readBody();
    return this.#body;
  }

  #header(): Promise<readonly Field[]> {
    this.#fields ??= this.#readFields();
    return this.#fields;
  }

  async #readFields(): Promise<readonly Field[]> {
    const { root } = this.#row;
    const span = root === undefined ? null : sectionSpan(this.#row, root, { path: [], text: 'HEADER', fields: [] });
    return span === null ? [] : parseFields(await readHeader(this.#store.content, span));
  }

  async #readBody(): Promise<string> {
    const prepared = await this.#store.mailboxes.searchText(this.#row.content);
    if (prepared !== null) return prepared;
    const texts: string[] = [];
    let left = MAX_MESSAGE;
    for (const { start, end, decode } of this.#row.root === undefined ? [] : textRanges(this.#row.root)) {
      const length = Math.min(end - start, MAX_PART, left);
      if (length <= 0) continue;
      left -= length;
      const chunks: Buffer[] = [];
      for await (const chunk of this.#store.content.stream(this.#row.content, start, start + length)) chunks.push(chunk);
      texts.push(decode(Buffer.concat(chunks)).toLowerCase());
    }
    return texts.join('\n');
  }
}

const headerText = (fields: readonly Field[]): string =>
  fields
    .map(({ name, value }) => `${name}: ${decodeWords(unfold(value))}`)
    .join('\n')
    .toLowerCase();

interface TextRange {
  readonly start: number;
  readonly end: number;
  readonly decode: (octets: Buffer) => string;
}

/** Texts, and the headers of enclosed messages. */
function* textRanges(part: Part): IterableIterator<TextRange> {
  if (part.type === 'text') yield { start: part.bodyStart, end: part.bodyEnd, decode: (octets) => decodeText(part, octets) };
  for (const child of part.parts) {
    if (part.type === 'message') {
      yield { start: child.headerStart, end: child.bodyStart, decode: (octets) => headerText(parseFields(octets.toString('latin1'))) };
    }
    yield* textRanges(child);
  }
}

function decodeText(part: Part, octets: Buffer): string {
  const charset = part.parameters.find(([name]) => name === 'charset')?.[1] ?? '';
  const text = decodeCharset(decodeTransfer(part.encoding, octets), charset);
  return part.subtype === 'html' ? stripTags(text) : text;
}

function decodeTransfer(encoding: string, octets: Buffer): Buffer {
  if (encoding === 'base64') return Buffer.from(octets.toString('latin1'), 'base64');
  if (encoding !== 'quoted-printable') return octets;
  const text = octets
    .toString('latin1')
    .replace(/=[ \t]*\r?\n/g, '')
    .replace(/=([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, 'latin1');
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ' };

/** Markup goes, so that a word is found and a tag's name is not. */
function stripTags(html: string): string {
  return html
    .replace(/<[^<>]{0,4000}>/g, ' ')
    .replace(/&(amp|lt|gt|quot|nbsp);/g, (all, name: string) => ENTITIES[name] ?? all)
    .replace(/&#(\d{1,7});/g, (all, code: string) => (Number(code) <= 0x10ffff ? String.fromCodePoint(Number(code)) : all));
}
