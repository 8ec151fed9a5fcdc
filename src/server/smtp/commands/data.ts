/** DATA (RFC 5321 section 4.1.1.4). */
import { DotBody } from '../../../protocol/smtp/body.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import type { MailTransaction } from '../connection.ts';
import { beginMessage, feed, finishMessage } from '../message.ts';
import { tellData } from '../milters.ts';
import type { Answer, SmtpSession } from '../session.ts';

export function data(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  const { transaction } = session.connection;
  if (session.bdat !== 'none') return say.afterBdat('DATA');
  if (transaction === null) return say.NEED_RECIPIENT;
  if (transaction.recipients.length === 0)
    return session.service.lmtp ? say.NO_VALID_LMTP_RECIPIENTS : say.NO_VALID_RECIPIENTS;
  if (argument.trim() !== '') return say.syntax('DATA');
  return receive(session, transaction);
}

async function receive(session: SmtpSession, transaction: MailTransaction): Promise<Answer> {
  if (session.service.hooks.has('data', session.connection)) {
    const refusal = await session.refused('data', { connection: session.connection }, 'DATA', 'DATA');
    if (refusal !== undefined) return refusal;
  }
  const refused = await tellData(session, 'DATA', transaction.queueId);
  if (refused !== undefined) return refused;
  const unfit = await session.filtered?.data();
  if (unfit !== undefined) return unfit;
  const bareNewline = await session.bareNewline();
  beginMessage(session, transaction, bareNewline);
  session.say(say.START_DATA);
  const reader = new DotBody(bareNewline === 'no' ? 'lf' : 'crlf');
  const whole = await session.readBody(reader, (part) => feed(session, transaction, part));
  return whole ? finishMessage(session, transaction) : null;
}
