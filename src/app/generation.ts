import { forwardingReader } from '../admin/forwarding.ts';
import type { Connection, Hooks } from '../bus/hook.ts';
import { certificatesIn, systemAuthorities } from '../config/authorities.ts';
import type { NamedFile } from '../config/certificates.ts';
import type { Service } from '../config/configuration.ts';
import { expandVariables } from '../config/dovecot/variables.ts';
import { ConfigurationError } from '../config/fault.ts';
import type { ClientTlsFiles } from '../delivery/client/client-contexts.ts';
import { StsPolicies } from '../delivery/client/mta-sts.ts';
import { createDelivery, type Delivery } from '../delivery/delivery.ts';
import { Milters } from '../delivery/milter/milters.ts';
import { createDomainList } from '../delivery/route/domain-list.ts';
import { MemoryResults } from '../delivery/verify/memory-results.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { readDebugPeers } from '../lookup/debug-peers.ts';
import { ownDomains } from '../lookup/find-account.ts';
import { compileNetworks } from '../lookup/network.ts';
import type { ListName, ParameterReader } from '../lookup/parameters.ts';
import type { LookupTable, Tables } from '../lookup/table.ts';
import { TableFault } from '../lookup/table-fault.ts';
import type { TokenSettings } from '../lookup/token-settings.ts';
import type { LineConnection } from '../net/connection.ts';
import { httpSender } from '../net/http-client.ts';
import type { TlsContexts } from '../net/tls.ts';
import { USUAL_MECHANISMS } from '../protocol/sasl/table.ts';
import { createImapServer, type ImapServer } from '../server/imap/server.ts';
import type { Authenticator } from '../server/login/authenticator.ts';
import { NO_CERTIFICATES } from '../server/login/client-certificates.ts';
import { sharedDecoyKey } from '../server/login/decoy-secrets.ts';
import { OAuth2Judge } from '../server/login/oauth2/token-judge.ts';
import { PasswordAuthenticator } from '../server/login/password-authenticator.ts';
import type { LoginThrottle } from '../server/login/throttle.ts';
import { createPop3Server, type Pop3Server } from '../server/pop3/server.ts';
import { clientRights } from '../server/smtp/client-rights.ts';
import type { ProxyService } from '../server/smtp/proxy/service.ts';
import { NO_STRANGERS, type RelayPolicy } from '../server/smtp/relay.ts';
import { SmtpServer, type SmtpServerOptions } from '../server/smtp/server.ts';
import type { Cluster } from '../store/cluster.ts';
import type { Store } from '../store/store.ts';
import { freeOctets } from './data-folder.ts';
import type { Foundation } from './foundation.ts';
import type { Identities } from './identity.ts';
import { smtpMechanisms } from './mechanisms.ts';
import { ownAddresses } from './own-addresses.ts';
import { proxyFilter } from './proxy-filter.ts';
import { SniMaps } from './sni-maps.ts';

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
  /** Certificates by the name of the master.cf service, under its terms; empty without certificates. */
  readonly tls: ReadonlyMap<string, TlsContexts>;
  /** Of IMAP and POP3; undefined without certificates. */
  readonly mailboxTls: TlsContexts | undefined;
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
  const clientTls = (protocol: 'smtp' | 'lmtp'): ClientTlsFiles => ({
    trust: configuration.tls.trust[protocol],
    identity: identities?.clients[protocol] ?? null,
    publicAuthorities: systemAuthorities,
    readAnchors: (path) => certificatesIn(configuration.resolvePath(path)),
  });
  const addresses = ownAddresses(configuration);
  const delivery = createDelivery({
    store,
    hooks,
    parameters,
    tables,
    transports: configuration.transports,
    bounceTemplates: configuration.bounceTemplates,
    domains,
    resolver,
    secureResolver: resolver.secure,
    sts: new StsPolicies({ resolver, send: httpSender(resolver), states: store.pluginStates, clock, log }),
    search: configuration.search,
    log,
    clock,
    random: Math.random,
    newQueueId,
    addresses,
    smtpPort: lasting.smtpPort,
    tls: { smtp: clientTls('smtp'), lmtp: clientTls('lmtp') },
    temporaryFolder: lasting.temporaryFolder,
    isTrusted: (connection: Connection) => trusted(connection.remote.ip, connection.remote.name),
    onQueued: lasting.onQueued,
  });
  foundation.outbox.open({
    receiver: delivery.receiver,
    newQueueId,
    sizeLimit: parameters.number('message_size_limit'),
  });
  foundation.verifier.open(
    delivery.probe,
    parameters.string('address_verify_map') === '' ? new MemoryResults() : store.probeResults,
  );
  const authenticator = new PasswordAuthenticator({
    directory: store.directory,
    hooks,
    defaultDomains: ownDomains(parameters),
    log,
    clock,
    throttle: lasting.throttle,
    decoyKey: () => sharedDecoyKey(store.pluginStates, clock()),
    tokens: tokenJudge(foundation, lasting),
  });
  const { cluster } = store;
  const tls = new Map(
    identities === null
      ? []
      : configuration.services.map((service) => [service.name, contextsOf(service, foundation, identities)]),
  );
  const serving: SmtpServing = {
    hooks,
    receiver: delivery.receiver,
    authenticator,
    mechanisms: smtpMechanisms(configuration.dovecot),
    tlsOf: ({ name }) => tls.get(name) ?? null,
    proxyOf: (service) => proxyFilter(service, { tables, addresses, temporaryFolder: lasting.temporaryFolder, log }),
    newQueueId,
    flushDestination: lasting.flushDestination,
    freeOctets: () => freeOctets(lasting.temporaryFolder),
    cluster,
    log,
    clock,
  };
  const smtp = new Map(
    configuration.services.map((service) => [service.name, new SmtpServer(smtpOptions(service, foundation, serving))]),
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
    mechanisms: dovecot?.auth.mechanisms ?? USUAL_MECHANISMS,
    certificates: dovecot === null ? NO_CERTIFICATES : dovecot.clientCertificates,
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
    annotations: {
      comment: dovecot?.serverComment ?? null,
      admin: dovecot?.serverAdmin ?? null,
      readForwarding: parameters.boolean('imap_forwarding')
        ? forwardingReader({ defaultDomain: parameters.string('myorigin') })
        : null,
    },
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
    tls,
    mailboxTls: identities?.mailbox.under(configuration.tls.mailbox),
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

function contextsOf(
  { name, parameters }: Service,
  { configuration, tables, sniPairs }: Foundation,
  { smtp }: Identities,
): TlsContexts {
  const terms = configuration.tls.terms.get(name);
  if (terms === undefined) return smtp;
  const maps = new SniMaps({
    tables: parameters.list('tls_server_sni_maps').map((table) => tables.open(table)),
    pairs: sniPairs,
    terms,
    resolvePath: configuration.resolvePath,
  });
  return maps.before(smtp.under(terms));
}

function readAuthority({ path, place }: NamedFile, { resolvePath }: Foundation['configuration']): readonly string[] {
  try {
    return certificatesIn(resolvePath(path));
  } catch (error) {
    throw new ConfigurationError([{ ...place, message: messageOf(error) }]);
  }
}

/** Null where dovecot.conf names nobody who judges tokens. */
function tokenJudge(
  { configuration, resolver }: Pick<Foundation, 'configuration' | 'resolver'>,
  { log, clock }: Pick<Lasting, 'log' | 'clock'>,
): OAuth2Judge | null {
  const written = configuration.dovecot?.auth.oauth2 ?? null;
  if (written === null) return null;
  const { keyFolder, caFile } = written;
  const settings: TokenSettings = {
    ...written,
    keyFolder: keyFolder === '' ? '' : configuration.resolvePath(keyFolder),
    userOf: (name) => expandVariables(written.usernameFormat, { user: name, home: null }),
  };
  const authorities = caFile === null ? {} : { ca: readAuthority(caFile, configuration) };
  const send = httpSender(resolver);
  return new OAuth2Judge({
    settings,
    send: (exchange, limits) => send(exchange, { ...limits, ...authorities }),
    log,
    clock,
  });
}

/** What an SMTP server gets that is not said by its service. */
export interface SmtpServing
  extends Pick<
    SmtpServerOptions,
    'hooks' | 'receiver' | 'authenticator' | 'mechanisms' | 'newQueueId' | 'log' | 'clock'
  > {
  readonly tlsOf: (service: Service) => TlsContexts | null;
  readonly flushDestination: Lasting['flushDestination'];
  readonly freeOctets: () => number;
  readonly proxyOf: (service: Service) => ProxyService | null;
  readonly cluster: Cluster | null;
}

/** Throws TableFault where a list of the service names a table that cannot be opened. */
export function smtpOptions(
  service: Service,
  foundation: Pick<Foundation, 'tables' | 'domains' | 'resolver' | 'relayRules'>,
  { tlsOf, proxyOf, flushDestination, ...serving }: SmtpServing,
): SmtpServerOptions {
  const { parameters } = service;
  const { tables, domains, resolver } = foundation;
  const opened = (name: ListName): LookupTable[] => parameters.list(name).map((table) => tables.open(table));
  return {
    ...serving,
    ...(service.lmtp ? {} : { milters: (log: Log) => new Milters({ parameters, tables, log }) }),
    service: service.name,
    lmtp: service.lmtp,
    parameters,
    domains,
    relay: service.lmtp ? NO_STRANGERS : relayPolicy(service, foundation),
    proxy: proxyOf(service),
    commandFilter: opened('smtpd_command_filter'),
    footerMaps: opened('smtpd_reject_footer_maps'),
    resolver,
    tls: parameters.string('smtpd_tls_security_level') === 'none' ? null : tlsOf(service),
    flushDestination: flushOf(parameters, tables, flushDestination),
    rightsOf: service.lmtp ? null : clientRights(parameters, tables),
    mayEndLinesWithLf: bareNewlineExclusions(parameters, tables),
    debugPeers: readDebugPeers(parameters, tables),
  };
}

function relayPolicy(
  { name, parameters }: Service,
  { tables, relayRules }: Pick<Foundation, 'tables' | 'relayRules'>,
): RelayPolicy {
  const parentMatches = parameters.list('parent_domain_matches_subdomains').includes('mynetworks');
  return {
    trusts: compileNetworks(parameters.list('mynetworks'), { tables, parentMatches }),
    rules: relayRules.get(name) ?? new Map(),
  };
}

function flushOf(
  parameters: ParameterReader,
  tables: Tables,
  flush: Lasting['flushDestination'],
): SmtpServerOptions['flushDestination'] {
  const flushed = createDomainList(parameters.list('fast_flush_domains'), {
    tables,
    subdomains: parameters.list('parent_domain_matches_subdomains').includes('fast_flush_domains'),
  });
  return async (domain) => {
    if (!(await flushed.matches(domain))) return false;
    await flush(domain);
    return true;
  };
}

function bareNewlineExclusions(
  parameters: ParameterReader,
  tables: Tables,
): (connection: Connection) => boolean | Promise<boolean> {
  const excluded = compileNetworks(parameters.list('smtpd_forbid_bare_newline_exclusions'), { tables });
  return ({ remote }) => excluded(remote.ip, remote.name);
}
