/**
 * Which header fields a signature covers (RFC 6376 section 5.4), in the relaxed canonicalization (section 3.4.2).
 *
 * Every instance of a field is covered. `once`: named once more than it is there, so that nobody can add another one
 * above it, which readers would see in its place (sections 5.4.2 and 8.15). Fields that lists and forwarders add are
 * covered only where they are there.
 */
import type { Field } from '../mime/header.ts';

const COVERED: Readonly<Record<string, 'once' | 'present'>> = {
  from: 'once',
  to: 'once',
  cc: 'once',
  subject: 'once',
  date: 'once',
  'message-id': 'once',
  'reply-to': 'once',
  'mime-version': 'once',
  'content-type': 'once',
  'content-transfer-encoding': 'once',
  sender: 'present',
  'in-reply-to': 'present',
  references: 'present',
  'content-id': 'present',
  'content-description': 'present',
  'content-disposition': 'present',
  'resent-date': 'present',
  'resent-from': 'present',
  'resent-sender': 'present',
  'resent-to': 'present',
  'resent-cc': 'present',
  'resent-message-id': 'present',
  'list-id': 'present',
  'list-help': 'present',
  'list-unsubscribe': 'present',
  'list-unsubscribe-post': 'present',
  'list-subscribe': 'present',
  'list-post': 'present',
  'list-owner': 'present',
  'list-archive': 'present',
};

/** A message with more is odd, and its signature would be longer than servers take. */
const MOST_COVERED = 200;

/** A message that no signature can cover; the message says why. */
export class UnsignableError extends Error {
  override readonly name = 'UnsignableError';
}

export interface SignedFields {
  /** The value of `h`, in its order. */
  readonly names: readonly string[];
  /** What is hashed before the signature's own field; octets as latin1. */
  readonly text: string;
}

/** `fields`: the whole header, octets as latin1. Throws UnsignableError. */
export function signedFields(fields: readonly Field[]): SignedFields {
  const byName = Map.groupBy(fields, ({ name }) => name.toLowerCase());
  const senders = byName.get('from')?.length ?? 0;
  if (senders !== 1)
    throw new UnsignableError(senders === 0 ? 'it has no From field' : `it has ${senders} From fields`);
  const names: string[] = [];
  const lines: string[] = [];
  for (const [name, how] of Object.entries(COVERED)) {
    // From the last one up (section 5.4.2).
    for (const field of byName.get(name)?.toReversed() ?? []) {
      names.push(name);
      lines.push(relaxedField(field));
    }
    if (how === 'once') names.push(name);
  }
  if (names.length > MOST_COVERED)
    throw new UnsignableError(`more than ${MOST_COVERED} of its header fields are to be signed`);
  return { names, text: lines.join('') };
}

export const relaxedField = ({ name, value }: Field): string => `${name.toLowerCase()}:${relaxedValue(value)}\r\n`;

const relaxedValue = (value: string): string =>
  value
    .replaceAll('\r\n', '')
    .replace(/[ \t]+/g, ' ')
    .replace(/^ | $/g, '');
