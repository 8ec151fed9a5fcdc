/**
 * One message on its way from the wire to the receiver: counts octets, stops at message_size_limit, and
 * gives the reply. Whatever happens the rest of the body is read, so that the dialog stays in step.
 */
import { readRefusal } from '../../bus/refusal.ts';
import type { Reply } from '../../mail/status.ts';
import { reply } from '../../mail/status.ts';
import { BareLfWatch } from '../../protocol/smtp/body.ts';
import { bareLf, INTERNAL_ERROR, MESSAGE_TOO_BIG } from '../../protocol/smtp/replies.ts';
import type { MailTransaction } from './connection.ts';
import { bareLfLine } from './maillog.ts';
import type { SmtpSession } from './session.ts';
import type { BareNewline } from './settings.ts';

/** Begins the intake of the open transaction, at DATA or at the first BDAT. */
export function beginMessage(session: SmtpSession, transaction: MailTransaction, bareNewline: BareNewline): void {
  const { connection, service } = session;
  transaction.receivedLines = 0;
  session.bareLfs = bareNewline === 'note' || bareNewline === 'reject' ? new BareLfWatch() : null;
  const foldsCrs = bareNewline === 'no';
  session.intake =
    session.filtered?.begin(foldsCrs) ??
    service.receiver.begin({
      connection,
      transaction,
      envelope: transaction.envelope,
      foldsCrs,
      milters: session.milters,
      forwarded: session.forwarded,
      saslSender: transaction.parameters.auth,
      verp: transaction.parameters.verp,
    });
}

/**
 * Whether what came of the message so far has a bare LF: the refusal where that is refused; null where there is none,
 * or it is only noted.
 */
export async function refuseBareLf(session: SmtpSession): Promise<Reply | null> {
  if (session.bareLfs?.seen !== true) return null;
  if ((await session.bareNewline()) === 'reject')
    return bareLf(session.settings.bareNewlineRejectCode, session.settings.host);
  session.noteBareLf();
  return null;
}

const LF = 0x0a;

/** Takes one piece of a body; past the limit the intake is aborted and pieces go nowhere. */
export function feed(session: SmtpSession, transaction: MailTransaction, part: Buffer): Promise<void> | undefined {
  const { intake, settings } = session;
  const lineEnd = part.lastIndexOf(LF);
  if (lineEnd >= 0) transaction.receivedLines = transaction.size + lineEnd + 1;
  transaction.size += part.length;
  if (intake === null) return undefined;
  if (settings.messageSizeLimit === 0 || transaction.size <= settings.messageSizeLimit) return intake.write(part);
  intake.abort();
  session.intake = null;
  return undefined;
}

/** The whole body came: what the receiver says. The transaction is over whatever it is. */
export async function finishMessage(session: SmtpSession, transaction: MailTransaction): Promise<Reply> {
  session.messageCame();
  const refusal = await refuseBareLf(session);
  const { intake } = session;
  const answer = refusal === null ? await handOver(session, transaction) : refuse(session, refusal);
  if (answer === refusal) session.info(bareLfLine(session.connection, 'END-OF-MESSAGE'));
  else if (answer.code >= 400 && intake?.refusalIsLogged !== true)
    session.logReject('END-OF-MESSAGE', answer, session.onlyRecipient);
  else if (answer.code < 400) session.patience.forgetJunk();
  session.endTransaction(transaction, answer);
  return session.service.lmtp ? answerEach(session, transaction, answer) : answer;
}

/**
 * RFC 2033 sections 4.2 and 4.3: one reply for each recipient that was accepted, in their order; the message has one
 * fate for all of them. Says all but the last, which it returns.
 */
export function answerEach(session: SmtpSession, { recipients, queueId }: MailTransaction, answer: Reply): Reply {
  const answers = recipients.map(({ original }) =>
    answer.code === 250 ? reply(250, '2.0.0', `<${original}> ${queueId} Saved`) : answer,
  );
  for (const one of answers.slice(0, -1)) session.say(one);
  return answers.at(-1) ?? answer;
}

async function handOver(session: SmtpSession, transaction: MailTransaction): Promise<Reply> {
  const { intake } = session;
  // From here on the message is the receiver's: a client that goes away now may find it delivered.
  session.intake = null;
  try {
    return intake === null ? await tooBig(session, MESSAGE_TOO_BIG) : await intake.end();
  } catch (error) {
    session.service.log.error({ session: session.id, queueId: transaction.queueId, err: error }, 'the receiver failed');
    return INTERNAL_ERROR;
  }
}

/** Plugins may word the refusal of a message that is too long. */
export async function tooBig(session: SmtpSession, usual: Reply): Promise<Reply> {
  const verdict = await session.ask('max_data_exceeded', { connection: session.connection });
  return readRefusal(verdict)?.reply ?? usual;
}

function refuse(session: SmtpSession, refusal: Reply): Reply {
  session.intake?.abort();
  session.intake = null;
  return refusal;
}

/** `Ok: queued as ID` as BDAT words it: `Ok: 512 bytes queued as ID`. */
export const withOctets = (answer: Reply, octets: number): Reply =>
  answer.code === 250
    ? reply(answer.code, answer.enhanced, answer.text.replace(/^Ok: queued as/, `Ok: ${octets} bytes queued as`))
    : answer;
