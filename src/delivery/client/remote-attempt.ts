/**
 * One attempt to send a message to the hosts of one destination: host by host in MX order, one transaction for all
 * remaining recipients, and a separate outcome for each recipient.
 *
 * A recipient is `sent` only after the peer's 2xx to the end of the data. If it was refused temporarily or the
 * connection was lost, the next host is tried; if there is none, it stays in the queue. A message may arrive twice if a
 * peer fails between accepting it and replying, but it is never lost.
 */
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { DebugPeers } from '../../lookup/debug-peers.ts';
import { type Reply, reply } from '../../mail/status.ts';
import { cipherBits } from '../../net/tls.ts';
import type { SecureResolver } from '../../protocol/dns/resolver.ts';
import { CHUNK_SIZE, type ContentStore } from '../../store/content.ts';
import type { QueueItem } from '../../store/queue.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import { ContentFilter } from '../checks/content-filter.ts';
import { CheckUnavailable } from '../checks/rules.ts';
import { hasUtf8Address, hasUtf8Header } from '../checks/utf8-header.ts';
import type { Attempt, Outcome } from '../outcome.ts';
import type { SentItem } from '../sent-item.ts';
import type { ClientContexts } from './client-contexts.ts';
import { sendingAct } from './content-actions.ts';
import { listenerOf } from './debugged-peer.ts';
import type { Generic } from './generic.ts';
import { findCredentials, mayGoOnInClear, openSession } from './open-session.ts';
import { type OutgoingContent, outgoing, tooDeep } from './outgoing.ts';
import {
  faultOutcome,
  faultReply,
  type Leniency,
  outcomeOf,
  type Peer,
  peerPlace,
  peerWords,
  refusedOutcome,
  sentOutcome,
} from './peer-outcome.ts';
import { PolicyFault } from './policy-fault.ts';
import type { RefusedLogins } from './refused-logins.ts';
import type { Proof } from './server-certificate.ts';
import type { SessionPool } from './session-pool.ts';
import type { RemoteSettings } from './settings.ts';
import type { SmtpSession } from './smtp-session.ts';
import { SessionFault } from './smtp-session-fault.ts';
import type { Credentials } from './smtp-session-login.ts';
import type { Fate } from './smtp-session-transaction.ts';
import { clearPolicy, type TlsPolicy, tlsPolicy } from './tls-policy.ts';

/** What all attempts share. */
export interface RemoteServices {
  readonly settings: RemoteSettings;
  /** debug_peer_list; null if it is empty. */
  readonly debugPeers: DebugPeers | null;
  readonly content: Pick<ContentStore, 'read' | 'stream'>;
  readonly clock: Clock;
  readonly refusedLogins: RefusedLogins;
  readonly log: Log;
  readonly pool: SessionPool;
  /** smtp_generic_maps or lmtp_generic_maps; null if it names no table. */
  readonly generic: Generic | null;
  readonly contexts: ClientContexts;
  readonly secureResolver: SecureResolver;
}

type Items = readonly [QueueItem, ...QueueItem[]];

/** A host, and the settings for sessions with it. */
interface Place {
  readonly peer: Peer;
  readonly policy: TlsPolicy;
  readonly credentials: Credentials | null;
  /** Sessions with the same key are interchangeable. */
  readonly key: string;
  /** They may take another message. */
  readonly isKept: boolean;
}

export class RemoteAttempt {
  readonly #services: RemoteServices;
  readonly #items: readonly SentItem[];
  readonly #signal: AbortSignal;
  readonly #probes: boolean;
  readonly #leniency: Leniency;
  readonly #pending: Map<QueueItem['id'], QueueItem>;
  /** The final outcome of each recipient. */
  readonly #outcomes = new Map<QueueItem['id'], Outcome>();
  #connecting = 0;
  #sending = 0;
  #sessions = 0;
  #hostFailure: Reply | null = null;
  #transcript = '';

  /** `items`: of one message. `signal` aborts work in progress. `probes`: the only item has no content, and is only asked about. */
  constructor(services: RemoteServices, items: readonly SentItem[], signal: AbortSignal, probes = false) {
    const { settings } = services;
    this.#services = services;
    this.#items = items;
    this.#signal = signal;
    this.#probes = probes;
    this.#leniency = { greeting: settings.skip5xxGreeting, login: settings.auth.softBounce };
    this.#pending = new Map(items.map((item) => [item.id, item]));
  }

