/** The header of a message while milters change it: its fields in order, the first of which is our own. Octets as latin1. */
import { cutField } from '../checks/content-filter.ts';

const BLANK_LINE = '\r\n';

interface Field {
  /** In lower case. */
  readonly name: string;
  /** With CRLF between its lines, without the last one. */
  readonly text: string;
}

export class HeaderFields {
  readonly #fields: Field[];
  /** The blank line, if it is a part of what was given. */
  readonly #end: string;

  constructor(head: Buffer) {
    const { fields, end } = splitHeader(head);
    this.#end = end;
    this.#fields = fields.map(fieldOf);
  }

  /** The blank line belongs to it. */
  get hasEnd(): boolean {
    return this.#end !== '';
  }

  /** Name and value of each field that a milter sees: not our own first one. The value begins behind the colon. */
  *seen(): Generator<{ readonly name: string; readonly value: string }> {
    for (const { text } of this.#fields.slice(1)) {
      const colon = text.indexOf(':');
      if (colon > 0)
        yield { name: text.slice(0, colon).trimEnd(), value: text.slice(colon + 1).replaceAll('\r\n', '\n') };
    }
  }

  add(text: string): void {
    this.#fields.push(fieldOf(text));
  }

  /** `index` counts all fields, also our own, from 0. */
  insert(index: number, text: string): void {
    this.#fields.splice(index, 0, fieldOf(text));
  }

  /** The `index`th field of this name, from 1, that a milter sees. Added at the end where there is none. */
  change(index: number, name: string, text: string): void {
    const at = this.#find(index, name);
    if (at < 0) this.add(text);
    else this.#fields[at] = fieldOf(text);
  }

  delete(index: number, name: string): void {
    const at = this.#find(index, name);
    if (at >= 0) this.#fields.splice(at, 1);
  }

  #find(index: number, name: string): number {
    const wanted = name.toLowerCase();
    let left = Math.max(index, 1);
    for (let at = 1; at < this.#fields.length; at += 1) {
      if (this.#fields[at]?.name !== wanted) continue;
      left -= 1;
      if (left === 0) return at;
    }
    return -1;
  }

  /** `withEnd`: with the blank line that was given, if one was. */
  toBuffer(withEnd: boolean): Buffer {
    return joinHeader(
      this.#fields.map(({ text }) => text),
      withEnd ? this.#end : '',
    );
  }
}

/** Each field with CRLF between its lines, without the last one; `end`: the blank line, or '' if it has none. */
export function splitHeader(head: Buffer): { readonly fields: readonly string[]; readonly end: string } {
  const text = head.toString('latin1');
  const end = text.endsWith(`\r\n${BLANK_LINE}`) || text === BLANK_LINE ? BLANK_LINE : '';
  const block = text.slice(0, text.length - end.length).replace(/\r\n$/, '');
  return { fields: block === '' ? [] : block.split(/\r\n(?![ \t])/), end };
}

export const joinHeader = (fields: readonly string[], end: string): Buffer =>
  Buffer.from(fields.map((field) => `${field}\r\n`).join('') + end, 'latin1');

/** In lower case. */
export const fieldName = (field: string): string =>
  field
    .slice(0, Math.max(0, field.indexOf(':')))
    .trimEnd()
    .toLowerCase();

const fieldOf = (text: string): Field => ({ name: fieldName(text), text });

/** A field of a milter: lines that would begin another field, or the body, continue this one. */
export function fieldText(name: string, value: string, hasLeadingSpace: boolean, limit: number): string {
  const lines = value.split(/\r?\n/).filter((line, i) => i === 0 || line.trim() !== '');
  const text = [lines[0] ?? '', ...lines.slice(1).map((line) => (/^[ \t]/.test(line) ? line : `\t${line}`))].join('\n');
  return cutField(`${name}:${hasLeadingSpace ? '' : ' '}${text.replaceAll('\r', ' ')}`, limit).replaceAll('\n', '\r\n');
}
