/**
 * BDAT (RFC 3030): the message in counted chunks. A refused chunk is still read to its end, and the chunks after it are
 * discarded up to the LAST or a RSET, because a pipelining client has sent them already. A chunk may end within a line,
 * even within a CRLF; an empty one that is not the last is refused, as in Postfix.
 */
import type { Reply } from '../../../mail/status.ts';
import { ChunkBody } from '../../../protocol/smtp/body.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import type { BodySink } from '../body.ts';
import type { MailTransaction } from '../connection.ts';
import { bareLfLine } from '../maillog.ts';
import { answerEach, beginMessage, feed, finishMessage, refuseBareLf, tooBig, withOctets } from '../message.ts';
import { tellData } from '../milters.ts';
import type { Answer, SmtpSession } from '../session.ts';

const ARGUMENT = /^\s*(\d{1,15})(?:\s+(last))?\s*$/i;

export function bdat(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  if (session.discardedKeywords.has('CHUNKING')) return say.BDAT_NOT_IMPLEMENTED;
  const match = ARGUMENT.exec(argument);
  if (match === null) {
    // A 521, which closes the connection: the number of octets that follow is unknown, so they cannot be distinguished
    // from commands.
    return say.BDAT_SYNTAX;
  }
  return take(session, Number(match[1]), match[2] !== undefined);
}

async function take(session: SmtpSession, octets: number, last: boolean): Promise<Answer> {
  const { settings } = session;
  const { transaction } = session.connection;
  if (octets === 0 && !last) {
    const queueId = transaction === null || transaction.recipients.length === 0 ? '' : transaction.queueId;
    session.service.log.warn(
      { session: session.id },
      `${queueId || 'NOQUEUE'}: null BDAT request from ${session.client}`,
    );
    return discard(session, octets, last, say.NULL_CHUNK);
  }
  if (session.bdat === 'failed') return discard(session, octets, last, say.chunkDiscarded(octets));
  if (transaction === null) return discard(session, octets, last, say.NEED_RECIPIENT);
  if (transaction.recipients.length === 0) return discard(session, octets, last, say.NO_VALID_RECIPIENTS);
  if (settings.messageSizeLimit > 0 && octets > settings.messageSizeLimit - transaction.size)
    return discard(session, octets, last, await tooBig(session, say.CHUNK_TOO_BIG));
  if (session.bdat === 'none') {
    const refusal = await begin(session, transaction);
    if (refusal !== undefined) return discard(session, octets, last, refusal);
  }
  if (!(await read(session, octets, (part) => feed(session, transaction, part)))) return null;
  if (!last) {
    const bareLf = await refuseBareLf(session);
    if (bareLf === null) return say.chunkTaken(octets);
    session.info(bareLfLine(session.connection, 'BDAT'));
    return discard(session, 0, last, bareLf);
  }
  const { size, receivedLines } = transaction;
  // A last line without an end gets one.
  const missing = receivedLines === size ? 0 : 2;
  return withOctets(await finishMessage(session, transaction), size + missing);
}

/**
 * Undefined if the message is accepted so far. Never rejects: the chunk would stay unread and be parsed as commands.
 */
async function begin(session: SmtpSession, transaction: MailTransaction): Promise<Answer | undefined> {
  const { connection, service } = session;
  try {
    const refusal = service.hooks.has('data', connection)
      ? await session.refused('data', { connection }, 'BDAT', 'DATA')
      : undefined;
    if (refusal !== undefined) return refusal;
    const refused = await tellData(session, 'BDAT', transaction.queueId);
    if (refused !== undefined) return refused;
    const unfit = await session.filtered?.data();
    if (unfit !== undefined) return unfit;
    const bareNewline = await session.bareNewline();
    beginMessage(session, transaction, bareNewline);
    session.bdat = 'receiving';
    return undefined;
  } catch (error) {
    service.log.error({ session: session.id, err: error }, `internal error after BDAT from ${session.client}`);
    return say.INTERNAL_ERROR;
  }
}

/** The message has failed: its chunks, from this one to the last, are read and discarded. */
async function discard(session: SmtpSession, octets: number, last: boolean, answer: Reply | null): Promise<Answer> {
  session.intake?.abort();
  session.intake = null;
  session.bdat = 'failed';
  if (!(await read(session, octets, () => undefined))) return null;
  if (!last) return answer;
  const { transaction } = session.connection;
  session.resetTransaction();
  return session.service.lmtp && transaction !== null && answer !== null
    ? answerEach(session, transaction, answer)
    : answer;
}

/** False if the client disconnected before the end of the chunk. */
const read = async (session: SmtpSession, octets: number, sink: BodySink): Promise<boolean> =>
  octets === 0 || session.readBody(new ChunkBody(octets), sink);
