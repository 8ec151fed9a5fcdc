/**
 * The first half of a generation: the tables, domains and plugins of a configuration, created before anything is
 * opened, so that all configuration errors are found before a start or reload changes anything.
 */
import { join } from 'node:path';
import { BUILT_IN_PLUGINS } from '../bus/built-in.ts';
import type { Bus } from '../bus/bus.ts';
import { isKnownToPlugins } from '../bus/known-recipient.ts';
import type { LeftOut } from '../bus/left-out.ts';
import type { HttpSend } from '../bus/lent/http.ts';
import { loadPlugins, type PluginFault, PluginFaults } from '../bus/load.ts';
import type { Messages } from '../bus/messages.ts';
import type { Restriction } from '../bus/restriction.ts';
import type { Versions } from '../bus/versions/fallen.ts';
import type { Configuration } from '../config/configuration.ts';
import { ConfigurationError, type Fault } from '../config/fault.ts';
import { checkNetworks } from '../config/postfix/check-networks.ts';
import type { UnknownRestriction } from '../config/postfix/check-parameters.ts';
import { checkRelay, type RelayRules } from '../config/postfix/check-relay.ts';
import { checkRelayDomains } from '../config/postfix/check-relay-domains.ts';
import { unknownRestriction } from '../config/postfix/check-restrictions.ts';
import { containerGateway } from '../config/postfix/container-gateway.ts';
import { readOwnOrShipped } from '../config/read-files.ts';
import { Outbox } from '../delivery/outbox.ts';
import { createDomains } from '../delivery/route/domains.ts';
import { Verifier } from '../delivery/verify/verifier.ts';
import type { Log } from '../log.ts';
import type { Domains } from '../lookup/domains.ts';
import type { Tables } from '../lookup/table.ts';
import { TableFault } from '../lookup/table-fault.ts';
import { SharedTables } from '../lookup/tables.ts';
import { nearest } from '../nearest.ts';
import { httpSender } from '../net/http-client.ts';
import { LocalServices } from '../net/local-services.ts';
import type { StubResolver } from '../net/resolver.ts';
import { connectTable } from '../net/table-connection.ts';
import { filteredResolver } from '../protocol/dns/reply-filter.ts';
import type { Directory } from '../store/directory.ts';
import type { PluginStates } from '../store/plugin-states.ts';
import { listenNameFaults } from './listen-names.ts';
import { ownAddresses } from './own-addresses.ts';
import { readSniPairs, type SniPairs } from './sni-maps.ts';
import { strayPluginNotes } from './stray-plugin-files.ts';

/** The services for plugins, which are registered before the store is open. */
export interface Lent {
  readonly directory: Directory;
  readonly messages: Messages;
  readonly states: PluginStates;
  readonly resolver: StubResolver;
  readonly log: Log;
  readonly clock: () => number;
  /** Plugins that blocked the server; none: all are asked. */
  readonly leftOut?: readonly LeftOut[];
  /** Of a server that serves. */
  readonly versions?: Versions;
  /** Sends the requests of plugins; by default over the network. */
  readonly http?: HttpSend | undefined;
}

/**
 * A configuration with its plugins on a bus. Disposing of it closes the plugins, then the resolver; a second disposal
 * does nothing.
 */
export interface Foundation extends AsyncDisposable {
  readonly configuration: Configuration;
  readonly resolver: StubResolver;
  readonly tables: SharedTables;
  readonly domains: Domains;
  readonly bus: Bus;
  /** Until it is opened, it knows nothing. */
  readonly verifier: Verifier;
  /** Mail of plugins; until it is opened, none is sent. */
  readonly outbox: Outbox;
  /** By the service's name: the rules that permit relaying for unknown clients. */
  readonly relayRules: ReadonlyMap<string, RelayRules>;
  readonly sniPairs: SniPairs;
  /** The programs of spawn rows. */
  readonly localServices: Pick<LocalServices, 'serve'>;
  readonly warnings: readonly Fault[];
  readonly notes: readonly Fault[];
}

/**
 * Rejects with ConfigurationError, which contains every error of tables, lists and plugins; the resolver stays open
 * then.
 */
