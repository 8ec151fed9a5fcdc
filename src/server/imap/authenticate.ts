/** What LOGIN and AUTHENTICATE have in common: asking who it is, the answer, and what follows from it. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Completion, no, ok } from './completion.ts';
import type { Session } from './session.ts';

/** A password on a connection where it could be overheard. */
export function refusePlaintext(session: Session): Completion | null {
  if (session.mayLogin) return null;
  session.write('* BAD [ALERT] The password was sent in clear text over the network: change it, and use TLS.\r\n');
  return no('Plaintext authentication disallowed on non-secure (SSL/TLS) connections.', 'PRIVACYREQUIRED');
}

/** Guessing gets slower with each try, and ends; a client that goes away does not keep us. */
export async function failedLogin(session: Session, text: string): Promise<Completion> {
  const { limits } = session.services;
  session.login.failed();
  await delay(limits.failureDelay * session.login.failures, undefined, { signal: session.connection.signal }).catch(() => undefined);
  if (session.login.failures >= limits.failedLogins) session.bye('Too many failed logins.');
  return no(text, 'AUTHENTICATIONFAILED');
}

export async function authenticate(session: Session, method: string, login: string, password: string): Promise<Completion> {
  const { services, connection } = session;
  const { limits } = services;
  session.login.attempt(login, method);
  const result = await services.authenticator.verify({ login, password, remoteIp: connection.remote.ip, protocol: 'imap' });
  if (!result.ok) {
    if (result.reason === 'unavailable') return no('Temporary authentication failure.', 'UNAVAILABLE');
    return failedLogin(session, 'Authentication failed.');
  }
  const { account } = result;
  const verdict = await services.hooks.run('imap_login', { account, remoteIp: connection.remote.ip, tls: connection.tls !== null });
  if (verdict.code === 'DISCONNECT') session.bye('Disconnected.');
  if (verdict.code !== 'OK' && verdict.code !== 'NEXT') {
    const text = ('reply' in verdict ? verdict.reply?.text : undefined) ?? 'Login is not allowed.';
    if (verdict.code === 'DENYDISCONNECT' || verdict.code === 'DENYSOFTDISCONNECT') session.bye('Disconnected.');
    return no(text.replace(/[^\x20-\x7e]+/g, ' '), verdict.code.startsWith('DENYSOFT') ? 'UNAVAILABLE' : 'AUTHORIZATIONFAILED');
  }
  session.state = { kind: 'authenticated', account };
  connection.setIdleTimeout(limits.idleTimeout, () => session.bye('Disconnected for inactivity.'));
  session.login.succeeded(services);
  return ok('Logged in', `CAPABILITY ${session.capabilities()}`);
}
