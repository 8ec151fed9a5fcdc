/** Mail from another store: written by the writer, read by the reader. */
import type { Part, SearchFields } from '../../../../mail/message.ts';
import type { ContentRecord, ItemRecord, MessageRecord, Transfer } from '../../../transfer.ts';
import { parseFlags } from '../../flags.ts';
import { toColumns } from '../../index-columns.ts';
import {
  type PutItem,
  type PutMessage,
  QUEUE_STATES,
  type Read,
  type StoredContent,
  type WriterCalls,
} from '../calls.ts';
import { someColumns } from '../item-row.ts';
import { contentArgs } from './content-args.ts';
import type { Link } from './link.ts';

/** `directory` keeps accounts in memory, and must hear of each. */
export function createTransfer(
  writer: Link<WriterCalls>,
  read: Read,
  directory: Pick<Transfer, 'putAccount'>,
): Transfer {
  return {
    ...createTransferReads(read),
    contentsOf: (queueIds) => read('contentsOf', { queueIds }),
    async raiseUidValidity(to) {
      await writer.call('raiseUidValidity', { to });
    },
    async markCopy(mark) {
      await writer.call('markCopy', { mark });
    },

    putAccount: (account) => directory.putAccount(account),
    putMailbox: (mailbox, as) =>
      writer.call('putMailbox', {
        ...mailbox,
        account: Number(mailbox.account),
        as: typeof as === 'string' ? Number(as) : as,
      }),
    putContent: (record, draft) =>
      writer.call('putContent', { ...contentArgs(record, draft), index: toColumns(record.index) }),
    async putMessages(mailbox, messages) {
      await writer.call('putMessages', { mailbox: Number(mailbox), messages: messages.map(toMessage) });
    },
    async removeMessages(mailbox, uids, modseq) {
      await writer.call('removeMessages', { mailbox: Number(mailbox), uids, modseq });
    },
    async putExpunged(account, messages) {
      await writer.call('putKept', {
        account: Number(account),
        messages: messages.map(({ flags, content, ...message }) => {
          const { mask, keywords } = parseFlags(flags);
          return { ...message, content: Number(content), mask, keywords: keywords.join(' ') };
        }),
      });
    },
    async removeExpunged(messages) {
      await writer.call('removeKept', { messages: messages.map(Number) });
    },
    async putItems(content, items) {
      await writer.call('putItems', { content: Number(content), items: items.map(toItem) });
    },
  };
}

export const createTransferReads = (
  read: Read,
): Pick<Transfer, 'mailboxRecords' | 'contentRecords' | 'uidValidity' | 'copyMark'> => ({
  mailboxRecords: (account) => read('mailboxRecords', { account: Number(account) }),
  async contentRecords(contents) {
    const stored = await read('contentRecords', { contents: contents.map(Number) });
    return stored.map((content) => (content === null ? null : toRecord(content)));
  },
  uidValidity: () => read('uidValidity', null),
  copyMark: () => read('copyMark', null),
});

const toRecord = ({ index, ...content }: StoredContent): ContentRecord => ({
  ...content,
  index: {
    ...index,
    root: JSON.parse(index.root) as Part,
    search: JSON.parse(index.search) as SearchFields,
  },
});

function toMessage({ flags, ...message }: MessageRecord): PutMessage {
  const { uid, modseq, internalDate, size, prefix, content, sentAt } = message;
  return {
    uid,
    modseq,
    ...parseFlags(flags),
    internalDate: Math.trunc(internalDate),
    size,
    prefix,
    content: Number(content),
    sentAt: sentAt === null ? null : Math.trunc(sentAt),
  };
}

const toItem = (item: ItemRecord): PutItem => ({
  recipient: item.recipient,
  original: item.original,
  notify: item.notify.join(','),
  orcpt: item.orcpt,
  sender: item.reversePath,
  ...someColumns(item),
  destination: item.destination,
  state: QUEUE_STATES.indexOf(item.state),
  dueAt: Math.trunc(item.dueAt),
  attempts: item.attempts,
  warned: Number(item.warned),
  lastReply: item.lastReply === null ? null : JSON.stringify(item.lastReply),
});
