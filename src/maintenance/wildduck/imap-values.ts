/**
 * ENVELOPE and BODYSTRUCTURE as values, which WildDuck keeps and writes as IMAP itself
 * (imap-core/lib/indexer/create-envelope.js, body-structure.js): lists, numbers, null for NIL, and strings; text beyond
 * US-ASCII is octets in UTF-8, which it encodes where the client needs that.
 */
import { decodeWords } from '../../protocol/mime/encoded-word.ts';

export type ImapValue = null | number | string | Buffer | readonly ImapValue[];

/** Of one list as protocol/mime/ writes it; each character is an octet. */
export function imapValues(text: string): readonly ImapValue[] {
  const stack: ImapValue[][] = [[]];
  const token = /([()])|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|NIL|(\d+)/gs;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [, bracket, quoted, length, number] = match;
    if (bracket === '(') stack.push([]);
    else if (bracket === ')') {
      const list = stack.pop() ?? [];
      stack.at(-1)?.push(list);
    } else if (length !== undefined) {
      const end = token.lastIndex + Number(length);
      stack.at(-1)?.push(text.slice(token.lastIndex, end));
      token.lastIndex = end;
    } else if (quoted !== undefined) stack.at(-1)?.push(quoted.replace(/\\(.)/gs, '$1'));
    else stack.at(-1)?.push(number === undefined ? null : Number(number));
  }
  const list = stack[0]?.[0];
  return Array.isArray(list) ? list : [];
}

/** Decodes what a person reads: the subject, and names and addresses. */
export const envelopeValues = (text: string): readonly ImapValue[] =>
  imapValues(text).map((value, i) =>
    Array.isArray(value)
      ? value.map((address) => (Array.isArray(address) ? address.map(decoded) : address))
      : i === SUBJECT
        ? decoded(value ?? '')
        : value,
  );

/** Its place in an ENVELOPE. */
const SUBJECT = 1;

const decoded = (value: ImapValue): ImapValue =>
  typeof value === 'string' && value !== '' ? Buffer.from(decodeWords(value)) : value;
