/**
 * A session that is ready for MAIL FROM: connected, greeted, secured as the policy requires, and logged in.
 *
 * A failed TLS handshake is only reported: `remote-attempt.ts` may retry in clear text under the conditions of
 * `mayGoOnInClear`.
 */
import { isIP, isIPv6, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { lookUp, mailboxKeys } from '../../lookup/address-keys.ts';
import type { ClientContexts } from './client-contexts.ts';
import { ConnectError, connectTo } from './connect.ts';
import type { Listener } from './debugged-peer.ts';
import { ignoredKeywordsOf } from './ignored-keywords.ts';
import { type Peer, peerWords } from './peer-outcome.ts';
import type { RefusedLogins } from './refused-logins.ts';
import { type Proof, proofOf } from './server-certificate.ts';
import type { RemoteSettings } from './settings.ts';
import { SmtpSession } from './smtp-session.ts';
import { SessionFault } from './smtp-session-fault.ts';
import { type Credentials, logIn, parseCredentials } from './smtp-session-login.ts';
import { isAuthenticating } from './tls-level.ts';
import type { TlsPolicy } from './tls-policy.ts';

export interface OpenOptions {
  readonly peer: Peer;
  readonly policy: TlsPolicy;
  readonly settings: RemoteSettings;
  readonly contexts: ClientContexts;
  readonly credentials: Credentials | null;
  readonly refusedLogins: RefusedLogins;
  readonly signal: AbortSignal;
  readonly listener: Listener | null;
  warn(message: string): void;
  /** A handshake was made, whatever its certificate is worth. */
  onSecured(socket: TLSSocket, proof: Proof): void;
}

const STARTTLS = {
  none: 'ignore',
  may: 'try',
  encrypt: 'require',
  dane: 'require',
  fingerprint: 'require',
  verify: 'require',
  secure: 'require',
} as const;

/** Rejects with SessionFault. */
export async function openSession(options: OpenOptions): Promise<SmtpSession> {
  const { peer, policy, settings, credentials, signal, refusedLogins } = options;
  const { tls } = settings;
  const ignoredKeywords = await ignoredKeywordsOf(settings.ignoredKeywords, peer.ip);
  const socket = await connected(options);
  const onAbort = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', onAbort);
  try {
    const session = await SmtpSession.open({
      socket,
      listener: options.listener,
      peerWords: peerWords(peer),
      heloName: settings.heloName,
      hello: settings.hello,
      starttls: tls.wrapper ? 'wrap' : STARTTLS[policy.level],
      tls: () => ({
        secureContext: options.contexts.of(policy),
        ...(policy.serverName === '' || isIP(policy.serverName) !== 0 ? {} : { servername: policy.serverName }),
      }),
      faultOf: (secured) => {
        const proof = proofOf(secured, policy, tls);
        options.onSecured(secured, proof);
        return proof.fault;
      },
      timeouts: settings.timeouts,
      deadline: settings.deadline,
      waitsForQuit: settings.waitsForQuit,
      replyFilter: settings.replyFilter,
      ignoredKeywords,
      warn: options.warn,
    });
    if (credentials === null) return session;
    try {
      await logIn(session, credentials, settings.auth, isAuthenticating(policy.level), {
        find: () => refusedLogins.find(peer.name, credentials),
        heard: (reply) => refusedLogins.heard(peer.name, credentials, reply),
      });
      return session;
    } catch (error) {
      session.quit();
      throw error;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** smtp_bind_address; where it cannot be used, the system's choice, or mail waits (smtp_bind_address_enforce). */
async function connected({ peer, settings, signal, warn }: OpenOptions): Promise<Socket> {
  const { bind } = settings;
  const localAddress = isIPv6(peer.ip) ? bind.ipv6 : bind.ipv4;
  const place = { ip: peer.ip, port: peer.port, path: peer.nexthop.socket, timeout: settings.connectTimeout, signal };
  try {
    return await connectTo({ ...place, localAddress }).catch((error: ConnectError) => {
      if (!error.isOfBind) throw error;
      warn(`bind ${localAddress}: ${error.message}`);
      if (bind.enforced)
        throw new SessionFault('connect', { kind: 'policy', enhanced: '4.4.0', words: 'server configuration error' });
      return connectTo({ ...place, localAddress: '' });
    });
  } catch (error) {
    if (error instanceof ConnectError) throw new SessionFault('connect', { kind: 'connect' }, error.message);
    throw error;
  }
}

/**
 * smtp_sasl_password_maps: looked up by host name, then by the nexthop as configured; before both by sender
 * (smtp_sender_dependent_authentication). Null if there is no entry.
 */
export async function findCredentials(
  peer: Peer,
  sender: string,
  { auth, delimiters }: RemoteSettings,
): Promise<Credentials | null> {
  if (auth.bySender && sender !== '') {
    const found = await lookUp(auth.passwords, mailboxKeys(sender, delimiters, false));
    if (found !== null) return parseCredentials(found.value);
  }
  for (const key of [peer.name, peer.destination, peer.nexthop.host]) {
    for (const table of auth.passwords) {
      const entry = await table.get(key);
      if (entry !== undefined) return parseCredentials(entry);
    }
  }
  return null;
}

/**
 * Whether a message may be sent in clear text after opportunistic TLS (`may`) failed. As in Postfix, only if it has
 * waited for minimal_backoff_time, so that one failed handshake is not enough, and never to a server we log in to.
 * `age`: of the message, ms.
 */
export function mayGoOnInClear(
  policy: TlsPolicy,
  settings: Pick<RemoteSettings, 'minimalBackoff'> & { readonly wrapper: boolean },
  credentials: Credentials | null,
  age: number,
): boolean {
  return policy.level === 'may' && !settings.wrapper && credentials === null && age >= settings.minimalBackoff;
}
