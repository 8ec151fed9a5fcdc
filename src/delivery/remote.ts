/**
 * Delivery to other servers (Postfix: smtp(8); requirement P17): host by host in the order of the MX,
 * one transaction for all recipients of a message at a destination, each recipient's fate its own.
 *
 * A recipient is `sent` only after the peer's 2xx to the end of the data. What was refused for now or got
 * lost on the way is tried at the next host, and stays in the queue when there is none: a message may arrive
 * twice where a peer died between taking it and saying so, and it is never dropped.
 */
import { Readable } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { type Reply, reply } from '../mail/status.ts';
import { CHUNK_SIZE, type ContentStore } from '../store/content.ts';
import type { QueueItem } from '../store/queue.ts';
import { findHosts, type HostFinder } from './mx.ts';
import { openSession } from './open-session.ts';
import { type Attempt, type Outcome, unanimous } from './outcome.ts';
import { isSpeakable, needsUtf8, outgoing } from './outgoing.ts';
import { connectFailure, doing, outcomeOf, type Peer, peerWords, refusedOutcome, refusedReply, transient } from './peer-outcome.ts';
import type { RemoteSettings } from './remote-settings.ts';
import type { Route } from './route.ts';
import { SessionPool } from './session-pool.ts';
import { type SentMessage, SessionFault, type SmtpSession } from './smtp-session.ts';
import { type TlsPolicy, tlsPolicy } from './tls-policy.ts';

export interface RemoteOptions {
  readonly settings: RemoteSettings;
  readonly finder: Omit<HostFinder, 'addressLimit' | 'families'>;
  readonly content: ContentStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Where other servers listen: 25, or shifted in the lab. */
  readonly smtpPort: number;
  /** PEM of smtp_tls_CAfile; empty: the platform's authorities. */
  readonly authorities: readonly string[];
}

export interface Remote {
  /** All items are of one message. Rejects only where the store cannot give the content. */
  deliver(route: Route & { kind: 'remote' }, items: readonly QueueItem[], signal: AbortSignal): Promise<Attempt>;
  /** Ends idle sessions. */
  close(): void;
}

/** How far one message has come. */
interface Progress {
  readonly pending: Map<QueueItem['id'], QueueItem>;
  /** The last word about each recipient. */
  readonly outcomes: Map<QueueItem['id'], Outcome>;
  connecting: number;
  sending: number;
  sessions: number;
  hostFailure: Reply | null;
  transcript: string;
}

const UNSPEAKABLE = reply(553, '5.1.3', 'an address of the envelope cannot be said to another server');

