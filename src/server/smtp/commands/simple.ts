/** NOOP, RSET and QUIT (RFC 5321 sections 4.1.1.9, 4.1.1.5, 4.1.1.10). */
import * as say from '../../../protocol/smtp/replies.ts';
import type { Answer, SmtpSession } from '../session.ts';

export const noop = (): Answer => say.OK;

export function rset(session: SmtpSession, argument: string): Answer {
  if (argument.trim() !== '') return say.syntax('RSET');
  session.resetTransaction();
  return say.OK;
}

export function quit(session: SmtpSession): Answer {
  session.endAfterAnswer();
  return say.BYE;
}
