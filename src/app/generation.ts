/**
 * Everything that is built from one reading of the configuration. A reload builds a new generation
 * beside the old one: new sessions belong to the new, those under way finish with what they began with.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bus } from '../bus/bus.ts';
import type { Connection, Hooks } from '../bus/hook.ts';
import { loadPlugins, type PluginFault, PluginFaults } from '../bus/load.ts';
import type { Restriction } from '../bus/restriction.ts';
import type { Configuration, Service } from '../config/configuration.ts';
import { ConfigurationError, type Fault } from '../config/fault.ts';
import { checkNetworks } from '../config/postfix/check-networks.ts';
import type { UnknownRestriction } from '../config/postfix/check-parameters.ts';
import { checkRelay, type RelayRules } from '../config/postfix/check-relay.ts';
import { unknownRestriction } from '../config/postfix/check-restrictions.ts';
import { containerGateway } from '../config/postfix/container-gateway.ts';
import { readOwnOrShipped } from '../config/read-files.ts';
import { createDelivery, type Delivery } from '../delivery/delivery.ts';
import { createDomains } from '../delivery/route/domains.ts';
import type { Log } from '../log.ts';
import type { Domains } from '../lookup/domains.ts';
import { compileNetworks } from '../lookup/network.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Tables } from '../lookup/table.ts';
import { TableFault } from '../lookup/table-fault.ts';
import { createTables } from '../lookup/tables.ts';
import { nearest } from '../nearest.ts';
import type { LineConnection } from '../net/connection.ts';
import type { ClosableResolver } from '../net/resolver.ts';
import { connectTable } from '../net/table-connection.ts';
import { createImapServer, type ImapServer } from '../server/imap/server.ts';
import { createAuthenticator } from '../server/login/password-authenticator.ts';
import type { LoginThrottle } from '../server/login/throttle.ts';
import { createPop3Server, type Pop3Server } from '../server/pop3/server.ts';
import { createSmtpServer, type SmtpServer } from '../server/smtp/server.ts';
import type { Directory } from '../store/directory.ts';
import type { Store } from '../store/store.ts';
import type { Identities } from './identity.ts';
import { ownAddresses } from './own-addresses.ts';

/** What plugins are lent: they are registered before the store is open. */
export interface Lent {
  readonly directory: Directory;
  readonly resolver: ClosableResolver;
  readonly log: Log;
  readonly clock: () => number;
}

/** A configuration with its plugins on a bus, made before anything is opened: what can be wrong with a configuration shows by here. */
export interface Foundation {
  readonly configuration: Configuration;
  readonly resolver: ClosableResolver;
  readonly tables: Tables;
  readonly domains: Domains;
  readonly bus: Bus;
  /** By the service's name: the rules that let strangers relay. */
  readonly relayRules: ReadonlyMap<string, RelayRules>;
  readonly warnings: readonly Fault[];
  readonly notes: readonly Fault[];
}

/** What lives as long as the process and is lent to each generation. */
export interface Lasting {
  readonly store: Store;
  readonly hooks: Hooks;
  readonly log: Log;
  readonly clock: () => number;
  readonly newQueueId: () => string;
  readonly temporaryFolder: string;
  /** A reload forgets no failed login. */
  readonly throttle: LoginThrottle;
  /** Where other mail servers listen. */
  readonly smtpPort: number;
  /** Queue items were made, by whichever generation: the current runner should look. */
  onQueued(): void;
  /** ETRN and the like: makes a destination's mail due. */
  flushDestination(domain: string): Promise<number>;
}

export interface Generation extends Foundation {
  readonly delivery: Delivery;
  /** By the name of the master.cf service. */
  readonly smtp: ReadonlyMap<string, SmtpServer>;
  readonly imap: ImapServer;
  readonly pop3: Pop3Server;
}

const BUILT_IN_PLUGINS = fileURLToPath(new URL('../../plugins', import.meta.url));

/** Throws ConfigurationError with every fault of tables, lists and plugins. */
export async function layFoundation(configuration: Configuration, { directory, resolver, log, clock }: Lent): Promise<Foundation> {
  const { parameters, resolvePath } = configuration;
  try {
    const tables = createTables({ resolvePath, log, clock, aliasTables: configuration.aliasTables, connect: connectTable });
    const domains = createDomains({ parameters, tables, directory, addresses: ownAddresses(configuration) });
    const bus = await loadPlugins({
      names: configuration.plugins,
      directories: [BUILT_IN_PLUGINS, join(configuration.directory, 'plugins.d')],
      configDirectory: configuration.directory,
      house: { parameters, tables, domains, resolver, directory, resolvePath },
      log,
      clock,
    });
    const relay = relayCheck(configuration, tables, bus);
    const faults = [...restrictionFaults(configuration.unknownRestrictions, bus.restrictions), ...relay.faults];
    const { rules: relayRules, warnings, notes } = relay;
    if (faults.length === 0) return { configuration, resolver, tables, domains, bus, relayRules, warnings, notes };
    await bus.close();
    throw new ConfigurationError(faults);
  } catch (error) {
    if (error instanceof PluginFaults) {
      // What looks like a slip of the pen is told too; other words may be those of a plugin that could not be loaded.
      const slips = configuration.unknownRestrictions.filter(({ hint }) => hint !== undefined);
      throw new ConfigurationError([...restrictionFaults(slips, new Map()), ...error.faults.map((fault) => located(fault, configuration.directory))]);
    }
    throw error instanceof TableFault ? new ConfigurationError([error]) : error;
  }
}

