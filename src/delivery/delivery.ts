/**
 * Assembles the parts of this folder: what `app` needs to receive mail, queue it, and send it. `createDomains` is
 * separate, because plugins need it before hooks exist.
 */

import type { Connection, Hooks } from '../bus/hook.ts';
import { MailboxEvents } from '../bus/mailbox-events.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { readDebugPeers } from '../lookup/debug-peers.ts';
import { delimitersOf } from '../lookup/delimiters.ts';
import type { Domains } from '../lookup/domains.ts';
import { logAddress } from '../lookup/log-address.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Tables } from '../lookup/table.ts';
import type { Transports } from '../lookup/transports.ts';
import type { BounceTemplates } from '../mail/bounce-template.ts';
import type { Resolver, SecureResolver } from '../protocol/dns/resolver.ts';
import { type SearchList, searching } from '../protocol/dns/search.ts';
import type { Store } from '../store/store.ts';
import type { ClientTlsFiles } from './client/client-contexts.ts';
import { type ClientProtocol, clientParameters } from './client/client-parameters.ts';
import { probing } from './client/dnssec-probe.ts';
import { Generic } from './client/generic.ts';
import { createRemote, type Remote } from './client/remote.ts';
import { readRemoteSettings } from './client/settings.ts';
import { readSearch } from './client/short-names.ts';
import { deliverToTarget } from './local/deliver.ts';
import { readLocalSettings } from './local/settings.ts';
import { createNotifier, type Notifier } from './notify/notifier.ts';
import { deliverToPipe } from './program/pipe.ts';
import { expandAgain } from './queue/expand-again.ts';
import { forwardItem } from './queue/forward.ts';
import { deliverLocally } from './queue/local-transport.ts';
import { readRetryPolicy } from './queue/retry.ts';
import { Runner, type RunnerOptions } from './queue/runner.ts';
import { sendByPlugins } from './queue/send-hook.ts';
import { Settler } from './queue/settler.ts';
import { expansionLimits } from './receive/expand.ts';
import { MessageReceiver } from './receive/message-receiver.ts';
import { AddressRewriter } from './rewriting/address-rewriter.ts';
import { createAccounts, wouldBe } from './route/accounts.ts';
import { createRouter, type Router } from './route/router.ts';
import { readStatusFilters } from './status-filter.ts';
import { probeParameters } from './verify/probe-parameters.ts';
import { createProber, type Prober } from './verify/prober.ts';
import type { Probe } from './verify/verifier.ts';

export interface DeliveryOptions {
  readonly store: Store;
  readonly hooks: Hooks;
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly transports: Transports;
  readonly domains: Domains;
  readonly bounceTemplates: BounceTemplates;
  readonly resolver: Resolver;
  readonly secureResolver: SecureResolver;
  readonly search: SearchList;
  readonly log: Log;
  readonly clock: Clock;
  /** Returns a number from 0 up to 1, for shuffling equal MX hosts. */
  readonly random: () => number;
  /** `createQueueIds`, the same one that the SMTP server uses. */
  readonly newQueueId: () => string;
  /** IP addresses that receive mail: an MX with one of them is ourselves. */
  readonly addresses: readonly string[];
  /** The port of other servers: 25, or shifted in the lab. */
  readonly smtpPort: number;
  readonly tls: Readonly<Record<ClientProtocol, ClientTlsFiles>>;
  readonly temporaryFolder: string;
  /** Whether the client's address is in mynetworks. */
  isTrusted(connection: Connection): boolean | Promise<boolean>;
  /**
   * Called when queue items were created. By default wakes the runner created here; after a reload a different one is
   * active.
   */
  onQueued?(): void;
  /** Timers, for tests. */
  readonly after?: RunnerOptions['after'];
}

export interface Delivery {
  readonly receiver: MessageReceiver;
  readonly notifier: Notifier;
  readonly router: Router;
  readonly probe: Probe;
  readonly ask: Prober['ask'];
  /** Call `start()` once the store is open. */
  readonly runner: Runner;
  /** Drains: deliveries may continue for `deadline` ms. Close the store after this. */
  close(deadline?: number): Promise<void>;
}

