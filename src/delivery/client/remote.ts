/**
 * Delivery to other servers (Postfix: smtp(8); requirement P17): finds the hosts of a destination, passes the message
 * to a `RemoteAttempt`, and caches the sessions that may be reused.
 */
import type { Hooks } from '../../bus/hook.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { DebugPeers } from '../../lookup/debug-peers.ts';
import { reply } from '../../mail/status.ts';
import type { SecureResolver } from '../../protocol/dns/resolver.ts';
import type { ContentStore } from '../../store/content.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import type { Nexthop } from '../route/nexthop.ts';
import type { Route } from '../route/router.ts';
import type { SentItem } from '../sent-item.ts';
import { ClientContexts, type ClientTlsFiles } from './client-contexts.ts';
import type { Generic } from './generic.ts';
import { hostsByPlugins } from './given-hosts.ts';
import type { HostLookup } from './host-lookup.ts';
import { type FoundHosts, findHosts, type HostFinder } from './mx.ts';
import { isSpeakable } from './outgoing.ts';
import type { Peer } from './peer-outcome.ts';
import { RefusedLogins } from './refused-logins.ts';
import { RemoteAttempt, type RemoteServices } from './remote-attempt.ts';
import { SessionPool } from './session-pool.ts';
import type { RemoteSettings } from './settings.ts';

export interface RemoteOptions {
  readonly settings: RemoteSettings;
  readonly hooks: Hooks;
  /** debug_peer_list; null if it is empty. */
  readonly debugPeers: DebugPeers | null;
  readonly generic: Generic | null;
  readonly finder: Pick<HostFinder, 'random' | 'isMyself'> & { readonly resolver: HostLookup['resolver'] };
  readonly secureResolver: SecureResolver;
  readonly content: ContentStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly myhostname: string;
  /** The port of other SMTP servers: 25, or shifted in the lab. */
  readonly smtpPort: number;
  readonly tls: ClientTlsFiles;
}

export interface Remote {
  /** All items belong to one message. Rejects only if the store cannot read the content. */
  deliver(route: Route & { kind: 'remote' }, items: readonly SentItem[], signal: AbortSignal): Promise<Attempt>;
  /** As `deliver`, but only asks about the recipient: the item has no content. */
  probe(route: Route & { kind: 'remote' }, item: QueueItem, signal: AbortSignal): Promise<Attempt>;
  /** Ends idle sessions. */
  close(): void;
}

const SMTP_PORT = 25;
const UNSPEAKABLE = reply(553, '5.1.3', 'an envelope address cannot be expressed in SMTP');

const NO_CONTENT: RemoteServices['content'] = {
  read: async () => Buffer.alloc(0),
  async *stream() {},
};

export function createRemote(options: RemoteOptions): Remote {
  const { settings, clock, content } = options;
  const pool = new SessionPool(settings.pool, clock);
  const finder: HostFinder = {
    ...settings.search,
    lookup: { ...settings.lookup, resolver: options.finder.resolver },
    random: options.finder.random,
    isMyself: (name) => options.finder.isMyself(name),
  };
  const services: RemoteServices = {
    settings,
    debugPeers: options.debugPeers,
    generic: options.generic,
    content,
    clock,
    refusedLogins: new RefusedLogins(settings.auth.refusedFor, clock),
    pool,
    contexts: new ClientContexts(options.tls),
    secureResolver: options.secureResolver,
    log: options.log.child({ process: `postfix/${settings.protocol}` }),
  };

  async function deliver(
    route: Route & { kind: 'remote' },
    items: readonly SentItem[],
    signal: AbortSignal,
    probes = false,
  ): Promise<Attempt> {
    const { nexthop, site: destination } = route;
    const unspeakable = items.filter((item) => !isSpeakable(item));
    if (unspeakable.length > 0) {
      const rest = items.filter(isSpeakable);
      const others =
        rest.length === 0 ? unanimous([], 'bounced', UNSPEAKABLE, 'none') : await deliver(route, rest, signal, probes);
      return {
        ...others,
        outcomes: [...unanimous(unspeakable, 'bounced', UNSPEAKABLE, 'none').outcomes, ...others.outcomes],
      };
    }
    const found = await peersOf(nexthop, destination);
    // Between two MX hosts it would go round and round.
    const others = found.areMine ? [] : settings.fallback;
    const all = [found, ...(await Promise.all(others.map((other) => peersOf(other, destination))))];
    const peers = all.flatMap((one) => (one.ok ? one.peers : []));
    const last = all.at(-1) ?? found;
    if (!last.ok && peers.length === 0) {
      const misnamed = last.status === 'bounced' ? misnamedBy(route.site, others) : null;
      if (misnamed !== null) services.log.warn({ destination }, `${misnamed} configuration problem`);
      const { status, reply: answer } =
        misnamed === null
          ? last
          : { status: 'deferred' as const, reply: { ...last.reply, code: 451, enhanced: '4.3.5' } };
      return {
        ...unanimous(items, status, answer, 'none'),
        hostFailure: status === 'deferred' ? answer : null,
        ...(last.areMine && misnamed === null ? { isOurs: true } : {}),
      };
    }
    const needed = probes ? { ...services, content: NO_CONTENT } : services;
    return new RemoteAttempt(needed, items, signal, probes).run(peers);
  }

  /** The parameter that names no usable host: its mail waits for whoever mends it, as in Postfix. Null: none does. */
  function misnamedBy(site: string, fallback: readonly Nexthop[]): string | null {
    if (fallback.length > 0) return `${settings.protocol}_fallback_relay`;
    return site === settings.relayhost ? 'relayhost' : null;
  }

  async function peersOf(
    nexthop: Nexthop,
    destination: string,
  ): Promise<
    | { readonly ok: true; readonly peers: readonly Peer[]; readonly areMine: boolean }
    | (FoundHosts & { readonly ok: false })
  > {
    // Postfix too takes its own name for the host at the other end of a socket.
    if (nexthop.socket !== null)
      return {
        ok: true,
        peers: [{ name: options.myhostname, ip: nexthop.host, port: 0, nexthop, destination }],
        areMine: false,
      };
    const port = nexthop.port ?? (settings.port === SMTP_PORT ? options.smtpPort : settings.port);
    const given =
      nexthop.mx && options.hooks.has('get_mx')
        ? await hostsByPlugins(options.hooks, nexthop.host, finder.lookup)
        : null;
    if (given?.ok === false) return given;
    if (given !== null) {
      const peers = given.hosts.map((host) => ({ ...host, port: host.port ?? port, nexthop, destination }));
      return { ok: true, peers, areMine: false };
    }
    const found = await findHosts(nexthop, finder);
    if (!found.ok) return found;
    return {
      ok: true,
      peers: found.hosts.map((host) => ({ ...host, port, nexthop, destination })),
      areMine: found.areMine,
    };
  }

  return {
    deliver: (route, items, signal) => deliver(route, items, signal),
    probe: (route, item, signal) => deliver(route, [item], signal, true),
    close: () => pool.close(),
  };
}
