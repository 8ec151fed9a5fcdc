/** One message of WildDuck as a content of the store. */
import type { ObjectId } from 'mongodb';
import type { Store } from '../../store/store.ts';
import type { MessageRecord } from '../../store/transfer.ts';
import { isFlag } from '../flag.ts';
import { importContent } from '../imported-content.ts';
import { readAttachment } from './attachments.ts';
import type { MessageDocument, MessageHead } from './layout.ts';
import { messageOctets } from './octets.ts';
import type { WildDuck } from './source.ts';

export interface ImportedMessage {
  readonly record: MessageRecord;
  /** Attachments that WildDuck does not have any more: where they were, it sends nothing. */
  readonly missing: number;
}

export const queueIdOf = (digest: string): string => `wildduck-${digest}`;

/** Null if it was expunged meanwhile. Rejects if WildDuck could not send it either. */
export async function importMessage(
  { main, gridfs }: WildDuck,
  store: Pick<Store, 'content' | 'transfer'>,
  mailbox: ObjectId,
  head: MessageHead,
): Promise<ImportedMessage | null> {
  const document = await main
    .collection<MessageDocument & { mailbox: ObjectId }>('messages')
    .findOne({ _id: head._id, mailbox, uid: head.uid }, { projection: { mimeTree: true, 'meta.from': true } });
  if (document === null) return null;
  let missing = 0;
  const octets = messageOctets(document.mimeTree, (id) =>
    readAttachment(gridfs, id, () => {
      missing += 1;
    }),
  );
  const from = document.meta?.from;
  const { content, size, sentAt } = await importContent(store, {
    octets,
    queueIdOf,
    arrivedAt: head.idate.getTime(),
    reversePath: typeof from === 'string' ? from : '',
  });
  return { record: { ...stateOf(head), size, prefix: '', content, sentAt }, missing };
}

export const stateOf = ({ uid, modseq, flags, idate }: MessageHead) => ({
  uid,
  // 0 in a message that WildDuck has restored.
  modseq: Math.max(1, modseq),
  flags: flags.filter(isFlag),
  internalDate: idate.getTime(),
});
