/** What LOGIN and AUTHENTICATE have in common: the login, and its outcome in IMAP's words. */
import { logIn, punish } from '../login.ts';
import { type Completion, no, ok } from './completion.ts';
import type { Session } from './session.ts';

/** A password on a connection where it could be overheard. */
export function refusePlaintext(session: Session): Completion | null {
  if (session.mayLogin) return null;
  session.write('* BAD [ALERT] The password was sent in clear text over the network: change it, and use TLS.\r\n');
  return no('Plaintext authentication disallowed on non-secure (SSL/TLS) connections.', 'PRIVACYREQUIRED');
}

export async function failedLogin(session: Session, text: string): Promise<Completion> {
  if (!(await punish(session))) session.bye('Too many failed logins.');
  return no(text, 'AUTHENTICATIONFAILED');
}

export async function authenticate(session: Session, method: string, login: string, password: string): Promise<Completion> {
  const outcome = await logIn(session, method, login, password);
  switch (outcome.kind) {
    case 'failed':
      return failedLogin(session, 'Authentication failed.');
    case 'unavailable':
      return no('Temporary authentication failure.', 'UNAVAILABLE');
    case 'refused':
      if (outcome.disconnect) session.bye('Disconnected.', 'Login refused');
      return no(outcome.text, outcome.temporary ? 'UNAVAILABLE' : 'AUTHORIZATIONFAILED');
    case 'crowded':
      session.end(outcome.text);
      return no(outcome.text, 'LIMIT');
    case 'accepted':
      // The time to log in may have passed while the password was being checked.
      if (session.state.kind !== 'not-authenticated') {
        outcome.leave();
        return no('Disconnected.', 'UNAVAILABLE');
      }
      session.enter(outcome.account, outcome.leave);
      return ok('Logged in', `CAPABILITY ${session.capabilities()}`);
  }
}
