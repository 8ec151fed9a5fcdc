/** A message of a mailbox with the envelope and the client that it came with, as far as its trace fields say. */
import type { Account } from '../../mail/account.ts';
import type { Envelope } from '../../mail/envelope.ts';
import { MAX_HEADER_SIZE, parseHeader } from '../../protocol/mime/header.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import type { StoreSource } from '../../store/source.ts';
import type { ReplayedMessage } from './ask.ts';
import { receivedFrom } from './received.ts';

const FOLDED = '[^\\n]*\\n(?:[ \\t][^\\n]*\\n)*';
/** What delivery and the server that received it put above a message. */
const OWN_LINES = new RegExp(`^(?:(?:Return-Path|X-Original-To|Delivered-To):${FOLDED})*(?:Received:${FOLDED})?`, 'i');

/** Null where it has no Received field: it came from a mail program, as a draft or a copy of what was sent. */
export async function messageAt(
  source: StoreSource,
  account: Account,
  row: MessageRow,
  find: (address: string) => Account | null,
): Promise<ReplayedMessage | null> {
  const prefix = Buffer.from(row.prefix);
  const head = Buffer.concat([prefix, await headOf(source, row)]);
  const whole = parseHeader(head);
  const [newest] = whole.all('Received');
  if (newest === undefined) return null;
  const client = receivedFrom(newest);
  const own = OWN_LINES.exec(head.toString('latin1'))?.[0].length ?? 0;
  const [record] = await source.transfer.contentRecords([row.content]);
  const address = whole.get('Delivered-To') ?? account.address;
  const returnPath = whole.get('Return-Path');
  const envelope: Envelope = {
    ...{ ret: '', envid: '', smtputf8: false, body: '8BITMIME' },
    ...record?.envelope,
    reversePath: returnPath === null ? (record?.envelope.reversePath ?? '') : returnPath.replace(/^<|>$/g, ''),
    recipients: [{ address, original: whole.get('X-Original-To') ?? address, notify: [], orcpt: '' }],
  };
  return {
    account,
    client,
    user: client?.login == null ? null : find(client.login),
    envelope,
    header: parseHeader(head.subarray(own)),
    size: row.size - own,
    async *content() {
      if (own < prefix.length) yield prefix.subarray(own);
      yield* source.content.stream(row.content, Math.max(0, own - prefix.length));
    },
  };
}

/** Up to the end of the header, and somewhat more. */
async function headOf({ content }: StoreSource, row: MessageRow): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of content.stream(row.content)) {
    pieces.push(piece);
    size += piece.length;
    if (size >= MAX_HEADER_SIZE || piece.includes('\r\n\r\n')) break;
  }
  return Buffer.concat(pieces);
}
