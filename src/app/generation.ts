/**
 * Everything that is built from one reading of the configuration. A reload builds a new generation
 * beside the old one: new sessions belong to the new, those under way finish with what they began with.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bus } from '../bus/bus.ts';
import type { Connection, Hooks } from '../bus/hook.ts';
import { loadPlugins, PluginFaults } from '../bus/load.ts';
import type { Configuration, Service } from '../config/configuration.ts';
import { ConfigurationError, type Fault } from '../config/fault.ts';
import { createDelivery, type Delivery } from '../delivery/delivery.ts';
import { createDomains } from '../delivery/domains.ts';
import type { Log } from '../log.ts';
import { compileNetworks } from '../lookup/network.ts';
import { TableFault } from '../lookup/table-fault.ts';
import { createTables } from '../lookup/tables.ts';
import type { LineConnection } from '../net/connection.ts';
import { connectTable } from '../net/table-connection.ts';
import type { Resolver } from '../protocol/dns/resolver.ts';
import { createAuthenticator } from '../server/authenticate.ts';
import { createImapServer, type ImapServer } from '../server/imap/server.ts';
import { createPop3Server, type Pop3Server } from '../server/pop3/server.ts';
import { createSmtpServer, type SmtpServer } from '../server/smtp/server.ts';
import type { Store } from '../store/store.ts';
import type { Identities } from './identity.ts';

/** What lives as long as the process and is lent to each generation. */
export interface Lasting {
  readonly store: Store;
  readonly hooks: Hooks;
  readonly resolver: Resolver;
  readonly log: Log;
  readonly clock: () => number;
  readonly newQueueId: () => string;
  readonly temporaryFolder: string;
  /** Where other mail servers listen. */
  readonly smtpPort: number;
  /** Queue items were made, by whichever generation: the current runner should look. */
  onQueued(): void;
  /** ETRN and the like: makes a destination's mail due. */
  flushDestination(domain: string): Promise<number>;
}

export interface Generation {
  readonly configuration: Configuration;
  readonly bus: Bus;
  readonly delivery: Delivery;
  /** By the name of the master.cf service. */
  readonly smtp: ReadonlyMap<string, SmtpServer>;
  readonly imap: ImapServer;
  readonly pop3: Pop3Server;
}

const BUILT_IN_PLUGINS = fileURLToPath(new URL('../../plugins', import.meta.url));

/** Throws ConfigurationError with what only building shows: plugins, tables, lists. */
export async function buildGeneration(configuration: Configuration, lasting: Lasting, identities: Identities | null): Promise<Generation> {
  try {
    return await build(configuration, lasting, identities);
  } catch (error) {
    throw asConfigurationError(error, configuration) ?? error;
  }
}

async function build(configuration: Configuration, lasting: Lasting, identities: Identities | null): Promise<Generation> {
  const { parameters, resolvePath } = configuration;
  const { store, hooks, resolver, log, clock, newQueueId } = lasting;
  const tables = createTables({ resolvePath, log, clock, aliasTables: configuration.aliasTables, connect: connectTable });
  const addresses = ownAddresses(configuration.services);
  const domains = createDomains({ parameters, tables, directory: store.directory, addresses });
  const bus = await loadPlugins({
    names: configuration.plugins,
    directories: [BUILT_IN_PLUGINS, join(configuration.directory, 'plugins')],
    configDirectory: configuration.directory,
    house: { parameters, tables, domains, resolver, directory: store.directory },
    log,
    clock,
  });
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
    addresses,
    smtpPort: lasting.smtpPort,
    authorities: [],
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
        resolver,
        tls: hasTls(service) ? (identities?.smtp ?? null) : null,
        newQueueId,
        flushDestination: lasting.flushDestination,
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
  const imap = createImapServer({ ...mailbox, newQueueId, limits: { message: parameters.number('message_size_limit') } });
  return { configuration, bus, delivery, smtp, imap, pop3: createPop3Server(mailbox) };
}

/** The addresses on which mail comes in; wildcards name none. */
function ownAddresses(services: readonly Service[]): string[] {
  return [...new Set(services.flatMap((service) => service.addresses))].filter((address) => address !== '0.0.0.0' && address !== '::');
}

function asConfigurationError(error: unknown, configuration: Configuration): ConfigurationError | null {
  const fault = (message: string): Fault => ({ file: join(configuration.directory, 'plugins'), line: 0, message });
  if (error instanceof PluginFaults) return new ConfigurationError(error.faults.map(fault));
  if (error instanceof TableFault) return new ConfigurationError([error]);
  return null;
}
