/** The fields that tell SpamAssassin where a message comes from: the content does not have the server's own yet. */
import type { Message } from '../scanners/judging.ts';

/** In the form that SpamAssassin's rules about relays know. `now` in ms. */
export function fieldsAbove({ connection, transaction }: Message, now: number): string {
  if (connection === null) return '';
  const { remote, helo, parameters, tls, user, protocol } = connection;
  const kind = protocol === 'ESMTP' ? `ESMTP${tls === null ? '' : 'S'}${user === null ? '' : 'A'}` : protocol;
  const address = remote.ip.includes(':') ? `IPv6:${remote.ip}` : remote.ip;
  return [
    `X-Envelope-From: <${plain(transaction.reversePath)}>`,
    `Received: from ${word(helo ?? 'unknown')} (${word(remote.name)} [${address}])`,
    `\tby ${word(parameters.string('myhostname'))} (${word(parameters.string('mail_name'))}) with ${kind} id ${transaction.queueId};`,
    `\t${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    '',
  ].join('\r\n');
}

/** In a field, whatever the client wrote. */
const plain = (text: string): string => text.replace(/[^\x21-\x7e]|[<>]/g, '?').slice(0, 320);
/** Without what would end it, or begin a comment. */
const word = (text: string): string => text.replace(/[^\w.:[\]-]/g, '?').slice(0, 255) || 'unknown';
