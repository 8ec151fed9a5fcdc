import type { Connection, Hooks } from '../bus/hook.ts';
import type { Service } from '../config/configuration.ts';
import { ConfigurationError } from '../config/fault.ts';
import { createDelivery, type Delivery } from '../delivery/delivery.ts';
import { Milters } from '../delivery/milter/milters.ts';
import type { Log } from '../log.ts';
import { compileNetworks } from '../lookup/network.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Tables } from '../lookup/table.ts';
import { TableFault } from '../lookup/table-fault.ts';
import type { LineConnection } from '../net/connection.ts';
import { createImapServer, type ImapServer } from '../server/imap/server.ts';
import type { Authenticator } from '../server/login/authenticator.ts';
import { PasswordAuthenticator } from '../server/login/password-authenticator.ts';
import type { LoginThrottle } from '../server/login/throttle.ts';
import { createPop3Server, type Pop3Server } from '../server/pop3/server.ts';
import { NO_STRANGERS, type RelayPolicy } from '../server/smtp/relay.ts';
import { SmtpServer } from '../server/smtp/server.ts';
import type { Store } from '../store/store.ts';
import { freeOctets } from './data-folder.ts';
import type { Foundation } from './foundation.ts';
import type { Identities } from './identity.ts';
import { ownAddresses } from './own-addresses.ts';

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

/** By protocol. */
export type Sessions = Readonly<Record<'smtp' | 'imap' | 'pop3', number>>;

/**
 * Owns its foundation. Disposing of it ends its sessions and deliveries without waiting; a second time does nothing.
 */
export interface Generation extends Foundation {
  readonly delivery: Delivery;
  readonly authenticator: Authenticator;
  /** By the name of the master.cf service. */
  readonly smtp: ReadonlyMap<string, SmtpServer>;
  readonly imap: ImapServer;
  readonly pop3: Pop3Server;
  /** Open now. */
  readonly sessions: Sessions;
  /** No new sessions; those under way may finish for `graceMs`. */
  endSessions(graceMs: number): Promise<void>;
  /** Ends what is left, from the top down: sessions, deliveries (for `graceMs` at the most), plugins, the resolver. */
  close(graceMs: number): Promise<void>;
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
  const authenticator = new PasswordAuthenticator({
    directory: store.directory,
    hooks,
    defaultDomains: [
      ...new Set([parameters.string('myorigin'), parameters.string('mydomain'), parameters.string('myhostname')]),
    ],
    log,
    clock,
    throttle: lasting.throttle,
  });
  const { cluster } = store;
  const hasTls = (service: Service): boolean => service.parameters.string('smtpd_tls_security_level') !== 'none';
  const smtp = new Map(
    configuration.services.map((service) => [
      service.name,
      new SmtpServer({
        service: service.name,
        lmtp: service.lmtp,
        parameters: service.parameters,
        hooks,
        receiver: delivery.receiver,
        authenticator,
        domains,
        ...(service.lmtp
          ? {}
          : { milters: (log: Log) => new Milters({ parameters: service.parameters, tables, log }) }),
        relay: service.lmtp ? NO_STRANGERS : relayPolicy(service, foundation),
        resolver,
        tls: hasTls(service) ? (identities?.smtp ?? null) : null,
        newQueueId,
        flushDestination: lasting.flushDestination,
        freeOctets: () => freeOctets(lasting.temporaryFolder),
        mayEndLinesWithLf: bareNewlineExclusions(service.parameters, tables),
        cluster,
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
    cluster,
    log,
    clock,
    greetingName: dovecot?.loginGreeting || 'Posthorn',
    startTls: identities !== null && dovecot?.ssl !== 'no',
    plaintextAuth: ({ remote, local, isProxied }: LineConnection): boolean => {
      if (dovecot === null || dovecot.ssl === 'required') return false;
      // As Dovecot: a client on this machine itself has nothing to fear from the wire. One behind a proxy has.
      const isHere = remote.ip === local.ip || remote.ip === '127.0.0.1' || remote.ip === '::1';
      return !dovecot.disablePlaintextAuth || (isHere && !isProxied) || loginTrusted(remote.ip) === true;
    },
  };
  const places = (limit: number | undefined): { sessionsPerUser?: number } =>
    limit === undefined ? {} : { sessionsPerUser: limit };
  const imap = createImapServer({
    ...mailbox,
    newQueueId,
    limits: { message: parameters.number('message_size_limit'), ...places(dovecot?.sessionsPerUser.imap) },
  });
  const pop3 = createPop3Server({ ...mailbox, limits: places(dovecot?.sessionsPerUser.pop3) });
  const endSessions = async (graceMs: number): Promise<void> => {
    await Promise.all([imap.close(), pop3.close(), ...[...smtp.values()].map((server) => server.close(graceMs))]);
  };
  let closing: Promise<void> | null = null;
  const close = async (graceMs: number): Promise<void> => {
    await endSessions(graceMs);
    await delivery.close(graceMs);
    await foundation[Symbol.asyncDispose]();
  };
  return {
    ...foundation,
    delivery,
    authenticator,
    smtp,
    imap,
    pop3,
    get sessions() {
      return {
        smtp: [...smtp.values()].reduce((sum, server) => sum + server.sessions, 0),
        imap: imap.sessions,
        pop3: pop3.sessions,
      };
    },
    endSessions,
    close(graceMs) {
      closing ??= close(graceMs);
      return closing;
    },
    [Symbol.asyncDispose]() {
      return this.close(0);
    },
  };
}

function relayPolicy({ name, parameters }: Service, { tables, relayRules }: Foundation): RelayPolicy {
  const parentMatches = parameters.list('parent_domain_matches_subdomains').includes('mynetworks');
  return {
    trusts: compileNetworks(parameters.list('mynetworks'), { tables, parentMatches }),
    rules: relayRules.get(name) ?? new Map(),
  };
}

function bareNewlineExclusions(
  parameters: ParameterReader,
  tables: Tables,
): (connection: Connection) => boolean | Promise<boolean> {
  const excluded = compileNetworks(parameters.list('smtpd_forbid_bare_newline_exclusions'), { tables });
  return ({ remote }) => excluded(remote.ip, remote.name);
}
