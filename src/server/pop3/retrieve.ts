/**
 * RETR and TOP (RFC 1939 sections 5 and 7): the recipient's prefix, then the content, streamed from the store as fast
 * as the client reads it. If reading a message fails halfway, the connection is closed: a truncated message never gets
 * its final dot.
 */
import { parseTop } from '../../protocol/pop3/command.ts';
import { DotStuffer, TopCutter } from '../../protocol/pop3/multi-line.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import type { Session } from './session.ts';
import { chooseMessage, maildropOf, parseMessage } from './transaction.ts';

export async function retr(session: Session, argument: string): Promise<void> {
  const message = parseMessage(session, argument);
  const row = message === null ? null : await findRow(session, message);
  if (row === null) return;
  session.ok(`${row.size} octets`);
  const sent = await send(session, row, null);
  session.traffic.retr += 1;
  session.traffic.retrOctets += sent;
  if (session.connection.signal.aborted) return;
  maildropOf(session).markSeen(row, (error) => {
    if (error instanceof StoreUnavailableError) return;
    session.services.log.warn({ session: session.connection.id, err: error }, '\\Seen could not be set');
  });
}

export async function top(session: Session, argument: string): Promise<void> {
  const parsed = parseTop(argument);
  if (typeof parsed === 'string') {
    session.err(parsed);
    return;
  }
  const message = chooseMessage(session, parsed.message);
  const row = message === null ? null : await findRow(session, message);
  if (row === null) return;
  session.ok();
  session.traffic.topOctets += await send(session, row, new TopCutter(parsed.lines));
  session.traffic.top += 1;
}

async function findRow(session: Session, message: number): Promise<MessageRow | null> {
  const row = await maildropOf(session).row(message);
  if (row === null) session.err('Message was removed by another session.');
  return row;
}

/** Returns the octets sent, without those added by dot-stuffing. */
async function send(session: Session, row: MessageRow, cutter: TopCutter | null): Promise<number> {
  const { connection, services } = session;
  const stuffer = new DotStuffer();
  let octets = 0;
  const put = (chunk: Buffer): void => {
    const wanted = cutter === null ? chunk : cutter.push(chunk);
    octets += wanted.length;
    connection.write(stuffer.push(wanted));
  };
  try {
    const prefix = Buffer.from(row.prefix);
    put(prefix);
    const size = row.size - prefix.length;
    const chunks = row.octets?.length === size ? [row.octets] : services.store.content.stream(row.content, 0, size);
    for await (const chunk of chunks) {
      if (connection.signal.aborted) return octets;
      put(chunk);
      if (cutter?.done === true) break;
      await connection.drained();
    }
  } catch (error) {
    if (!connection.signal.aborted && !(error instanceof StoreUnavailableError))
      services.log.error({ session: connection.id, content: row.content, err: error }, 'a message was cut off');
    connection.destroy();
    return octets;
  }
  connection.write(stuffer.end());
  return octets;
}