export function createRemote(options: RemoteOptions): Remote {
  const { settings, clock, content } = options;
  const log = options.log.child({ process: 'postfix/smtp' });
  const pool = new SessionPool(settings.pool, clock);
  const finder: HostFinder = {
    ...options.finder,
    isMyself: (name) => options.finder.isMyself(name),
    addressLimit: settings.addressLimit,
    families: settings.families,
  };

  async function deliver(route: Route & { kind: 'remote' }, items: readonly QueueItem[], signal: AbortSignal): Promise<Attempt> {
    const { nexthop, destination } = route;
    const unspeakable = items.filter((item) => !isSpeakable(item));
    if (unspeakable.length > 0) {
      const rest = items.filter(isSpeakable);
      const others = rest.length === 0 ? unanimous([], 'bounced', UNSPEAKABLE, 'none') : await deliver(route, rest, signal);
      return { ...others, outcomes: [...unanimous(unspeakable, 'bounced', UNSPEAKABLE, 'none').outcomes, ...others.outcomes] };
    }
    const found = await findHosts(nexthop, finder);
    if (!found.ok) return { ...unanimous(items, found.status, found.reply, 'none'), hostFailure: found.status === 'deferred' ? found.reply : null };
    const progress: Progress = {
      pending: new Map(items.map((item) => [item.id, item])),
      outcomes: new Map(),
      connecting: 0,
      sending: 0,
      sessions: 0,
      hostFailure: null,
      transcript: '',
    };
    for (const host of found.hosts) {
      if (progress.pending.size === 0 || signal.aborted) break;
      if (settings.sessionLimit > 0 && progress.sessions >= settings.sessionLimit) break;
      const port = nexthop.port ?? (nexthop.protocol === 'lmtp' ? 24 : options.smtpPort);
      await tryHost({ ...host, port, nexthop, destination }, progress, signal);
    }
    const because = progress.hostFailure ?? reply(451, '4.3.0', 'delivery was broken off');
    for (const item of progress.pending.values()) {
      if (!progress.outcomes.has(item.id)) progress.outcomes.set(item.id, outcomeOf(item, 'deferred', because, null));
    }
    return {
      outcomes: items.flatMap((item) => progress.outcomes.get(item.id) ?? []),
      hostFailure: progress.sessions === 0 ? progress.hostFailure : null,
      connecting: progress.connecting,
      sending: progress.sending,
      transcript: progress.transcript,
    };
  }

  /** Settles what this host takes or refuses for good; the rest stays pending. */
  async function tryHost(peer: Peer, progress: Progress, signal: AbortSignal): Promise<void> {
    const policy = await tlsPolicy(peer.nexthop, peer.name, settings.tls.level, settings.tls.policies, peer.destination);
    const key = `${peer.nexthop.protocol} ${peer.ip} ${peer.port} ${peer.name} ${peer.destination} ${policy.level} ${policy.names.join()}`;
    const kept = pool.take(key);
    // A server may have ended an idle session a moment ago: that is no failure of its.
    if (kept !== null && (await useSession(kept, key, peer, progress, signal, true))) return;
    const began = clock();
    let session: SmtpSession;
    try {
      session = await openSession({ peer, policy, settings, authorities: options.authorities, signal });
    } catch (fault) {
      progress.connecting += clock() - began;
      if (!(fault instanceof SessionFault)) throw fault;
      hostFailed(peer, policy, fault, progress);
      return;
    }
    progress.connecting += clock() - began;
    pool.opened(session);
    logTls(peer, session, policy);
    await useSession(session, key, peer, progress, signal, false);
  }

  /** False: a kept session turned out to be dead before anything was said. */
  async function useSession(session: SmtpSession, key: string, peer: Peer, progress: Progress, signal: AbortSignal, kept: boolean): Promise<boolean> {
    progress.sessions += 1;
    const items = [...progress.pending.values()];
    const unsupported = items.filter((item) => needsUtf8(item) && !session.offers('SMTPUTF8'));
    for (const item of unsupported)
      conclude(progress, outcomeOf(item, 'bounced', reply(553, '5.6.7', `SMTPUTF8 is required, but was not offered by host ${peerWords(peer)}`), peer));
    const accepted = items.filter((item) => !unsupported.includes(item));
    const [first] = accepted;
    if (first === undefined) {
      pool.put(key, session);
      return true;
    }
    if (session.sizeLimit > 0 && first.size > session.sizeLimit) {
      const tooLarge = reply(552, '5.3.4', `message size ${first.size} exceeds size limit ${session.sizeLimit} of server ${peerWords(peer)}`);
      for (const item of accepted) conclude(progress, outcomeOf(item, 'bounced', tooLarge, peer));
      pool.put(key, session);
      return true;
    }
    const message = outgoing(first, accepted, session, await bodyOf(first));
    const onAbort = (): void => session.destroy();
    signal.addEventListener('abort', onAbort);
    const began = clock();
    const sent = await session.send(message);
    signal.removeEventListener('abort', onAbort);
    progress.sending += clock() - began;
    if (sent.final instanceof SessionFault && sent.final.kind === 'content') {
      session.destroy();
      throw new Error(`the content of ${first.queueId} cannot be read: ${sent.final.message}`);
    }
    if (kept && sent.final instanceof SessionFault && sent.final.reply === null && sent.refused.size === 0 && sent.final.stage !== 'end of data') {
      session.destroy();
      progress.sessions -= 1;
      return false;
    }
    const notifies = session.offers('DSN');
    for (const item of accepted) judge(item, sent, peer, progress, notifies);
    if (sent.final instanceof SessionFault) {
      if (progress.transcript === '' && sent.final.reply === null) progress.transcript = session.transcript;
      session.quit();
    } else {
      pool.put(key, session);
    }
    return true;
  }

  async function bodyOf(item: QueueItem): Promise<Readable> {
    // A short message is read before the session is used: a fault of the store's then costs the peer nothing.
    if (item.size <= CHUNK_SIZE) return Readable.from([await content.read(item.content, 0, item.size)], { objectMode: false });
    return Readable.from(content.stream(item.content, 0, item.size), { objectMode: false });
  }

  function judge(item: QueueItem, sent: SentMessage, peer: Peer, progress: Progress, notifies: boolean): void {
    // After a refused MAIL FROM, what a pipelining server says to RCPT TO means nothing.
    const senderRefused = sent.final instanceof SessionFault && sent.final.stage === 'MAIL FROM';
    const refused = senderRefused ? undefined : sent.refused.get(item.recipient);
    const { final } = sent;
    if (refused !== undefined) {
      refuse(item, refused, 'RCPT TO', peer, progress);
      return;
    }
    if (!(final instanceof SessionFault)) {
      conclude(progress, { ...outcomeOf(item, 'sent', final, peer), notifies });
      return;
    }
    if (final.reply !== null) {
      refuse(item, final.reply, final.stage, peer, progress);
      return;
    }
    const words =
      final.kind === 'timeout'
        ? `conversation with ${peerWords(peer)} timed out while ${doing(final.stage)}`
        : `lost connection with ${peerWords(peer)} while ${doing(final.stage)}`;
    progress.outcomes.set(item.id, outcomeOf(item, 'deferred', reply(451, '4.4.2', words), peer));
  }

  function refuse(item: QueueItem, answer: Reply, stage: string, peer: Peer, progress: Progress): void {
    const outcome = refusedOutcome(item, answer, stage, peer);
    if (outcome.status === 'bounced') conclude(progress, outcome);
    else progress.outcomes.set(item.id, outcome);
  }

  function hostFailed(peer: Peer, policy: TlsPolicy, fault: SessionFault, progress: Progress): void {
    const { reply: said } = fault;
    const permanent =
      said !== null &&
      said.code >= 500 &&
      fault.kind !== 'tls' &&
      !(settings.skip5xxGreeting && fault.stage.includes('greeting')) &&
      !(settings.auth.softBounce && fault.stage.startsWith('AUTH'));
    const failure = said === null ? connectFailure(peer, fault) : refusedReply(said, fault.stage, peer);
    for (const item of progress.pending.values()) {
      const outcome = said === null ? outcomeOf(item, 'deferred', failure, null) : refusedOutcome(item, said, fault.stage, peer);
      if (permanent) conclude(progress, { ...outcome, status: 'bounced' });
      else progress.outcomes.set(item.id, { ...outcome, status: 'deferred', reply: transient(outcome.reply) });
    }
    if (!permanent) progress.hostFailure = transient(failure);
    log.info({ destination: peer.destination, level: policy.level }, failure.text);
  }

  function logTls(peer: Peer, session: SmtpSession, policy: TlsPolicy): void {
    if (!settings.tls.logged || !session.secure) return;
    const socket = session.socket;
    if (socket === null || !('getCipher' in socket)) return;
    const { getCipher, getProtocol } = socket as unknown as { getCipher(): { name: string }; getProtocol(): string | null };
    const trust = policy.level === 'verify' || policy.level === 'secure' ? 'Verified' : 'Untrusted';
    log.info(
      {},
      `${trust} TLS connection established to ${peerWords(peer)}:${peer.port}: ${getProtocol.call(socket)} with cipher ${getCipher.call(socket).name}`,
    );
  }

  return { deliver, close: () => pool.close() };
}

function conclude(progress: Progress, outcome: Outcome): void {
  progress.outcomes.set(outcome.item.id, outcome);
  progress.pending.delete(outcome.item.id);
}