/** Throws if a parameter or a table named by one is invalid. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { store, hooks, parameters, tables, domains, clock, log } = options;
  const accounts = createAccounts({ directory: store.directory, parameters, tables });
  const { transports } = options;
  const events = new MailboxEvents({ hooks, store });
  const router = createRouter({ parameters, tables, transports, domains, accounts });
  const isLocal = async (domain: string): Promise<boolean> => (await domains.classify(domain)) === 'local';
  const receiver = new MessageReceiver({
    store,
    hooks,
    parameters,
    tables,
    events,
    router,
    domains,
    transports,
    addresses: options.addresses,
    log,
    clock,
    temporaryFolder: options.temporaryFolder,
    isTrusted: (connection) => options.isTrusted(connection),
    onQueued: () => (options.onQueued === undefined ? runner.wake() : options.onQueued()),
  });
  const notifier = createNotifier({
    content: store.content,
    receiver,
    parameters,
    templates: options.bounceTemplates,
    clock,
    log,
    newQueueId: options.newQueueId,
  });
  const own = new Set([parameters.string('myhostname').toLowerCase(), ...options.addresses]);
  const debugPeers = readDebugPeers(parameters, tables);
  const secureResolver = probing(options.secureResolver, parameters.string('dnssec_probe'), (text) =>
    log.warn({}, text),
  );
  const remoteOf = (protocol: ClientProtocol, settings: ParameterReader): Remote => {
    const client = clientParameters(protocol, settings);
    const resolver = searching(options.resolver, options.search, readSearch(client));
    return createRemote({
      settings: readRemoteSettings(client, tables),
      hooks,
      debugPeers,
      generic: Generic.of({
        own: client,
        tables,
        isLocal,
      }),
      finder: { resolver, random: options.random, isMyself: (nameOrIp) => own.has(nameOrIp) },
      secureResolver,
      content: store.content,
      clock,
      log,
      myhostname: settings.string('myhostname'),
      smtpPort: options.smtpPort,
      tls: options.tls[protocol],
    });
  };
  const remotes = { smtp: new Map<ParameterReader, Remote>(), lmtp: new Map<ParameterReader, Remote>() };
  const byTransport = new Map<string, Remote>();
  for (const { name, program, parameters: own } of transports.all()) {
    if (program !== 'smtp' && program !== 'lmtp') continue;
    const remote = remotes[program].get(own) ?? remoteOf(program, own);
    remotes[program].set(own, remote);
    byTransport.set(name, remote);
  }
  const local = readLocalSettings(parameters);
  const remoteTo = (transport: string): Remote => {
    const remote = byTransport.get(transport);
    if (remote === undefined) throw new Error(`there is no transport ${transport}`);
    return remote;
  };
  const closing = new AbortController();
  const addressing = new AddressRewriter({ parameters, tables, log, standardOnly: false, isLocal });
  const routerOf = (settings: ParameterReader) =>
    createRouter({ parameters: settings, tables, transports, domains, accounts: wouldBe(accounts) });
  const { probe, ask } = createProber({
    hooks,
    domains,
    routers: { probe: routerOf(probeParameters(parameters)), mail: routerOf(parameters) },
    expansion: expansionLimits(parameters),
    rewrite: (address) => addressing.envelope(address, 'envelope_recipient'),
    remote: (route, item, signal) => remoteTo(route.transport).probe(route, item, signal),
    parameters,
    newQueueId: options.newQueueId,
    clock,
    log,
    closing: closing.signal,
  });
  const timers = options.after === undefined ? {} : { after: options.after };
  const runner = new Runner({
    queue: store.queue,
    router,
    knownTransports: transports,
    transports: {
      local: (route, item) =>
        deliverLocally(
          {
            store,
            hooks,
            namesOriginal: local.namesOriginal,
            events,
            forward: (given, to) =>
              forwardItem({ content: store.content, receiver, newQueueId: options.newQueueId }, given, to),
          },
          route,
          item,
        ),
      expand: (item) => expandAgain({ content: store.content, receiver, newQueueId: options.newQueueId }, item),
      remote: (route, items, signal) =>
        sendByPlugins(hooks, route, items, (sent) => remoteTo(route.transport).deliver(route, sent, signal)),
      target: (route, item, signal) =>
        deliverToTarget({ content: store.content, clock, settings: local }, route, item, signal),
      pipe: (route, items, signal) =>
        deliverToPipe(
          {
            content: store.content,
            clock,
            delimiters: delimitersOf(parameters),
            namesOriginal: local.namesOriginal,
          },
          route,
          items,
          signal,
        ),
    },
    statusFilters: readStatusFilters(transports, parameters, tables, log),
    settler: new Settler({
      queue: store.queue,
      hooks,
      notifier,
      retry: readRetryPolicy(parameters),
      delayDigits: parameters.number('delay_logging_resolution_limit'),
      logAddress: logAddress(parameters),
      clock,
      log,
      ...timers,
    }),
    parameters,
    clock,
    log,
    ...timers,
  });
  return {
    receiver,
    notifier,
    router,
    probe,
    ask,
    runner,
    async close(deadline) {
      closing.abort();
      await runner.close(deadline);
      for (const remote of byTransport.values()) remote.close();
    },
  };
}
