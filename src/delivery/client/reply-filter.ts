/** smtp_reply_filter: replies of other servers as tables change them, line by line. */
import { messageOf } from '../../errors.ts';
import type { Tables } from '../../lookup/table.ts';
import { type PeerReply, replyOf } from '../../protocol/smtp/reply-reader.ts';
import { openTables } from '../route/address-tables.ts';
import type { ClientParameters } from './client-parameters.ts';

/** Rejects with an error whose message is for the log. */
export type ReplyFilter = (reply: PeerReply) => Promise<PeerReply>;

/** Null if it names no table. */
export function readReplyFilter(own: ClientParameters, tables: Tables): ReplyFilter | null {
  const filters = openTables(own.list('reply_filter'), tables);
  if (filters.length === 0) return null;
  const changed = async (line: string): Promise<string> => {
    for (const table of filters) {
      const found = await Promise.resolve(table.get(line)).catch((error: unknown) => {
        throw new Error(`${own.nameOf('reply_filter')}: ${table.name}: ${messageOf(error)}`);
      });
      if (found !== undefined) return found;
    }
    return line;
  };
  return async (reply) => {
    const lines: string[] = [];
    for (const line of reply.lines) lines.push(await changed(line));
    return replyOf(lines, reply.odd);
  };
}
