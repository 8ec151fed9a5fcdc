/**
 * A login to a mailbox, from the password check to the account's session limit: asks the authenticator, then plugins
 * (`imap_login`, `pop3_login`), then checks the limit. Each protocol words the outcome.
 */
import { readRefusal } from '../../bus/refusal.ts';
import type { Account } from '../../mail/account.ts';
import type { LineConnection } from '../../net/connection.ts';
import { findMechanism } from '../../protocol/sasl/table.ts';
import { type MailboxServices, offeredMechanisms } from '../mailbox-server.ts';
import type { AccountEnd } from './account-watch.ts';
import type { LoginResult, Candidate as Who } from './authenticator.ts';
import { certificateUser } from './client-certificates.ts';
import { contextOf } from './offer.ts';
import type { LoginRecord } from './record.ts';
import { decide, runExchange, type SaslClaim, type SaslOutcome, type Stopped } from './sasl-exchange.ts';

/** What an open session holds; `leave` releases it and must be called once. */
export interface Login {
  readonly account: Account;
  readonly leave: () => void;
}

export type LoginOutcome =
  | { readonly kind: 'accepted'; readonly login: Login }
  /** Unknown name or wrong password. */
  | { readonly kind: 'failed' }
  /** Cannot be decided now. */
  | { readonly kind: 'unavailable' }
  /** The client did not go on after the mechanism's last word. */
  | Stopped
  /** By a plugin; `text` is printable US-ASCII. */
  | { readonly kind: 'refused'; readonly text: string; readonly temporary: boolean; readonly disconnect: boolean }
  /** The session limit is reached; `text` is Dovecot's. */
  | { readonly kind: 'crowded'; readonly text: string };

/** What a session provides for its login. */
interface Candidate {
  readonly services: MailboxServices;
  readonly connection: LineConnection;
  readonly login: LoginRecord;
}

/** Runs a mechanism by the name; null if this client is not offered it. */
export async function claimBy(
  { services, connection }: Pick<Candidate, 'services' | 'connection'>,
  name: string,
  { initial, ask }: Pick<Parameters<typeof runExchange>[1], 'initial' | 'ask'>,
): Promise<SaslOutcome | null> {
  const { authenticator, protocol } = services;
  const offered = offeredMechanisms(connection, services);
  const mechanism = findMechanism(name, offered);
  if (mechanism === undefined) return null;
  // The certificate says who it is, whatever name is given, as in Dovecot.
  const certified = certificateUser(connection, services.certificates);
  const whoIs = (login: string): Who => ({
    login: certified || login,
    remoteIp: connection.remote.ip,
    protocol,
    mechanism: mechanism.name,
  });
  return runExchange(mechanism, {
    context: contextOf(connection, offered),
    initial,
    ask,
    secretOf: (login, scheme) => authenticator.secretOf(whoIs(login), scheme),
  });
}

/**
 * `onEnd`: the account was removed, disabled or has a new password, so the session has to end; not called before this
 * resolves.
 */
export async function logIn(
  candidate: Candidate,
  claim: SaslClaim,
  onEnd: (why: AccountEnd) => void,
): Promise<LoginOutcome> {
  const { services, connection, login: record } = candidate;
  const { protocol, authenticator, hooks, places, limits } = services;
  const { ip } = connection.remote;
  const { mechanism } = claim;
  const certified = certificateUser(connection, services.certificates);
  const login = certified === '' && claim.kind !== 'external' ? claim.login : certified;
  record.named(login);
  const isDenied = claim.kind === 'external' && !mayIdentify(claim, certified, services);
  const who = { login: isDenied ? '' : login, remoteIp: ip, protocol, mechanism };
  const result = await whileConnected(decide(authenticator, claim, who), connection.signal);
  if (result === null) return { kind: 'unavailable' };
  if (!result.ok) record.failed(result.reason === 'unavailable' ? 'unavailable' : 'failed');
  if (!result.ok && result.reason === 'unavailable') return { kind: 'unavailable' };
  const stopped = await claim.conclude(result.ok, authenticator.tokenConfiguration);
  if (stopped !== null) return stopped;
  if (!result.ok) return { kind: 'failed' };
  const { account } = result;
  let ended: AccountEnd | null = null;
  let tell = (why: AccountEnd): void => {
    ended = why;
  };
  const unwatch = authenticator.watch(account, (why) => tell(why));
  const outcome = await enter();
  if (outcome.kind !== 'accepted') unwatch();
  else tell = onEnd;
  return outcome;

  async function enter(): Promise<LoginOutcome> {
    record.known();
    const verdict = await hooks.run(`${protocol}_login`, {
      account,
      remoteIp: ip,
      tls: connection.tls !== null,
      mechanism,
    });
    const refusal = readRefusal(verdict);
    if (refusal !== null) {
      const text = refusal.reply?.text ?? 'Login is not allowed.';
      return {
        kind: 'refused',
        text: text.replace(/[^\x20-\x7e]+/g, ' '),
        temporary: refusal.kind === 'temporary',
        disconnect: refusal.disconnect,
      };
    }
    if (ended !== null) {
      record.failed();
      return { kind: 'failed' };
    }
    const giveBack = places.take(account.id, ip);
    if (giveBack === null)
      return {
        kind: 'crowded',
        text: `Maximum number of connections from user+IP exceeded (mail_max_userip_connections=${limits.sessionsPerUser})`,
      };
    const leave = (): void => {
      giveBack();
      unwatch();
    };
    return { kind: 'accepted', login: { account, leave } };
  }
}

/** Nobody may be somebody else than the certificate says. */
const mayIdentify = (
  { authzid }: { readonly authzid: string },
  certified: string,
  { certificates }: MailboxServices,
): boolean => certificates.external === 'acts' && (authzid === '' || authzid === certified);

/** Whether the session may try again after its failures so far. */
export const mayTryAgain = ({ services, login }: Candidate): boolean => login.failures < services.limits.failedLogins;

/** Null if the client disconnects first: attempts are throttled, and a closing server does not wait for them. */
function whileConnected(result: Promise<LoginResult>, signal: AbortSignal): Promise<LoginResult | null> {
  return new Promise((resolve, reject) => {
    const gone = (): void => resolve(null);
    if (signal.aborted) gone();
    signal.addEventListener('abort', gone, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', gone));
  });
}