  /** May be called only once. Rejects only if the store cannot read the content. */
  async run(peers: readonly Peer[]): Promise<Attempt> {
    const { sessionLimit } = this.#services.settings;
    for (const peer of peers) {
      if (this.#pending.size === 0 || this.#signal.aborted) break;
      if (sessionLimit > 0 && this.#sessions >= sessionLimit) break;
      await this.#tryHost(peer);
    }
    const because = this.#hostFailure ?? reply(451, '4.3.0', 'delivery was aborted');
    for (const item of this.#pending.values()) {
      if (!this.#outcomes.has(item.id)) this.#outcomes.set(item.id, outcomeOf(item, 'deferred', because, null));
    }
    return {
      outcomes: this.#items.flatMap((item) => this.#outcomes.get(item.id) ?? []),
      hostFailure: this.#sessions === 0 ? this.#hostFailure : null,
      connecting: this.#connecting,
      sending: this.#sending,
      transcript: this.#transcript,
    };
  }

  /** Settles the recipients that this host accepts or refuses permanently; the others stay pending. */
  async #tryHost(peer: Peer): Promise<void> {
    const { settings } = this.#services;
    const policy = await this.#policyFor(peer);
    if (policy === null) return;
    const [first] = this.#items;
    const credentials = await findCredentials(peer, first?.sender ?? first?.reversePath ?? '', settings);
    const place = await this.#placeOf(peer, policy, credentials);
    const kept = await this.#keptSession(place);
    if (kept === null) await this.#connectTo(place);
    else await this.#useSession(kept, place);
  }

  async #placeOf(peer: Peer, policy: TlsPolicy, credentials: Credentials | null): Promise<Place> {
    const { kept } = this.#services.settings;
    const isKept =
      kept === 'all' || (await kept.matches(peer.nexthop.host)) || (await kept.matches(peer.name.toLowerCase()));
    return { peer, policy, credentials, isKept, key: keyOf(peer, policy, credentials) };
  }

  /** Null if the configuration cannot be used: its mail waits. */
  async #policyFor(peer: Peer): Promise<TlsPolicy | null> {
    const { nexthop, destination, name: hostName, port } = peer;
    const { settings, secureResolver } = this.#services;
    try {
      return await tlsPolicy({ nexthop, destination, hostName, port }, settings.tls, secureResolver);
    } catch (error) {
      if (!(error instanceof PolicyFault)) throw error;
      this.#services.log.warn({ destination }, error.message);
      const because =
        error.reply ??
        (error.temporary
          ? reply(451, '4.3.0', 'Temporary lookup error')
          : reply(451, '4.7.5', 'client TLS configuration problem'));
      for (const item of this.#pending.values()) this.#note(outcomeOf(item, 'deferred', because, null));
      return null;
    }
  }

  /** A cached session that still responds. */
  async #keptSession({ key }: Place): Promise<SmtpSession | null> {
    for (;;) {
      const kept = this.#services.pool.take(key);
      if (kept === null || (await this.#unlessAborted(kept, () => kept.probe()))) return kept;
      kept.quit();
    }
  }

  async #connectTo(place: Place): Promise<void> {
    const { settings, contexts, clock, pool, refusedLogins } = this.#services;
    const { peer, policy, credentials } = place;
    const began = clock();
    const listener = await listenerOf(peer, this.#services.debugPeers, this.#services.log);
    const session = await openSession({
      peer,
      policy,
      settings,
      contexts,
      credentials,
      refusedLogins,
      listener,
      signal: this.#signal,
      warn: (message) => this.#services.log.warn({ destination: peer.destination }, message),
      onSecured: (socket, proof) => this.#logTls(peer, socket, proof),
    }).catch((error: unknown) => {
      if (error instanceof SessionFault) return error;
      throw error;
    });
    this.#connecting += clock() - began;
    if (session instanceof SessionFault) {
      this.#keepTranscript(session);
      if (this.#goesOnInClear(session, place)) return this.#connectTo(this.#inClear(place));
      this.#hostFailed(place, session);
      return;
    }
    pool.opened(session);
    if (policy.level === 'none' && settings.tls.notesOffer && session.offers('STARTTLS'))
      this.#services.log.info({}, `Host offered STARTTLS: [${peer.name}]`);
    await this.#useSession(session, place);
  }

  /** TLS failed, in its handshake or later, and the message may be sent without it; the reason is logged. */
  #goesOnInClear(fault: SessionFault, { peer, policy, credentials }: Place): boolean {
    const { log, settings, clock } = this.#services;
    const { kind } = fault.cause;
    const host = peerPlace(peer);
    const at = { ...settings, wrapper: settings.tls.wrapper };
    if (kind === 'tls') log.warn({ destination: peer.destination }, `${fault.cause.words}: ${host}: ${fault.message}`);
    else if (!fault.underTls || (kind !== 'lost' && kind !== 'timeout')) return false;
    const [item] = this.#pending.values();
    if (item === undefined || !mayGoOnInClear(policy, at, credentials, clock() - item.arrivedAt)) return false;
    log.warn({ destination: peer.destination }, `${item.queueId}: TLS to ${host} failed, trying again in clear text`);
    return true;
  }

  async #useSession(session: SmtpSession, place: Place): Promise<void> {
    const { settings, clock } = this.#services;
    const { peer } = place;
    this.#sessions += 1;
    const accepted = await this.#withoutUnsupported(session, peer);
    const [first, ...others] = accepted;
    if (first === undefined) {
      this.#release(session, place);
      return;
    }
    if (session.sizeLimit > 0 && first.size > session.sizeLimit) {
      const tooLarge = reply(
        552,
        '5.3.4',
        `message size ${first.size} exceeds size limit ${session.sizeLimit} of server ${peerWords(peer)}`,
      );
      for (const item of accepted) this.#note(outcomeOf(item, 'bounced', tooLarge, peer));
      this.#release(session, place);
      return;
    }
    const seen = await this.#seenOutside([first, ...others]);
    if (seen === null) {
      const later = reply(451, '4.3.0', `${settings.protocol}_generic_maps lookup problem`);
      for (const item of accepted) this.#note(outcomeOf(item, 'deferred', later, peer));
      this.#release(session, place);
      return;
    }
    const message = outgoing(seen, session, await this.#contentOf(first), {
      ...settings,
      filter: this.#filterOf(first),
    });
    const began = clock();
    const fates = await this.#unlessAborted(session, async () =>
      this.#probes ? [await session.verify(message, settings.verifyTarget)] : session.send(message),
    );
    this.#sending += clock() - began;
    const fault = faultOf(fates);
    if (fault?.cause.kind === 'content') {
      const { error } = fault.cause;
      if (error instanceof StoreUnavailableError) throw error;
      throw new Error(`the content of ${first.queueId} cannot be read: ${fault.message}`, { cause: error });
    }
    const notifies = session.offers('DSN');
    for (const [i, item] of accepted.entries()) {
      const fate = fates[i];
      if (fate !== undefined) this.#note(this.#outcomeOf(item, fate, peer, notifies));
    }
    if (fault !== null && this.#goesOnInClear(fault, place)) return this.#connectTo(this.#inClear(place));
    if (session.protocolError || fault !== null) this.#keepTranscript(session);
    if (fault === null) this.#release(session, place);
  }

