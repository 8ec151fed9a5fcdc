/**
 * Changes that plugins make to a received message (`change` of data_post), before it is made durable.
 *
 * Fields that a change does not name keep their octets. A body is replaced as a whole, once the transformer has ended.
 */
import type { MessageChange } from '../../bus/hook.ts';
import { type Header, parseHeader, unfold } from '../../protocol/mime/header.ts';
import { headerLine } from '../../protocol/mime/header-line.ts';
import { encodeHeaderText } from '../../protocol/mime/header-text.ts';
import { LineEndFilter } from '../../protocol/mime/line-end.ts';
import { fieldName, joinHeader, splitHeader } from '../milter/header-fields.ts';
import { BodyDraft } from './body-draft.ts';
import { type MessageContent, withoutBlankLine } from './message-content.ts';

export interface MessageEditOptions {
  readonly content: MessageContent;
  readonly temporaryFolder: string;
  /** message_size_limit: octets; 0 is none. */
  readonly sizeLimit: number;
  /** Hears of the header after each change. */
  onHeader(header: Header): void;
}

const MOST_CHANGES = 1_000;

export class MessageEdit implements MessageChange {
  readonly #options: MessageEditOptions;
  readonly #fields = new Set<string>();
  #body = false;
  /** The header as it is now, once it was divided: that takes a tenth of a second where it is long. */
  #divided: ReturnType<typeof splitHeader> | null = null;
  #changes = 0;
  #isOpen = true;

  constructor(options: MessageEditOptions) {
    this.#options = options;
  }

  get changed(): MessageChange['changed'] {
    return { fields: [...this.#fields], body: this.#body };
  }

  addHeader(name: string, value: string): void {
    const field = fieldOf(name, value);
    this.#change(name, (fields) => [...fields, field]);
  }

  replaceHeader(name: string, value: string): void {
    const field = fieldOf(name, value);
    this.#change(name, (fields) => {
      const first = fields.findIndex((one) => isNamed(one, name));
      return first < 0
        ? [...fields, field]
        : fields.flatMap((one, at) => (at === first ? [field] : isNamed(one, name) ? [] : [one]));
    });
  }

  removeHeader(name: string, value?: string): number {
    const isMeant = (field: string): boolean =>
      isNamed(field, name) && (value === undefined || textOf(field) === value);
    let count = 0;
    this.#change(name, (fields) =>
      fields.filter((field) => {
        const goes = isMeant(field);
        if (goes) count += 1;
        return !goes;
      }),
    );
    return count;
  }

  renameHeader(name: string, to: string): number {
    fieldOf(to, '');
    this.#fields.add(to.toLowerCase());
    return this.#change(name, (fields) =>
      fields.map((one) => (isNamed(one, name) ? `${to}${one.slice(one.indexOf(':'))}` : one)),
    );
  }

  async replaceBody(transform: Parameters<MessageChange['replaceBody']>[0]): Promise<void> {
    const { content, temporaryFolder, sizeLimit } = this.#options;
    this.#mayChange();
    if (!content.isHeaderWhole) throw new Error('the header is longer than 1 MiB: its end is kept with the body');
    const changes = this.#changes;
    const { fields, end } = this.#split();
    const draft = new BodyDraft(temporaryFolder);
    const lines = new LineEndFilter({ strayCr: 'keep', endLastLine: true });
    try {
      for await (const piece of transform(withoutBlankLine(content.body(), end !== ''))) {
        await draft.write(lines.push(typeof piece === 'string' ? Buffer.from(piece) : piece));
        if (sizeLimit > 0 && draft.size > sizeLimit)
          throw new Error(`the new body is longer than message_size_limit (${sizeLimit})`);
      }
      await draft.write(lines.end());
      // Another plugin may have been asked meanwhile, or the message been kept.
      if (!this.#isOpen || this.#changes !== changes) throw new Error('the message was changed or kept meanwhile');
      this.#changes += 1;
      this.#body = true;
      this.#divided = { fields, end: '' };
      await content.changeBlock(
        once(() => joinHeader(fields, '')),
        draft.read(),
      );
    } finally {
      await draft.close();
    }
  }

  /** The handler failed, or had no more time: a body in the making is not used. */
  abandon(): void {
    this.#changes += 1;
  }

  /** Later changes throw in the plugin. */
  close(): void {
    this.#isOpen = false;
  }

  /** Returns how many fields had that name. */
  #change(name: string, change: (fields: readonly string[]) => readonly string[]): number {
    this.#mayChange();
    const { fields, end } = this.#split();
    let count = 0;
    for (const field of fields) if (isNamed(field, name)) count += 1;
    const changed = change(fields);
    const block = once(() => joinHeader(changed, end));
    this.#divided = { fields: changed, end };
    this.#changes += 1;
    this.#fields.add(name.toLowerCase());
    void this.#options.content.changeBlock(block, null);
    this.#options.onHeader(laterHeader(once(() => parseHeader(block()))));
    return count;
  }

  #mayChange(): void {
    if (!this.#isOpen) throw new Error('the message can be changed only until the handler of data_post has answered');
    if (this.#changes >= MOST_CHANGES) throw new Error(`more than ${MOST_CHANGES} changes of one message`);
  }

  /** `end`: what stays behind the fields; of a header that is not whole its last field, which may go on in the body. */
  #split(): ReturnType<typeof splitHeader> {
    const { content } = this.#options;
    if (this.#divided !== null) return this.#divided;
    const block = Buffer.concat(content.headerBlock());
    const { fields, end } = splitHeader(block);
    if (content.isHeaderWhole || end !== '') return { fields, end };
    const known = fields.slice(0, -1);
    return { fields: known, end: block.toString('latin1', joinHeader(known, '').length) };
  }
}

/** What nobody asks for is not made: a header may be long, and changed often. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

const laterHeader = (read: () => Header): Header => ({
  get fields() {
    return read().fields;
  },
  get: (name) => read().get(name),
  all: (name) => read().all(name),
});

const COLON = 58;
const SPACE = 32;
const TAB = 9;
/** A field that goes on otherwise behind as many characters as the name has need not be looked at further. */
function isNamed(field: string, name: string): boolean {
  const next = field.charCodeAt(name.length);
  return (next === COLON || next === SPACE || next === TAB) && fieldName(field) === name.toLowerCase();
}

/** As a plugin sees it. */
const textOf = (field: string): string | null =>
  parseHeader(Buffer.from(field, 'latin1')).fields.map(({ value }) => unfold(value))[0] ?? null;

/** Octets as latin1. Throws an Error that says what is wrong. */
function fieldOf(name: string, value: string): string {
  const read = headerLine(`${name}: ${value}`);
  if ('fault' in read || !/^[!-9;-~]+$/.test(name))
    throw new Error(`not a header field: ${'fault' in read ? read.fault : JSON.stringify(name.slice(0, 60))}`);
  return encodeHeaderText(read.line).toString('latin1');
}