/** Throws ConfigurationError where a list that only sessions read names a table that cannot be opened. */
export function buildGeneration(foundation: Foundation, lasting: Lasting, identities: Identities | null): Generation {
  try {
    return build(foundation, lasting, identities);
  } catch (error) {
    throw error instanceof TableFault ? new ConfigurationError([error]) : error;
  }
}

function build(foundation: Foundation, lasting: Lasting, identities: Identities | null): Generation {
  const { configuration, resolver, tables, domains } = foundation;
  const { parameters } = configuration;
  const { store, hooks, log, clock, newQueueId } = lasting;
  const trusted = compileNetworks(parameters.list('mynetworks'), { tables });
  const delivery = createDelivery({
    store,
    hooks,
    parameters,
    tables,
    domains,
    resolver,
    log,
    clock,
    random: Math.random,
    newQueueId,
    addresses: ownAddresses(configuration),
    smtpPort: lasting.smtpPort,
    authorities: configuration.authorities.certificates,
    temporaryFolder: lasting.temporaryFolder,
    isTrusted: (connection: Connection) => trusted(connection.remote.ip, connection.remote.name),
    onQueued: lasting.onQueued,
  });
  const authenticator = createAuthenticator({
    directory: store.directory,
    hooks,
    defaultDomains: [...new Set([parameters.string('myorigin'), parameters.string('mydomain'), parameters.string('myhostname')])],
    log,
    clock,
    throttle: lasting.throttle,
  });
  const hasTls = (service: Service): boolean => service.parameters.string('smtpd_tls_security_level') !== 'none';
  const smtp = new Map(
    configuration.services.map((service) => [
      service.name,
      createSmtpServer({
        service: service.name,
        parameters: service.parameters,
        hooks,
        receiver: delivery.receiver,
        authenticator,
        domains,
        relay: {
          trusts: compileNetworks(service.parameters.list('mynetworks'), {
            tables,
            parentMatches: service.parameters.list('parent_domain_matches_subdomains').includes('mynetworks'),
          }),
          rules: foundation.relayRules.get(service.name) ?? new Map(),
        },
        resolver,
        tls: hasTls(service) ? (identities?.smtp ?? null) : null,
        newQueueId,
        flushDestination: lasting.flushDestination,
        mayEndLinesWithLf: bareNewlineExclusions(service.parameters, tables),
        log,
        clock,
      }),
    ]),
  );
  const dovecot = configuration.dovecot;
  const loginTrusted = compileNetworks(dovecot?.loginTrustedNetworks ?? [], { tables });
  const mailbox = {
    store,
    authenticator,
    hooks,
    log,
    clock,
    greetingName: dovecot?.loginGreeting || 'Posthorn',
    startTls: identities !== null && dovecot?.ssl !== 'no',
    plaintextAuth: ({ remote, local }: LineConnection): boolean => {
      if (dovecot === null || dovecot.ssl === 'required') return false;
      // As Dovecot: a client on this machine itself has nothing to fear from the wire.
      return !dovecot.disablePlaintextAuth || remote.ip === local.ip || remote.ip === '127.0.0.1' || remote.ip === '::1' || loginTrusted(remote.ip) === true;
    },
  };
  const places = (limit: number | undefined): { sessionsPerUser?: number } => (limit === undefined ? {} : { sessionsPerUser: limit });
  const imap = createImapServer({
    ...mailbox,
    newQueueId,
    limits: { message: parameters.number('message_size_limit'), ...places(dovecot?.sessionsPerUser.imap) },
  });
  const pop3 = createPop3Server({ ...mailbox, limits: places(dovecot?.sessionsPerUser.pop3) });
  return { ...foundation, delivery, smtp, imap, pop3 };
}

/** Who may relay. Asked when the plugins are there: words of theirs may let strangers relay, and may take an argument. */
function relayCheck({ services, directory }: Configuration, tables: Tables, { restrictions }: Bus): ReturnType<typeof checkRelay> {
  const file = join(directory, 'main.cf');
  const takesArgument = (name: string): boolean | undefined => {
    const restriction = restrictions.get(name.toLowerCase());
    return restriction === undefined ? undefined : restriction.takesArgument === true;
  };
  const networks = checkNetworks(services, file, { tables, gateway: containerGateway() });
  if (services.length > 0 && !restrictions.has('reject_unauth_destination')) {
    const message = 'the plugin "restrictions" is not there: no smtpd_*_restrictions act, and only those who log in may relay';
    const warnings = [...networks.warnings, { file: join(directory, 'plugins'), line: 0, message }];
    return { faults: networks.faults, warnings, notes: [], rules: new Map() };
  }
  const lists = checkRelay(services, file, { tables, takesArgument });
  return { ...lists, faults: [...networks.faults, ...lists.faults], warnings: [...networks.warnings, ...lists.warnings] };
}

function bareNewlineExclusions(parameters: ParameterReader, tables: Tables): (connection: Connection) => boolean | Promise<boolean> {
  const excluded = compileNetworks(parameters.list('smtpd_forbid_bare_newline_exclusions'), { tables });
  return ({ remote }) => excluded(remote.ip, remote.name);
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

/** A plugin's fault at its line of the file `plugins`. */
function located({ plugin, message }: PluginFault, directory: string): Fault {
  const { file, text } = readOwnOrShipped(directory, 'plugins', (content, path) => ({ file: path, text: content }));
  const line = text.split('\n').findIndex((content) => content.replace(/#.*/, '').trim() === plugin) + 1;
  return { file, line, parameter: `plugin ${plugin}`, message };
}