  /** Ready for MAIL FROM. */
  #release(session: SmtpSession, { key, isKept }: Place): void {
    if (isKept) this.#services.pool.put(key, session);
    else session.quit();
  }

  /** The recipients whose mail this server supports; the others bounce. */
  async #withoutUnsupported(session: SmtpSession, peer: Peer): Promise<readonly QueueItem[]> {
    const items = [...this.#pending.values()];
    const [first] = items;
    if (first === undefined || !first.smtputf8 || session.offers('SMTPUTF8')) return items;
    const inHeader = await hasUtf8Header(this.#services.content.stream(first.content, 0, first.size));
    const unsupported = items.filter((item) => inHeader || hasUtf8Address([item.recipient, item.reversePath]));
    const refusal = reply(553, '5.6.7', `SMTPUTF8 is required, but was not offered by host ${peerWords(peer)}`);
    for (const item of unsupported) this.#note(outcomeOf(item, 'bounced', refusal, peer));
    return items.filter((item) => !unsupported.includes(item));
  }

  async #contentOf(item: QueueItem): Promise<OutgoingContent> {
    const { content } = this.#services;
    // A short message is read before the session is used, so that a store error does not affect the peer.
    const head = await content.read(item.content, 0, Math.min(item.size, CHUNK_SIZE));
    return {
      head,
      octets: octetsOf(head, item.size > head.length ? content.stream(item.content, head.length, item.size) : []),
    };
  }

  /** The envelope with the addresses that the other server sees; null if a table cannot say now. */
  async #seenOutside([first, ...others]: Items): Promise<Items | null> {
    const { generic } = this.#services;
    if (generic === null) return [first, ...others];
    try {
      return [await generic.envelope(first), ...(await Promise.all(others.map((item) => generic.envelope(item))))];
    } catch (error) {
      if (!(error instanceof CheckUnavailable)) throw error;
      return null;
    }
  }

  #filterOf({ queueId }: QueueItem): ContentFilter | null {
    const { settings, log, generic } = this.#services;
    const rules = settings.content;
    if (rules.isEmpty && generic === null) return null;
    const rewriting = generic === null ? {} : { rewrite: (field: string) => generic.field(field) };
    const fail = (): never => {
      throw tooDeep();
    };
    return new ContentFilter({ rules, act: sendingAct(queueId, log), onFault: fail, ...rewriting });
  }

  #outcomeOf(item: QueueItem, fate: Fate, peer: Peer, notifies: boolean): Outcome {
    if ('sent' in fate) {
      const outcome = sentOutcome(item, fate.sent, peer, notifies);
      return this.#services.settings.assumesFinal && !notifies ? { ...outcome, isFinal: true } : outcome;
    }
    if ('fault' in fate) return faultOutcome(item, fate.fault, peer, this.#leniency);
    return refusedOutcome(item, fate.refused, fate.stage, peer, this.#leniency);
  }

  #hostFailed({ peer, policy }: Place, fault: SessionFault): void {
    const failure = faultReply(fault, peer, this.#leniency);
    for (const item of this.#pending.values()) this.#note(faultOutcome(item, fault, peer, this.#leniency));
    // A failure of opportunistic TLS does not count as a host failure: new mail would keep the host suspended for ever.
    if (failure.code < 500 && !(fault.cause.kind === 'tls' && policy.level === 'may')) this.#hostFailure = failure;
    this.#services.log.info({ destination: peer.destination, level: policy.level }, failure.text);
  }

  /** Records a recipient's final outcome, or its latest temporary one. */
  #note(outcome: Outcome): void {
    this.#outcomes.set(outcome.item.id, outcome);
    if (outcome.status !== 'deferred') this.#pending.delete(outcome.item.id);
  }

  /** Keeps only the first transcript. */
  #keepTranscript({ transcript }: { readonly transcript: string }): void {
    if (this.#transcript === '') this.#transcript = transcript;
  }

  #logTls(peer: Peer, secured: TLSSocket, { trust, fault }: Proof): void {
    const { log, settings } = this.#services;
    const at = peerPlace(peer);
    const cipher = secured.getCipher().name;
    const bits = cipherBits(cipher);
    if (fault !== null) log.info({}, `server certificate verification failed for ${at}: ${fault}`);
    if (settings.tls.logged)
      log.info(
        {},
        `${trust} TLS connection established to ${at}: ${secured.getProtocol()} with cipher ${cipher} (${bits}/${bits} bits)`,
      );
  }

  #inClear(place: Place): Place {
    const policy = clearPolicy(this.#services.settings.tls);
    return { ...place, policy, key: keyOf(place.peer, policy, place.credentials) };
  }

  /** Runs work in a session that is aborted by the signal. */
  async #unlessAborted<T>(session: SmtpSession, work: () => Promise<T>): Promise<T> {
    const onAbort = (): void => session.destroy();
    this.#signal.addEventListener('abort', onAbort);
    try {
      return await work();
    } finally {
      this.#signal.removeEventListener('abort', onAbort);
    }
  }
}

const keyOf = (peer: Peer, { fingerprints, ...policy }: TlsPolicy, credentials: Credentials | null): string =>
  JSON.stringify([credentials?.user, peer.ip, peer.port, peer.name, peer.destination, policy, [...fingerprints]]);

/** Why the session ended, if it did. */
function faultOf(fates: readonly Fate[]): SessionFault | null {
  for (const fate of fates) if ('fault' in fate) return fate.fault;
  return null;
}

async function* octetsOf(head: Buffer, rest: AsyncIterable<Buffer> | readonly Buffer[]): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}
