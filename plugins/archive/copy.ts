/** The two forms of a copy: a report with the message attached, or the message with its envelope above it. */
import type { HookArguments } from '../../src/bus/plugin.ts';
import { fieldText } from '../../src/protocol/mime/written-text.ts';

export interface Archived extends Pick<HookArguments['data_post'], 'connection' | 'transaction'> {
  /** The message as it is kept, without our own trace fields. */
  readonly octets: Buffer;
  /** ms since 1970 UTC. */
  readonly at: number;
  /** For the boundary between the parts: nobody else knows it before. */
  readonly boundary: string;
}

export interface Ends {
  readonly from: string;
  readonly to: string;
}

/** `Name: value`, for people and programs. */
type Facts = readonly (readonly [string, string])[];

/** What was known of the message beside its content. */
function factsOf({ connection, transaction, at, octets }: Archived): Facts {
  const { queueId, reversePath, recipients } = transaction;
  const client = connection === null ? 'this machine' : `${connection.remote.name}[${connection.remote.ip}]`;
  return [
    ['Sender', `<${oneLine(reversePath)}>`],
    ...recipients.map(({ original, address }): [string, string] => [
      'Recipient',
      original === address || original === ''
        ? `<${oneLine(address)}>`
        : `<${oneLine(original)}> (${oneLine(address)})`,
    ]),
    ['Client', client],
    ...(connection?.user == null ? [] : [['Login', oneLine(connection.user.login)] as const]),
    ...(connection?.helo == null ? [] : [['Helo', oneLine(connection.helo)] as const]),
    ['TLS', connection?.tls == null ? 'no' : connection.tls.protocol],
    ['Received', new Date(at).toISOString()],
    ['Queue-Id', queueId],
    ['Size', String(octets.length)],
  ];
}

/** RFC 2046 section 5.2.1: the message as a part, octet for octet. */
export function journal(archived: Archived, { from, to }: Ends): Buffer {
  const { transaction, octets, at, boundary } = archived;
  const { header, reversePath } = transaction;
  const report = factsOf(archived).map(([name, value]) => `${name}: ${value}`);
  const head = [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: ${fieldText(`Archived: ${(header.get('Subject') ?? '').slice(0, 200)}`)}`,
    `Date: ${new Date(at).toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...[...report, `Message-Id: ${oneLine(header.get('Message-ID') ?? '')}`],
    '',
    `--${boundary}`,
    `Content-Type: message/rfc822${/[^\x00-\x7f]/.test(reversePath) ? '; charset=utf-8' : ''}`,
    'Content-Transfer-Encoding: 8bit',
    'Content-Disposition: attachment; filename="message.eml"',
    '',
    '',
  ];
  return Buffer.concat([Buffer.from(head.join('\r\n')), octets, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

/** The first fields of these names are ours: what the sender wrote is behind them. */
export function copy(archived: Archived): Buffer {
  const fields = factsOf(archived).map(([name, value]) => `X-Archived-${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(fields.join('')), archived.octets]);
}

const LONGEST = 900;
const oneLine = (text: string): string => text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, LONGEST);
