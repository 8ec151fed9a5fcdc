/**
 * ENVELOPE (RFC 9051 section 2.3.5 and 7.5.2), prepared when a message arrives.
 *
 * As in Dovecot: several From (To …) fields count as one list; of Date, Subject, In-Reply-To and
 * Message-ID the last counts; Sender and Reply-To without an address default to From; an empty address
 * list is NIL; a missing half of an address gets a placeholder, because NIL there marks a group.
 */
import { type AddressListEntry, isGroup, type Mailbox, parseAddressList } from './address-list.ts';
import { type Field, unfold } from './header.ts';
import { imapNString, imapPhrase, imapString } from './imap-string.ts';

/** The fields used for ENVELOPE and SEARCH, unfolded, in latin1. */
export interface EnvelopeFields {
  readonly date: string | null;
  readonly subject: string | null;
  readonly from: string | null;
  readonly sender: string | null;
  readonly replyTo: string | null;
  readonly to: string | null;
  readonly cc: string | null;
  readonly bcc: string | null;
  readonly inReplyTo: string | null;
  readonly messageId: string | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const LISTS: ReadonlyMap<string, keyof EnvelopeFields> = new Map([
  ['from', 'from'],
  ['sender', 'sender'],
  ['reply-to', 'replyTo'],
  ['to', 'to'],
  ['cc', 'cc'],
  ['bcc', 'bcc'],
]);
const TEXTS: ReadonlyMap<string, keyof EnvelopeFields> = new Map([
  ['date', 'date'],
  ['subject', 'subject'],
  ['in-reply-to', 'inReplyTo'],
  ['message-id', 'messageId'],
]);

/** The length of the longest of these names. */
const MAX_NAME = 11;

export const isEnvelopeField = (name: string): boolean => {
  const lower = name.length > MAX_NAME ? '' : name.toLowerCase();
  return LISTS.has(lower) || TEXTS.has(lower);
};

export function envelopeFields(fields: readonly Field[]): EnvelopeFields {
  const found: Mutable<EnvelopeFields> = {
    date: null,
    subject: null,
    from: null,
    sender: null,
    replyTo: null,
    to: null,
    cc: null,
    bcc: null,
    inReplyTo: null,
    messageId: null,
  };
  const pieces = new Map<keyof EnvelopeFields, string[]>();
  for (const { name, value } of fields) {
    if (name.length > MAX_NAME) continue;
    const lower = name.toLowerCase();
    const list = LISTS.get(lower);
    const text = TEXTS.get(lower);
    if (list !== undefined) {
      const values = pieces.get(list);
      if (values === undefined) pieces.set(list, [unfold(value)]);
      else values.push(unfold(value));
    } else if (text !== undefined) found[text] = unfold(value);
  }
  for (const [list, values] of pieces) found[list] = values.join(',');
  return found;
}

type ListField = 'from' | 'sender' | 'replyTo' | 'to' | 'cc' | 'bcc';

/** The parsed address lists of an envelope; empty if a field is missing. */
export type EnvelopeAddresses = Readonly<Record<ListField, readonly AddressListEntry[]>>;

export function readAddresses(fields: EnvelopeFields): EnvelopeAddresses {
  const read = (field: ListField): readonly AddressListEntry[] =>
    fields[field] === null ? [] : parseAddressList(fields[field]);
  return {
    from: read('from'),
    sender: read('sender'),
    replyTo: read('replyTo'),
    to: read('to'),
    cc: read('cc'),
    bcc: read('bcc'),
  };
}

export function formatEnvelope(fields: EnvelopeFields, addresses = readAddresses(fields)): string {
  const from = addressList(addresses.from);
  const or = (list: string, otherwise: string): string => (list === 'NIL' ? otherwise : list);
  return `(${[
    imapNString(fields.date),
    fields.subject === null ? 'NIL' : imapPhrase(fields.subject),
    from,
    or(addressList(addresses.sender), from),
    or(addressList(addresses.replyTo), from),
    addressList(addresses.to),
    addressList(addresses.cc),
    addressList(addresses.bcc),
    imapNString(fields.inReplyTo),
    imapNString(fields.messageId),
  ].join(' ')})`;
}

function addressList(entries: readonly AddressListEntry[]): string {
  return entries.length === 0 ? 'NIL' : `(${entries.map(entry).join('')})`;
}

function entry(e: AddressListEntry): string {
  return isGroup(e)
    ? `(NIL NIL ${imapPhrase(e.group)} NIL)${e.members.map(mailbox).join('')}(NIL NIL NIL NIL)`
    : mailbox(e);
}

function mailbox(m: Mailbox): string {
  const name = m.name === null ? 'NIL' : imapPhrase(m.name);
  const local = m.local === '' ? '"MISSING_MAILBOX"' : imapString(m.local);
  const domain = m.domain === '' ? '"MISSING_DOMAIN"' : imapString(m.domain);
  return `(${name} ${imapNString(m.route)} ${local} ${domain})`;
}
