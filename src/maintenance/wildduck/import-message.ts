/** One message of WildDuck as a content of the store. */
import type { ObjectId } from 'mongodb';
import type { Id } from '../../mail/account.ts';
import type { Store } from '../../store/store.ts';
import type { MessageRecord } from '../../store/transfer.ts';
import { readAttachment } from './attachments.ts';
import { draftOf } from './draft.ts';
import type { MessageDocument, MessageHead } from './layout.ts';
import { messageOctets } from './octets.ts';
import type { WildDuck } from './source.ts';

export interface ImportedMessage {
  readonly record: MessageRecord;
  /** Attachments that WildDuck does not have any more: where they were, it sends nothing. */
  readonly missing: number;
}

/** The same octets are kept once, whoever has them; and a run that was interrupted finds what it had brought. */
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
  const finished = await draftOf(store.content, octets);
  const { index, size, digest } = finished;
  const queueId = queueIdOf(digest);
  const [known] = await store.transfer.contentsOf([queueId]);
  let content: Id;
  if (known === null || known === undefined) {
    const from = document.meta?.from;
    const reversePath = typeof from === 'string' ? from : '';
    const envelope = { reversePath, ret: '', envid: '', smtputf8: false, body: '8BITMIME' } as const;
    const record = { queueId, size, arrivedAt: head.idate.getTime(), envelope, index };
    content = await store.transfer.putContent(record, finished.draft);
  } else {
    await finished.discard();
    content = known;
  }
  return { record: { ...stateOf(head), size, prefix: '', content, sentAt: index.sentAt }, missing };
}

/** An IMAP keyword (RFC 9051 section 9, `atom`), or a system flag. */
const FLAG = /^\\?[^\x00-\x20\x7f-\uffff(){%*"\\\]]+$/;

export const stateOf = ({ uid, modseq, flags, idate }: MessageHead) => ({
  uid,
  // 0 in a message that WildDuck has restored.
  modseq: Math.max(1, modseq),
  flags: flags.filter((flag) => FLAG.test(flag)),
  internalDate: idate.getTime(),
});
