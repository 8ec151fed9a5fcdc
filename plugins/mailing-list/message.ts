/** A message as octets: its fields, each as it stands there (latin1), and its body. */
import { isGroup, parseAddressList } from '../../src/protocol/mime/address-list.ts';
import { unfold } from '../../src/protocol/mime/header.ts';

export interface Message {
  /** `Name: value`, folded with CRLF, without the last line end. */
  readonly fields: readonly string[];
  readonly body: Buffer;
}

const BLANK = Buffer.from('\r\n\r\n');

/** `octets` has CRLF line ends. */
export function split(octets: Buffer): Message {
  const end = octets.indexOf(BLANK);
  const head = (end < 0 ? octets : octets.subarray(0, end)).toString('latin1');
  return {
    fields: head.split(/\r\n(?![ \t])/).filter((field) => field.includes(':')),
    body: end < 0 ? Buffer.alloc(0) : octets.subarray(end + BLANK.length),
  };
}

export const join = (fields: readonly string[], body: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${fields.join('\r\n')}\r\n\r\n`, 'latin1'), body]);

export const nameOf = (field: string): string => field.slice(0, field.indexOf(':')).trim().toLowerCase();

const textOf = (field: string): string => field.slice(field.indexOf(':') + 1);

/** The values of all fields of that name, unfolded and trimmed. */
export const all = ({ fields }: Message, name: string): readonly string[] =>
  fields.filter((field) => nameOf(field) === name).map((field) => unfold(textOf(field)).trim());

export const first = (message: Message, name: string): string | null => all(message, name)[0] ?? null;

export interface Author {
  readonly address: string;
  /** As it stands in the field; '' for none. */
  readonly name: string;
}

/** The one author; null if there is none, or if there are several. */
export function authorOf(message: Message): Author | null {
  const values = all(message, 'from');
  const [one, ...more] = parseAddressList(values[0] ?? '');
  if (values.length !== 1 || one === undefined || more.length > 0 || isGroup(one)) return null;
  const address = `${one.local}@${one.domain}`;
  return /^[^\s<>@\0]{1,64}@[^\s<>@\0]{1,255}$/.test(address) ? { address, name: one.name ?? '' } : null;
}

/** RFC 3834: sent by a program; nobody may answer it, and no list distributes it. */
export function isAutomatic(message: Message, reversePath: string): boolean {
  const marked = first(message, 'auto-submitted');
  const isMarked = marked !== null && !/^no\b/i.test(marked);
  return reversePath === '' || isMarked || /^(?:junk|auto_reply)$/i.test(first(message, 'precedence') ?? '');
}
