/** The transaction that a peer is offered: envelope and parameters, those alone that it understands (RFC 3461 section 5, RFC 6531). */
import type { Readable } from 'node:stream';
import type { QueueItem } from '../store/queue.ts';
import type { OutgoingMessage, SmtpSession } from './smtp-session.ts';

const ASCII = /^[\x00-\x7f]*$/;
export const needsUtf8 = (item: QueueItem): boolean => item.smtputf8 || !ASCII.test(item.recipient) || !ASCII.test(item.reversePath);

/**
 * The library speaks no address with angle brackets (in quotes they are allowed) and cuts blanks off: beyond ASCII there
 * are some that a domain may end with. Refused before: one such recipient would keep the others' mail from going out.
 */
export const isSpeakable = ({ recipient, reversePath }: QueueItem): boolean =>
  [recipient, reversePath].every((address) => !/[\r\n<>]/.test(address) && address === address.trim());

export function outgoing(first: QueueItem, items: readonly QueueItem[], session: SmtpSession, body: Readable): OutgoingMessage {
  const dsn = session.offers('DSN');
  // The library adds SMTPUTF8 by itself where an address needs it.
  const utf8 = first.smtputf8 && ASCII.test(first.reversePath) && items.every((item) => ASCII.test(item.recipient));
  const ret = dsn && first.ret !== '' ? ` RET=${first.ret}` : '';
  const envid = dsn && first.envid !== '' ? ` ENVID=${first.envid}` : '';
  return {
    reversePath: first.reversePath,
    recipients: items.map((item) => ({ address: item.recipient, parameters: dsn ? recipientParameters(item) : '' })),
    parameters: `${utf8 ? ' SMTPUTF8' : ''}${ret}${envid}`,
    size: first.size,
    eightBit: first.body === '8BITMIME' || first.smtputf8,
    body,
  };
}

function recipientParameters(item: QueueItem): string {
  const notify = item.notify.length === 0 ? '' : ` NOTIFY=${item.notify.join(',')}`;
  const orcpt = item.orcpt !== '' ? item.orcpt : item.original !== '' && ASCII.test(item.original) ? `rfc822;${encodeXtext(item.original)}` : '';
  return `${notify}${orcpt === '' ? '' : ` ORCPT=${orcpt}`}`;
}

/** RFC 3461 section 4. */
const encodeXtext = (text: string): string =>
  text.replace(/[^!-*,-<>-~]/g, (character) => `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