export async function layFoundation(
  configuration: Configuration,
  { directory, messages, states, resolver, log, clock, http = httpSender(resolver), leftOut = [], versions }: Lent,
): Promise<Foundation> {
  const { parameters, resolvePath } = configuration;
  try {
    const tables = new SharedTables({
      resolvePath,
      log,
      clock,
      aliasTables: configuration.aliasTables,
      connect: connectTable,
    });
    // Plugins are lent the domains, and are asked by them.
    const asked: { bus: Bus | null } = { bus: null };
    const domains = createDomains({
      knows: async (address) => asked.bus !== null && isKnownToPlugins(asked.bus, address),
      parameters,
      services: configuration.services.map((service) => service.parameters),
      tables,
      transports: configuration.transports,
      directory,
      addresses: ownAddresses(configuration),
    });
    const outbox = new Outbox(clock);
    const verifier = new Verifier({ parameters, clock, log });
    const local = new LocalServices({
      spawned: configuration.spawned,
      socketPath: configuration.transports.socketPath,
      log: log.child({ process: 'postfix/spawn' }),
    });
    const bus = await loadPlugins({
      names: configuration.plugins,
      directories: [BUILT_IN_PLUGINS, join(configuration.directory, 'plugins.d')],
      ours: BUILT_IN_PLUGINS,
      leftOut,
      ...(versions === undefined ? {} : { versions }),
      configDirectory: configuration.directory,
      server: {
        parameters,
        tables,
        domains,
        resolver: filteredResolver(
          resolver,
          parameters.list('smtpd_dns_reply_filter').map((name) => tables.open(name)),
        ),
        verifications: verifier,
        directory,
        messages,
        resolvePath,
        connectLocal: (path) => local.connect(path),
      },
      send: (plugin, mail, most) => outbox.send(plugin, mail, most),
      http,
      states,
      log,
      clock,
    });
    asked.bus = bus;
    const relay = relayCheck(configuration, tables, bus);
    const sni = await readSniPairs(configuration, tables);
    const faults = [
      ...restrictionFaults(configuration.unknownRestrictions, bus.restrictions),
      ...relay.faults,
      ...sni.faults,
      ...(await listenNameFaults(configuration)),
    ];
    const { rules: relayRules, warnings, notes } = relay;
    if (faults.length > 0) {
      await bus.close();
      throw new ConfigurationError(faults);
    }
    const close = async (): Promise<void> => {
      await bus.close();
      verifier.close();
      local.close();
      tables.close();
      resolver.close();
    };
    return {
      configuration,
      resolver,
      tables,
      domains,
      bus,
      verifier,
      outbox,
      relayRules,
      sniPairs: sni.pairs,
      localServices: local,
      warnings,
      notes: [...notes, ...strayPluginNotes(configuration)],
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    if (error instanceof PluginFaults) {
      // Likely typos are reported too; other words may belong to a plugin that could not be loaded.
      const slips = configuration.unknownRestrictions.filter(({ hint }) => hint !== undefined);
      throw new ConfigurationError([
        ...restrictionFaults(slips, new Map()),
        ...error.faults.map((fault) => located(fault, configuration.directory)),
      ]);
    }
    throw error instanceof TableFault ? new ConfigurationError([error]) : error;
  }
}

/**
 * Who may relay. Checked after plugins are registered, because their restrictions may permit relaying or take an
 * argument.
 */
function relayCheck(
  { parameters, services, directory }: Configuration,
  tables: Tables,
  { restrictions }: Bus,
): ReturnType<typeof checkRelay> {
  const file = join(directory, 'main.cf');
  const takesArgument = (name: string): boolean | undefined => {
    const restriction = restrictions.get(name.toLowerCase());
    return restriction === undefined ? undefined : restriction.takesArgument === true;
  };
  const networks = checkNetworks(services, file, { tables, gateway: containerGateway() });
  const everywhere = [...networks.faults, ...checkRelayDomains(parameters, services, file, tables)];
  if (services.length > 0 && !restrictions.has('reject_unauth_destination')) {
    const message =
      'the plugin "restrictions" is not loaded: smtpd_*_restrictions have no effect, and only authenticated clients may relay';
    const warnings = [...networks.warnings, { file: join(directory, 'plugins'), line: 0, message }];
    return { faults: everywhere, warnings, notes: [], rules: new Map() };
  }
  const lists = checkRelay(services, file, { tables, takesArgument });
  return { ...lists, faults: [...everywhere, ...lists.faults], warnings: [...networks.warnings, ...lists.warnings] };
}

/** Words of restriction lists that no plugin defines either. */
function restrictionFaults(unknown: readonly UnknownRestriction[], defined: ReadonlyMap<string, Restriction>): Fault[] {
  const wordOf = (name: string): Restriction | undefined => defined.get(name.toLowerCase());
  return unknown.flatMap(({ name, after, fault }) => {
    if (wordOf(name) !== undefined || (after !== null && wordOf(after)?.takesArgument === true)) return [];
    const meant = nearest(name.toLowerCase(), defined.keys(), 3);
    return [meant === undefined ? fault : { ...fault, message: unknownRestriction(name, meant) }];
  });
}

/** A plugin's error, located in its configuration, or at its line of the file `plugins`. */
function located({ plugin, message, file: own, line: at = 0 }: PluginFault, directory: string): Fault {
  if (own !== undefined) return { file: own, line: at, parameter: `plugin ${plugin}`, message };
  const { file, text } = readOwnOrShipped(directory, 'plugins', (content, path) => ({ file: path, text: content }));
  const line = text.split('\n').findIndex((content) => content.replace(/#.*/, '').trim() === plugin) + 1;
  return { file, line, parameter: `plugin ${plugin}`, message };
}
