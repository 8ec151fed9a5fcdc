/** DATA (RFC 5321 section 4.1.1.4). */
import { DotBody } from '../../../protocol/smtp/body.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import type { MailTransaction } from '../connection.ts';
import { beginMessage, feed, finishMessage, watched } from '../message.ts';
import type { Answer, SmtpSession } from '../session.ts';

export function data(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  const { transaction } = session.connection;
  if (session.bdat !== 'none') return say.afterBdat('DATA');
  if (transaction === null) return say.NEED_RECIPIENT;
  if (transaction.recipients.length === 0) return say.NO_VALID_RECIPIENTS;
  if (argument.trim() !== '') return say.syntax('DATA');
  return receive(session, transaction);
}

async function receive(session: SmtpSession, transaction: MailTransaction): Promise<Answer> {
  if (session.service.hooks.has('data')) {
    const refusal = await session.refused('data', { connection: session.connection }, 'DATA', 'DATA');
    if (refusal !== undefined) return refusal;
  }
  const { stream } = session;
  const bareNewline = await session.bareNewline();
  // The client may have left while others were asked: nobody would end an intake begun now.
  if (stream === null || session.connection.transaction !== transaction) return null;
  beginMessage(session, transaction, bareNewline);
  session.say(say.START_DATA);
  session.flush();
  session.clientsTurn(true);
  await stream.readBody(watched(session, new DotBody(bareNewline === 'no' ? 'lf' : 'crlf')), (part) => feed(session, transaction, part));
  session.clientsTurn(false);
  return finishMessage(session, transaction);
}
