/**
 * Delivery to other servers (Postfix: smtp(8); requirement P17): host by host in the order of the MX,
 * one transaction for all recipients of a message at a destination, each recipient's fate its own.
 *
 * A recipient is `sent` only after the peer's 2xx to the end of the data. What was refused for now or got
 * lost on the way is tried at the next host, and stays in the queue when there is none: a message may arrive
 * twice where a peer died between taking it and saying so, and it is never dropped.
 */
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { type Reply, reply } from '../../mail/status.ts';
import { CHUNK_SIZE, type ContentStore } from '../../store/content.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Attempt, type Outcome, unanimous } from '../outcome.ts';
import type { Route } from '../route/router.ts';
import { findHosts, type HostFinder } from './mx.ts';
import { findCredentials, mayGoOnInClear, openSession } from './open-session.ts';
import { hasUtf8Envelope, hasUtf8Header, isSpeakable, type OutgoingContent, outgoing } from './outgoing.ts';
import { faultOutcome, faultReply, type Leniency, outcomeOf, type Peer, peerWords, refusedOutcome, sentOutcome } from './peer-outcome.ts';
import { SessionPool } from './session-pool.ts';
import type { RemoteSettings } from './settings.ts';
import type { SmtpSession } from './smtp-session.ts';
import { SessionFault } from './smtp-session-fault.ts';
import type { Credentials } from './smtp-session-login.ts';
import type { Fate } from './smtp-session-transaction.ts';
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

