/**
 * A login to a mailbox, from the password to the place among the account's sessions: the authenticator is asked,
 * then plugins (`imap_login`, `pop3_login`), then whether there is room. The protocol words the outcome.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from '../mail/account.ts';
import type { LineConnection } from '../net/connection.ts';
import type { LoginRecord } from './login-record.ts';
import type { MailboxServices } from './mailbox-server.ts';

export type LoginOutcome =
  /** `leave` gives the place back: to be called once. */
  | { readonly kind: 'accepted'; readonly account: Account; readonly leave: () => void }
  /** Nobody of that name and password. */
  | { readonly kind: 'failed' }
  /** Not known now. */
  | { readonly kind: 'unavailable' }
  /** By a plugin; `text` is printable US-ASCII. */
  | { readonly kind: 'refused'; readonly text: string; readonly temporary: boolean; readonly disconnect: boolean }
  /** All places are taken; `text` in Dovecot's words. */
  | { readonly kind: 'crowded'; readonly text: string };

/** What a session lends for its login. */
interface Candidate {
  readonly services: MailboxServices;
  readonly connection: LineConnection;
  readonly login: LoginRecord;
}

export async function logIn({ services, connection, login: record }: Candidate, method: string, login: string, password: string): Promise<LoginOutcome> {
  const { protocol, authenticator, hooks, places, limits } = services;
  const { ip } = connection.remote;
  record.attempt(login, method);
  const result = await authenticator.verify({ login, password, remoteIp: ip, protocol });
  if (!result.ok) return { kind: result.reason === 'unavailable' ? 'unavailable' : 'failed' };
  record.known();
  const { account } = result;
  const verdict = await hooks.run(`${protocol}_login`, { account, remoteIp: ip, tls: connection.tls !== null });
  if (verdict.code !== 'OK' && verdict.code !== 'NEXT') {
    const text = ('reply' in verdict ? verdict.reply?.text : undefined) ?? 'Login is not allowed.';
    const temporary = verdict.code.startsWith('DENYSOFT');
    return { kind: 'refused', text: text.replace(/[^\x20-\x7e]+/g, ' '), temporary, disconnect: verdict.code.endsWith('DISCONNECT') };
  }
  const leave = places.take(account.id, ip);
  if (leave !== null) return { kind: 'accepted', account, leave };
  return { kind: 'crowded', text: `Maximum number of connections from user+IP exceeded (mail_max_userip_connections=${limits.sessionsPerUser})` };
}

/** Guessing gets slower with each try; a client that goes away does not keep us. False where this was one try too many. */
export async function punish({ services, connection, login }: Candidate): Promise<boolean> {
  const { failureDelay, failedLogins } = services.limits;
  login.failed();
  await delay(failureDelay * login.failures, undefined, { signal: connection.signal }).catch(() => undefined);
  return login.failures < failedLogins;
}
