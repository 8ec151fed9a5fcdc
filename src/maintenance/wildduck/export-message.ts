/** One message as WildDuck's document (lib/message-handler.js, `addAsync`). */
import { randomInt, randomUUID } from 'node:crypto';
import type { ObjectId } from 'mongodb';
import type { MessageIndex } from '../../mail/message.ts';
import { decodeWords } from '../../protocol/mime/encoded-word.ts';
import { indexMessage } from '../../protocol/mime/indexer.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import { attachmentFields, cidsOf, type StoredBody } from './attachment-list.ts';
import { refer, storeAttachment } from './attachment-writer.ts';
import { envelopeValues, imapValues } from './imap-values.ts';
import { indexedHeaders, type MessageTexts, textsOf } from './message-texts.ts';
import type { WildDuck } from './source.ts';
import { threadOf } from './threads.ts';
import { type TreeNode, treeOf } from './tree.ts';

export interface MailboxTarget {
  readonly _id: ObjectId;
  readonly user: ObjectId;
  readonly path: string;
  readonly specialUse: string;
}

/** Returns whether WildDuck sends exactly these octets. Nothing is left in the database if it fails. */
export async function exportMessage(
  target: WildDuck,
  mailbox: MailboxTarget,
  row: MessageRow,
  octets: Buffer,
): Promise<boolean> {
  const index = indexMessage(octets);
  const { root, moved, exact } = treeOf(octets, index.root);
  const magic = randomInt(0x10000);
  const stored: StoredBody[] = [];
  try {
    for (const each of moved) {
      const { body, part } = each;
      const attachment = { body, contentType: `${part.type}/${part.subtype}`, encoding: part.encoding };
      stored.push({ ...each, ...(await storeAttachment(target.gridfs, attachment, magic)) });
    }
    const subject = subjectOf(root);
    const thread = await threadOf(target.main, mailbox.user, subject, root.parsedHeader);
    await target.main.collection('messages').insertOne({
      ...placeOf(mailbox, row),
      ...contentOf(index, withMap(root, mapOf(stored)), row),
      ...textFields(textsOf(octets, index.root, cidsOf(stored))),
      ...attachmentFields(stored, index.root),
      size: octets.length,
      subject,
      magic,
      thread,
    });
    return exact;
  } catch (error) {
    for (const { id } of stored) await refer(target.gridfs, id, -1, magic);
    throw error;
  }
}

type AttachmentMap = Readonly<Record<string, Buffer>>;

const mapOf = (stored: readonly StoredBody[]): AttachmentMap =>
  Object.fromEntries(stored.map(({ attachmentId, id }) => [attachmentId, id]));

/** WildDuck looks for it where it begins to put octets together: at the root, or at an enclosed message. */
function withMap(node: TreeNode, attachmentMap: AttachmentMap, isMessage = true): TreeNode {
  const { childNodes, message } = node;
  const inside = (child: TreeNode): TreeNode => withMap(child, attachmentMap, false);
  return {
    ...node,
    ...(isMessage ? { attachmentMap } : {}),
    ...(message === undefined ? {} : { message: withMap(message, attachmentMap) }),
    ...(childNodes === undefined
      ? {}
      : {
          childNodes: Array.isArray(childNodes)
            ? childNodes.map(inside)
            : Object.fromEntries(Object.entries(childNodes).map(([name, child]) => [name, inside(child)])),
        }),
  };
}

/** Which message it is, and its flags, for which WildDuck has fields of their own. */
const placeOf = ({ _id, user, specialUse }: MailboxTarget, { uid, modseq, flags }: MessageRow) => ({
  mailbox: _id,
  user,
  uid,
  modseq,
  v: '1.0',
  // Not to be deleted after some time.
  exp: false,
  rdate: Date.now(),
  userDeleted: false,
  flags,
  unseen: !flags.includes('\\Seen'),
  flagged: flags.includes('\\Flagged'),
  undeleted: !flags.includes('\\Deleted'),
  draft: flags.includes('\\Draft'),
  ...(flags.includes('\\Deleted') ? {} : { searchable: true }),
  ...(specialUse === '\\Junk' ? { junk: true } : {}),
  copied: false,
  meta: { source: 'posthorn' },
  filters: [],
});

function contentOf(index: MessageIndex, mimeTree: TreeNode, row: MessageRow) {
  const idate = new Date(row.internalDate);
  return {
    idate,
    hdate: dateOf(mimeTree) ?? idate,
    headers: indexedHeaders(mimeTree.header),
    mimeTree,
    envelope: envelopeValues(index.envelope),
    bodystructure: imapValues(index.bodyStructure),
    msgid: index.messageId === '' ? `<${randomUUID()}@wildduck.email>` : index.messageId,
  };
}

const textFields = ({ textFooter, ...texts }: MessageTexts) => (textFooter === '' ? texts : { ...texts, textFooter });

const lastOf = (value: unknown): unknown => (Array.isArray(value) ? value.at(-1) : value);

function subjectOf({ parsedHeader }: TreeNode): string {
  const subject = String(lastOf(parsedHeader['subject']) ?? '');
  return decodeWords(Buffer.from(subject).toString('latin1')).replace(/\s+/g, ' ').trim();
}

function dateOf({ parsedHeader }: TreeNode): Date | null {
  const date = new Date(String(lastOf(parsedHeader['date']) ?? ''));
  return Number.isNaN(date.getTime()) ? null : date;
}