/** A host, and how it is to be spoken to. */
interface Place {
  readonly peer: Peer;
  readonly policy: TlsPolicy;
  readonly credentials: Credentials | null;
  /** Sessions under the same key are alike. */
  readonly key: string;
  readonly signal: AbortSignal;
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
  const lenient: Leniency = { greeting: settings.skip5xxGreeting, login: settings.auth.softBounce };
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
    const credentials = await findCredentials(peer, settings);
    const place: Place = { peer, policy, credentials, key: keyOf(peer, policy), signal };
    const kept = await keptSession(place);
    if (kept === null) await connectTo(place, progress);
    else await useSession(kept, place, progress);
  }

  /** A session from before that still answers. */
  async function keptSession({ key, signal }: Place): Promise<SmtpSession | null> {
    for (;;) {
      const kept = pool.take(key);
      if (kept === null || (await unlessAborted(kept, signal, () => kept.probe()))) return kept;
      kept.quit();
    }
  }

  async function connectTo(place: Place, progress: Progress): Promise<void> {
    const { peer, policy, credentials, signal } = place;
    const began = clock();
    const session = await openSession({ peer, policy, settings, authorities: options.authorities, credentials, signal }).catch((error: unknown) => {
      if (error instanceof SessionFault) return error;
      throw error;
    });
    progress.connecting += clock() - began;
    if (session instanceof SessionFault) {
      if (progress.transcript === '') progress.transcript = session.transcript;
      if (goesOnInClear(session, place, progress)) return connectTo(inClear(place), progress);
      hostFailed(place, session, progress);
      return;
    }
    pool.opened(session);
    logTls(peer, session, policy);
    await useSession(session, place, progress);
  }

  /** TLS failed, in its handshake or later, and the message may go out without; the log is told why. */
  function goesOnInClear(fault: SessionFault, { peer, policy, credentials }: Place, progress: Progress): boolean {
    const { kind } = fault.cause;
    const at = `${peerWords(peer)}:${peer.port}`;
    if (kind === 'tls') log.warn({ destination: peer.destination }, `${fault.cause.words}: ${at}: ${fault.message}`);
    else if (!fault.underTls || (kind !== 'lost' && kind !== 'timeout')) return false;
    const [item] = progress.pending.values();
    if (item === undefined || !mayGoOnInClear(policy, settings, credentials, clock() - item.arrivedAt)) return false;
    log.warn({ destination: peer.destination }, `${item.queueId}: TLS to ${at} failed, trying again in clear text`);
    return true;
  }

  async function useSession(session: SmtpSession, place: Place, progress: Progress): Promise<void> {
    const { peer, key, signal } = place;
    progress.sessions += 1;
    const accepted = await withoutUnsupported([...progress.pending.values()], session, peer, progress);
    const [first, ...others] = accepted;
    if (first === undefined) {
      pool.put(key, session);
      return;
    }
    if (session.sizeLimit > 0 && first.size > session.sizeLimit) {
      const tooLarge = reply(552, '5.3.4', `message size ${first.size} exceeds size limit ${session.sizeLimit} of server ${peerWords(peer)}`);
      for (const item of accepted) conclude(progress, outcomeOf(item, 'bounced', tooLarge, peer));
      pool.put(key, session);
      return;
    }
    const message = outgoing([first, ...others], session, await contentOf(first), settings);
    const began = clock();
    const fates = await unlessAborted(session, signal, () => session.send(message));
    progress.sending += clock() - began;
    const fault = faultOf(fates);
    if (fault?.cause.kind === 'content') throw new Error(`the content of ${first.queueId} cannot be read: ${fault.message}`);
    const notifies = session.offers('DSN');
    for (const [i, item] of accepted.entries()) judge(item, fates[i], peer, progress, notifies);
    if (fault !== null && goesOnInClear(fault, place, progress)) return connectTo(inClear(place), progress);
    if ((session.protocolError || fault !== null) && progress.transcript === '') progress.transcript = session.transcript;
    if (fault === null) pool.put(key, session);
  }

  /** Those whose mail this server can take at all. */
  async function withoutUnsupported(items: readonly QueueItem[], session: SmtpSession, peer: Peer, progress: Progress): Promise<readonly QueueItem[]> {
    const [first] = items;
    if (first === undefined || !first.smtputf8 || session.offers('SMTPUTF8')) return items;
    const inHeader = await hasUtf8Header(content.stream(first.content, 0, first.size));
    const unsupported = items.filter((item) => inHeader || hasUtf8Envelope(item));
    const refusal = reply(553, '5.6.7', `SMTPUTF8 is required, but was not offered by host ${peerWords(peer)}`);
    for (const item of unsupported) conclude(progress, outcomeOf(item, 'bounced', refusal, peer));
    return items.filter((item) => !unsupported.includes(item));
  }

  async function contentOf(item: QueueItem): Promise<OutgoingContent> {
    // A short message is read before the session is used: a fault of the store's then costs the peer nothing.
    const head = await content.read(item.content, 0, Math.min(item.size, CHUNK_SIZE));
    return { head, octets: octetsOf(head, item.size > head.length ? content.stream(item.content, head.length, item.size) : []) };
  }

  function judge(item: QueueItem, fate: Fate | undefined, peer: Peer, progress: Progress, notifies: boolean): void {
    if (fate === undefined) return;
    if ('sent' in fate) conclude(progress, sentOutcome(item, fate.sent, peer, notifies));
    else note(progress, 'fault' in fate ? faultOutcome(item, fate.fault, peer, lenient) : refusedOutcome(item, fate.refused, fate.stage, peer, lenient));
  }

  function hostFailed({ peer, policy }: Place, fault: SessionFault, progress: Progress): void {
    const failure = faultReply(fault, peer, lenient);
    for (const item of progress.pending.values()) note(progress, faultOutcome(item, fault, peer, lenient));
    // TLS that was only tried says nothing against the host: new mail would keep it suspended for ever.
    if (failure.code < 500 && !(fault.cause.kind === 'tls' && policy.level === 'may')) progress.hostFailure = failure;
    log.info({ destination: peer.destination, level: policy.level }, failure.text);
  }

  function logTls(peer: Peer, session: SmtpSession, policy: TlsPolicy): void {
    if (!settings.tls.logged || session.secure === null) return;
    const trust = policy.level === 'verify' || policy.level === 'secure' ? 'Verified' : 'Untrusted';
    const { secure } = session;
    log.info({}, `${trust} TLS connection established to ${peerWords(peer)}:${peer.port}: ${secure.getProtocol()} with cipher ${secure.getCipher().name}`);
  }

  return { deliver, close: () => pool.close() };
}

/** Work in a session that is broken off with the signal. */
async function unlessAborted<T>(session: SmtpSession, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const onAbort = (): void => session.destroy();
  signal.addEventListener('abort', onAbort);
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

const keyOf = (peer: Peer, policy: TlsPolicy): string =>
  `${peer.nexthop.protocol} ${peer.ip} ${peer.port} ${peer.name} ${peer.destination} ${policy.level} ${policy.names.join()}`;

const inClear = (place: Place): Place => {
  const policy: TlsPolicy = { level: 'none', names: [] };
  return { ...place, policy, key: keyOf(place.peer, policy) };
};

/** Why the session is over, where it is. */
function faultOf(fates: readonly Fate[]): SessionFault | null {
  for (const fate of fates) if ('fault' in fate) return fate.fault;
  return null;
}

async function* octetsOf(head: Buffer, rest: AsyncIterable<Buffer> | readonly Buffer[]): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

/** The last word about a recipient, or the last so far where it is for now. */
function note(progress: Progress, outcome: Outcome): void {
  if (outcome.status === 'deferred') progress.outcomes.set(outcome.item.id, outcome);
  else conclude(progress, outcome);
}

function conclude(progress: Progress, outcome: Outcome): void {
  progress.outcomes.set(outcome.item.id, outcome);
  progress.pending.delete(outcome.item.id);
}
