/** AUTH (RFC 4954): runs a SASL mechanism over 334 replies and asks the authenticator. Requirements S1, S2. */
import { type Reply, reply } from '../../../mail/status.ts';
import { findMechanism } from '../../../protocol/sasl/table.ts';
import * as say from '../../../protocol/smtp/replies.ts';
import type { Candidate } from '../../login/authenticator.ts';
import { contextOf } from '../../login/offer.ts';
import { decide, runExchange, type SaslClaim, type Stopped } from '../../login/sasl-exchange.ts';
import { announcedMechanisms, offeredMechanisms } from '../extensions.ts';
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
  const mechanism = findMechanism(name, offeredMechanisms(session));
  if (mechanism === undefined) return failed(session, name, 'Invalid authentication mechanism', '');
  const { authenticator } = session.service;
  const { ip } = session.connection.remote;
  const who = (login: string): Candidate => ({ login, remoteIp: ip, protocol: 'smtp', mechanism: mechanism.name });
  const outcome = await runExchange(mechanism, {
    context: contextOf(session.wire, announcedMechanisms(session)),
    initial,
    ask: async (challenge) => (await session.prompt(reply(334, '', challenge)))?.trim() ?? null,
    secretOf: (login, scheme) => authenticator.secretOf(who(login), scheme),
  });
  switch (outcome.kind) {
    case 'malformed':
      return failed(session, name, outcome.reason, '');
    case 'unavailable':
      return unavailable(session, name, '');
    case 'not-base64':
    case 'cancelled':
    case 'gone':
      return stopped(session, name, outcome);
    default:
      return verify(session, name, outcome, who(outcome.kind === 'external' ? '' : outcome.login));
  }
}

async function verify(session: SmtpSession, name: string, claim: SaslClaim, who: Candidate): Promise<Answer> {
  const { authenticator } = session.service;
  const { login, mechanism } = who;
  const result = await decide(authenticator, claim, who);
  if (!result.ok && result.reason === 'unavailable') return unavailable(session, name, login);
  const end = await claim.conclude(result.ok, authenticator.tokenConfiguration);
  if (!result.ok) {
    const refused = failed(session, name, 'authentication failure', login);
    return end === null ? refused : stopped(session, name, end);
  }
  if (end !== null) return stopped(session, name, end);
  const { account } = result;
  session.loggedIn({ login, mechanism, account });
  const { connection } = session;
  await session.nameKnown();
  const refusal = await session.refused('smtp_login', { connection, account, mechanism }, 'AUTH', login);
  if (refusal === undefined) return say.AUTHENTICATED;
  session.logOut();
  return refusal;
}

function unavailable(session: SmtpSession, name: string, login: string): Reply {
  failed(session, name, 'Connection lost to authentication server', login);
  return say.AUTH_UNAVAILABLE;
}

/** The client did not go on with the exchange. */
function stopped(session: SmtpSession, name: string, outcome: Stopped): Answer {
  switch (outcome.kind) {
    case 'not-base64':
      return failed(session, name, `Invalid base64 data in ${outcome.which} response`, '');
    case 'gone':
      return null;
    case 'cancelled':
      session.service.log.warn({ session: session.id }, `${session.client}: SASL ${name} authentication aborted`);
      return say.AUTH_ABORTED;
  }
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
