/**
 * XCLIENT (XCLIENT_README): the session begins again as that of another client; for proxies, and for trying rules out.
 * XFORWARD (XFORWARD_README): the client of whom a filter got the next message, for the log.
 *
 * LOGIN is not taken: a login here is an account, which no name alone gives.
 */
import { isReply, reply } from '../../../mail/status.ts';
import { parseClientAttributes, XCLIENT, XFORWARD } from '../../../protocol/smtp/client-attributes.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import type { Answer, SmtpSession } from '../session.ts';

export function xclient(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  const words = argument.trim();
  if (session.connection.transaction !== null) return say.IN_TRANSACTION;
  if (words === '') return say.syntax('XCLIENT attribute=value...');
  if (!session.rights.xclient) return say.INSUFFICIENT_AUTHORIZATION;
  const attributes = parseClientAttributes('XCLIENT', words.split(/\s+/), XCLIENT);
  if (isReply(attributes)) return attributes;
  session.impersonate(attributes);
  return begin(session);
}

async function begin(session: SmtpSession): Promise<Answer> {
  const { connection, settings, service } = session;
  if (service.rightsOf !== null) session.rights = await service.rightsOf(connection);
  const refusal = await session.refused('connect', { connection }, 'CONNECT', session.client);
  if (refusal === undefined) return reply(220, '', settings.banner);
  session.denied = true;
  return refusal;
}

export function xforward(session: SmtpSession, argument: string): Answer {
  const words = argument.trim();
  if (session.connection.transaction !== null) return say.IN_TRANSACTION;
  if (words === '') return say.syntax('XFORWARD attribute=value...');
  if (!session.rights.xforward) return say.INSUFFICIENT_AUTHORIZATION;
  const attributes = parseClientAttributes('XFORWARD', words.split(/\s+/), XFORWARD);
  if (isReply(attributes)) return attributes;
  session.forwarded = new Map([...session.forwarded, ...attributes]);
  return say.OK;
}
