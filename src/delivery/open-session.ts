/**
 * A session that is ready for MAIL FROM: connected, greeted, protected as the policy demands, and logged in.
 *
 * Where TLS is only tried (`may`) and its handshake fails, the same host is spoken to once more in clear
 * text, on a new connection, as Postfix does.
 */
import { isIP } from 'node:net';
import { connectTo } from './connect.ts';
import type { Peer } from './peer-outcome.ts';
import type { RemoteSettings } from './remote-settings.ts';
import { SessionFault, SmtpSession } from './smtp-session.ts';
import { type TlsPolicy, tlsOptions } from './tls-policy.ts';

export interface OpenOptions {
  readonly peer: Peer;
  readonly policy: TlsPolicy;
  readonly settings: RemoteSettings;
  readonly authorities: readonly string[];
  readonly signal: AbortSignal;
}

/** Rejects with SessionFault. */
export async function openSession(options: OpenOptions): Promise<SmtpSession> {
  const { policy, settings } = options;
  let session: SmtpSession;
  try {
    session = await handshake(options, settings.tls.wrapper ? 'wrap' : policy.level === 'none' ? 'ignore' : policy.level === 'may' ? 'try' : 'require');
  } catch (fault) {
    if (policy.level !== 'may' || settings.tls.wrapper || !(fault instanceof SessionFault) || fault.kind !== 'tls') throw fault;
    session = await handshake(options, 'ignore');
  }
  try {
    await logIn(session, options);
    return session;
  } catch (fault) {
    session.quit();
    throw fault;
  }
}

async function handshake(options: OpenOptions, starttls: 'ignore' | 'try' | 'require' | 'wrap'): Promise<SmtpSession> {
  const { peer, policy, settings, signal } = options;
  const socket = await connectTo({ ip: peer.ip, port: peer.port, bind: settings.bind, timeout: settings.connectTimeout, signal }).catch((fault: Error) => {
    throw new SessionFault('lost', 'connect', null, fault.message);
  });
  const onAbort = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', onAbort);
  try {
    return await SmtpSession.open({
      socket,
      hostName: peer.name,
      heloName: settings.heloName,
      lmtp: peer.nexthop.protocol === 'lmtp',
      starttls,
      tls: { ...tlsOptions(policy, options.authorities, settings.tls.minVersion), ...(isIP(peer.name) === 0 ? { servername: peer.name } : {}) },
      timeouts: settings.timeouts,
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** smtp_sasl_password_maps: by the nexthop as it was written, then by the host's name. */
async function logIn(session: SmtpSession, { peer, settings }: OpenOptions): Promise<void> {
  const { passwords, plaintext } = settings.auth;
  let entry: string | undefined;
  for (const table of passwords) entry ??= (await table.get(peer.destination)) ?? (await table.get(peer.nexthop.host)) ?? (await table.get(peer.name));
  if (entry === undefined || session.mechanisms.length === 0) return;
  const colon = entry.indexOf(':');
  const user = colon < 0 ? entry : entry.slice(0, colon);
  const pass = colon < 0 ? '' : entry.slice(colon + 1);
  const open = session.secure ? plaintext.tls : plaintext.clear;
  const allowed = open ? ['PLAIN', 'LOGIN', 'CRAM-MD5'] : ['CRAM-MD5'];
  const method = allowed.find((name) => session.mechanisms.includes(name));
  // The peer's offer is looked at under our own rules: a password is not shown to whoever asks for it in clear text.
  if (method === undefined)
    throw new SessionFault('refused', 'AUTH', { code: 454, enhanced: '4.7.0', text: 'SASL authentication failed; no mechanism available' }, 'no mechanism');
  await session.login(user, pass, method);
}
