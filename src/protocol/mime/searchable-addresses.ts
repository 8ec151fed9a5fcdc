/**
 * Address lists as one text for SEARCH FROM, TO, CC and BCC: every address in one form, the same as in Dovecot, so
 * that `joe@example.org` is found however the sender wrote it (RFC 9051 section 6.4.4: "the envelope structure's
 * field").
 */
import { type AddressListEntry, isGroup, type Mailbox } from './address-list.ts';
import { decodeLatin1 } from './charset.ts';
import { decodeWords } from './encoded-word.ts';

/** `"joe q" <joe@example.org>, friends: <a@b.example>;` in lower-case Unicode, encoded-words decoded. */
export const searchableAddresses = (entries: readonly AddressListEntry[]): string =>
  entries.map(entry).join(', ').toLowerCase();

function entry(e: AddressListEntry): string {
  return isGroup(e) ? `${phrase(e.group)}: ${e.members.map(mailbox).join(', ')};` : mailbox(e);
}

function mailbox({ name, route, local, domain }: Mailbox): string {
  const address = `${route === null ? '' : `${route}:`}${quoteUnless(LOCAL, decodeLatin1(local))}${domain === '' ? '' : `@${decodeLatin1(domain)}`}`;
  return name === null ? `<${address}>` : `${phrase(name)} <${address}>`;
}

/** An encoded-word is never quoted. */
const phrase = (text: string): string =>
  text.includes('=?') ? decodeWords(text) : quoteUnless(ATOM, decodeLatin1(text));

const ATOM = /^[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~\x80-\uffff]+$/;
const LOCAL = /^[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~\x80-\uffff]+$/;

const quoteUnless = (plain: RegExp, text: string): string =>
  plain.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
