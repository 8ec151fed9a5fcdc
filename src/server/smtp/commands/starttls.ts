/**
 * STARTTLS (RFC 3207): the session state before the handshake is reset, and input sent together with the command is
 * discarded.
 */

import { reply } from '../../../mail/status.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import type { Answer, SmtpSession } from '../session.ts';

const UNAVAILABLE = reply(454, '4.7.0', 'TLS not available due to local problem');

export function starttls(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  const { settings, service, connection } = session;
  if (argument.trim() !== '') return say.syntax('STARTTLS');
  if (connection.tls !== null) return say.TLS_ACTIVE;
  if (settings.tls === 'none' || settings.discardedKeywords.has('STARTTLS')) return say.NOT_IMPLEMENTED;
  if (service.tls === null) return UNAVAILABLE;
  if (!service.limits.allows(connection.remote.ip, 'handshakes'))
    return reply(454, '4.7.0', `Error: too many new TLS sessions from ${session.client}`);
  return handshake(session);
}

async function handshake(session: SmtpSession): Promise<null> {
  session.say(say.START_TLS);
  await session.secure();
  return null;
}
