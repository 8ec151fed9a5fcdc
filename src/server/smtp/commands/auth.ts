/** AUTH (RFC 4954): runs a SASL mechanism over 334 replies and asks the authenticator. Requirements S1, S2. */
import { type Reply, reply } from '../../../mail/status.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import { runExchange } from '../../login/sasl-exchange.ts';
import { offeredMechanisms } from '../extensions.ts';
import type { Answer, SmtpSession } from '../session.ts';

export function auth(session: SmtpSession, argument: string): Answer | Promise<Answer> {
  const { settings, connection } = session;
  if (settings.heloRequired && connection.helo === null) return say.HELO_FIRST;
  if (!settings.sasl.enabled) return say.AUTH_DISABLED;
  if (connection.transaction !== null) return say.IN_TRANSACTION;
  if (settings.sasl.tlsOnly && connection.tls === null) return say.AUTH_NEEDS_TLS;
  if (connection.user !== null) return say.AUTH_TWICE;
  const [name = '', initial = null, ...more] = argument.trim().split(/\s+/);
  if (name === '' || more.length > 0) return say.syntax('AUTH mechanism');
  if (!session.service.limits.allows(connection.remote.ip, 'logins'))
    return reply(450, '4.7.1', `Error: too many AUTH commands from ${session.connection.remote.ip}`);
  return run(session, name, initial);
}

async function run(session: SmtpSession, name: string, initial: string | null): Promise<Answer> {
  const mechanism = offeredMechanisms(session).find((offered) => offered.name === name.toUpperCase());
  if (mechanism === undefined) return failed(session, name, 'Invalid authentication mechanism', '');
  const outcome = await runExchange(
    mechanism,
    initial,
    async (challenge) => (await session.prompt(reply(334, '', challenge)))?.trim() ?? null,
  );
  switch (outcome.kind) {
    case 'password':
      return verify(session, name, outcome.login, outcome.password);
    case 'malformed':
    case 'not-base64':
      return failed(session, name, outcome.reason, '');
    case 'gone':
      return null;
    case 'cancelled':
      session.service.log.warn({ session: session.id }, `${session.client}: SASL ${name} authentication aborted`);
      return say.AUTH_ABORTED;
  }
}

async function verify(session: SmtpSession, name: string, login: string, password: Buffer): Promise<Answer> {
  const { ip } = session.connection.remote;
  const result = await session.service.authenticator.verify({ login, password, remoteIp: ip, protocol: 'smtp' });
  if (result.ok) {
    session.loggedIn({ login, mechanism: name.toUpperCase(), account: result.account });
    return say.AUTHENTICATED;
  }
  if (result.reason === 'credentials') return failed(session, name, 'authentication failure', login);
  failed(session, name, 'Connection lost to authentication server', login);
  return say.AUTH_UNAVAILABLE;
}

/** Worded as fail2ban and similar tools expect. */
function failed(session: SmtpSession, name: string, reason: string, login: string): Reply {
  const mechanism = name.replace(/[^\x21-\x7e]/g, '?').slice(0, 30);
  const who = login === '' ? '(unavailable)' : login;
  session.service.log.warn(
    { session: session.id },
    `${session.client}: SASL ${mechanism} authentication failed: ${reason}, sasl_username=${who}`,
  );
  return say.authenticationFailed(reason);
}
