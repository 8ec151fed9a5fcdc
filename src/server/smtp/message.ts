/**
 * One message on its way from the wire to the receiver: counts octets, stops at message_size_limit, and
 * gives the reply. Whatever happens the rest of the body is read, so that the dialog stays in step.
 */
import type { Intake } from '../../delivery/receiver.ts';
import type { Reply } from '../../mail/status.ts';
import { reply } from '../../mail/status.ts';
import { INTERNAL_ERROR, MESSAGE_TOO_BIG } from '../../protocol/smtp/replies.ts';
import type { MailTransaction } from './connection.ts';
import type { SmtpSession } from './session.ts';

/** The intake of the open transaction: begun at DATA or at the first BDAT. */
export function beginMessage(session: SmtpSession, transaction: MailTransaction): Intake {
  const intake = session.service.receiver.begin({ connection: session.connection, transaction, envelope: transaction.envelope });
  session.intake = intake;
  return intake;
}

/** Takes one piece of a body; past the limit the intake is aborted and pieces go nowhere. */
export function feed(session: SmtpSession, transaction: MailTransaction, part: Buffer): Promise<void> | undefined {
  const { intake, settings } = session;
  if (intake === null) return undefined;
  transaction.size += part.length;
  if (settings.messageSizeLimit === 0 || transaction.size <= settings.messageSizeLimit) return intake.write(part);
  intake.abort();
  session.intake = null;
  return undefined;
}

/** The whole body came: what the receiver says. The transaction is over whatever it is. */
export async function finishMessage(session: SmtpSession, transaction: MailTransaction): Promise<Reply> {
  const { intake } = session;
  // From here on the message is the receiver's: a client that goes away now may find it delivered.
  session.intake = null;
  let answer: Reply;
  try {
    answer = intake === null ? MESSAGE_TOO_BIG : await intake.end();
  } catch (error) {
    session.service.log.error({ session: session.id, queueId: transaction.queueId, err: error }, 'the receiver failed');
    answer = INTERNAL_ERROR;
  }
  if (answer.code >= 400) session.logReject('END-OF-MESSAGE', answer, '');
  else session.patience.forgetJunk();
  // RFC 2033 section 4.2: one reply for each recipient that was accepted; the message has one fate for all of them.
  if (session.service.lmtp) for (let i = 1; i < transaction.recipients.length; i += 1) session.say(answer);
  session.resetTransaction();
  return answer;
}

/** `Ok: queued as ID` as BDAT words it: `Ok: 512 bytes queued as ID`. */
export const withOctets = (answer: Reply, octets: number): Reply =>
  answer.code === 250 ? reply(answer.code, answer.enhanced, answer.text.replace(/^Ok: queued as/, `Ok: ${octets} bytes queued as`)) : answer;
