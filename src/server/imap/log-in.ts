/** Shared by LOGIN and AUTHENTICATE: the login, and its outcome as an IMAP response. */
import { lacksCertificate, MISSING_CERTIFICATE } from '../login/client-certificates.ts';
import { logIn, mayTryAgain } from '../login/login.ts';
import type { SaslClaim, Stopped } from '../login/sasl-exchange.ts';
import { bad, type Completion, no, ok } from './completion.ts';
import type { Session } from './session.ts';

/** Refuses a password on a connection that could be overheard. */
export function refusePlaintext(session: Session): Completion | null {
  if (session.mayLogin) return null;
  session.login.refused('plaintext');
  session.write('* BAD [ALERT] The password was sent in clear text over the network: change it, and use TLS.\r\n');
  return no('Plaintext authentication disallowed on non-secure (SSL/TLS) connections.', 'PRIVACYREQUIRED');
}

/** There is no such mechanism here. */
export function unsupported({ login, services }: Session, name: string): Completion {
  login.begin(name, services.clock());
  login.refused('unsupported');
  return no('Unsupported authentication mechanism.', 'ALERT');
}

/** Refuses whoever has no certificate where one is required. */
export function refuseWithoutCertificate(session: Session): Completion | null {
  if (!lacksCertificate(session.connection, session.services.certificates)) return null;
  session.login.refused('certificate');
  return no(MISSING_CERTIFICATE, 'ALERT');
}

/** An attempt that violated the mechanism's syntax. */
export function malformedLogin(session: Session, text: string): Completion {
  session.login.failed();
  return failedLogin(session, no(text, 'AUTHENTICATIONFAILED'));
}

function failedLogin(session: Session, completion: Completion): Completion {
  if (!mayTryAgain(session)) session.bye('Too many failed logins.');
  return completion;
}

const TEMPORARY = no('Temporary authentication failure.', 'UNAVAILABLE');

/** What is stored of the login cannot be looked up now. */
export function unavailableLogin(session: Session): Completion {
  session.login.failed('unavailable');
  return failedLogin(session, TEMPORARY);
}

/** The client did not go on with the exchange. */
export const stopped = (outcome: Stopped): Completion =>
  bad(
    outcome.kind === 'not-base64'
      ? `Invalid base64 data in ${outcome.which} response`
      : 'Authentication aborted by client.',
  );

/** Call LoginRecord.begin first. */
export async function authenticate(session: Session, claim: SaslClaim): Promise<Completion> {
  const outcome = await logIn(session, claim, session.onAccountEnd);
  switch (outcome.kind) {
    case 'failed':
      return failedLogin(session, no('Authentication failed.', 'AUTHENTICATIONFAILED'));
    case 'unavailable':
      return failedLogin(session, TEMPORARY);
    case 'not-base64':
    case 'cancelled':
    case 'gone':
      return stopped(outcome);
    case 'refused':
      if (outcome.disconnect) session.bye('Disconnected.', 'Login refused');
      return no(outcome.text, outcome.temporary ? 'UNAVAILABLE' : 'AUTHORIZATIONFAILED');
    case 'crowded':
      session.end(outcome.text);
      return no(outcome.text, 'LIMIT');
    case 'accepted':
      // The login timeout may have expired while the password was being checked.
      if (session.state.kind !== 'not-authenticated') {
        outcome.login.leave();
        return no('Disconnected.', 'UNAVAILABLE');
      }
      session.enter(outcome.login);
      return ok('Logged in', `CAPABILITY ${session.capabilities()}`);
  }
}
