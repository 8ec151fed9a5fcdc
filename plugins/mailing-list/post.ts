/** What a post becomes for the members. */
import type { Address } from '../../src/mail/address.ts';
import { decodeWords } from '../../src/protocol/mime/encoded-word.ts';
import { fieldText } from '../../src/protocol/mime/written-text.ts';
import { addressOf, type List } from './list.ts';
import { all, authorOf, join, type Message, nameOf } from './message.ts';

/** Fields of another list, of the message's way here, and those by which each member would be made to answer. */
const REMOVED = new Set([
  ...['list-id', 'list-help', 'list-subscribe', 'list-unsubscribe', 'list-unsubscribe-post', 'list-post'],
  ...[
    'list-owner',
    'list-archive',
    'precedence',
    'sender',
    'return-path',
    'errors-to',
    'x-original-to',
    'auto-submitted',
  ],
  ...['disposition-notification-to', 'return-receipt-to', 'x-confirm-reading-to'],
]);

/** RFC 2919: our own identifier, whatever stands before it. */
export const hasPassed = (list: List, message: Message): boolean =>
  all(message, 'list-id').some((value) => value.toLowerCase().includes(`<${list.id}>`));

/** RFC 2369 and 8058. `link`: the member's own, to unsubscribe by one click. */
function listFields(list: List, link: string | null): readonly string[] {
  const request = addressOf(list, 'request');
  const leave = `<mailto:${addressOf(list, 'unsubscribe')}>`;
  return [
    `List-Id: ${list.name === '' ? '' : `${quoted(list.name)} `}<${list.id}>`,
    list.posts === 'moderators' ? 'List-Post: NO' : `List-Post: <mailto:${list.address}>`,
    `List-Help: <mailto:${request}?subject=help>`,
    ...(list.subscription === 'open' ? [`List-Subscribe: <mailto:${addressOf(list, 'subscribe')}>`] : []),
    ...(link === null
      ? [`List-Unsubscribe: ${leave}`]
      : [`List-Unsubscribe: <${link}>,\r\n ${leave}`, 'List-Unsubscribe-Post: List-Unsubscribe=One-Click']),
    `List-Owner: <mailto:${addressOf(list, 'owner')}>`,
    ...(list.archive === undefined ? [] : [`List-Archive: <${list.archive}>`]),
    `Sender: <${addressOf(list, 'bounces')}>`,
    'Precedence: list',
  ];
}

/** The post with the list's own fields, without those of `listFields`. */
export function prepare(list: List, message: Message): Message {
  const author = authorOf(message);
  const munges = list.dmarc_mitigation === 'munge_from' && author !== null;
  const hasReplyTo = all(message, 'reply-to').length > 0;
  const fields = message.fields.flatMap((field): string[] => {
    const name = nameOf(field);
    if (REMOVED.has(name) || (name === 'reply-to' && list.reply_to_list)) return [];
    if (name === 'from' && munges)
      return [`From: ${viaName(author.name === '' ? author.address : author.name, list)} <${list.address}>`];
    return [name === 'subject' && list.prefix !== '' ? prefixed(field, list.prefix) : field];
  });
  if (list.prefix !== '' && all(message, 'subject').length === 0) fields.push(`Subject: ${list.prefix} (no subject)`);
  // RFC 3834: people wrote it; the server would mark it as a program's.
  fields.push('Auto-Submitted: no');
  if (list.reply_to_list) fields.push(`Reply-To: <${list.address}>`);
  else if (munges && !hasReplyTo) fields.push(`Reply-To: <${author.address}>`);
  return { fields, body: message.body };
}

/** As it is sent. */
export const withListFields = (list: List, { fields, body }: Message, link: string | null): Buffer =>
  join([...fields, ...listFields(list, link)], body);

/** RFC 8058: the link of one member. */
export const linkOf = (url: string, list: List, member: Address, token: string): string =>
  `${url.replace(/\/$/, '')}/unsubscribe?${new URLSearchParams({ list: list.address, member, token }).toString()}`;

function prefixed(field: string, prefix: string): string {
  const value = field.slice(field.indexOf(':') + 1);
  return value.toLowerCase().includes(prefix.toLowerCase()) ? field : `Subject: ${prefix} ${value.trimStart()}`;
}

const LONGEST_NAME = 30;

function viaName(author: string, list: List): string {
  const name = decodeWords(author).replace(/[\p{Cc}\p{Cf}]/gu, '');
  const via = ` via ${list.name === '' ? list.address : list.name}`;
  if (/^[ -~]*$/.test(name)) return quoted(`${name.slice(0, 100)}${via}`);
  return `${fieldText([...name].slice(0, LONGEST_NAME).join(''))}\r\n ${quoted(via.trim())}`;
}

const quoted = (text: string): string => (/^[\w .-]*$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`);
