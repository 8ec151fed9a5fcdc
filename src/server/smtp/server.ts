/**
 * The SMTP server of one master.cf service (smtp, submission, smtps): takes sockets that `net/listener.ts`
 * accepted, clear or after their TLS handshake, and plays SMTP on them.
 *
 *   const smtp = new SmtpServer({ service: 'smtp', parameters, hooks, receiver, … });
 *   await listen({ …, onConnection: (socket, ends) => smtp.serve(socket, ends) });
 *
 * Guarantees: a session costs the server nothing but itself; `close` lets transactions under way finish
 * (up to its deadline) and idle clients go with a 421.
 */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Hooks } from '../../bus/hook.ts';
import type { Clock } from '../../clock.ts';
import type { Milters } from '../../delivery/milter/milters.ts';
import type { Receiver } from '../../delivery/receive/receiver.ts';
import type { Log } from '../../log.ts';
import type { Domains } from '../../lookup/domains.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable } from '../../lookup/table.ts';
import { type Ends, endsOf } from '../../net/ends.ts';
import { SocketLineConnection } from '../../net/line-connection.ts';
import type { TlsContexts } from '../../net/tls.ts';
import type { Resolver } from '../../protocol/dns/resolver.ts';
import type { SaslMechanism } from '../../protocol/sasl/mechanism.ts';
import { USUAL_MECHANISMS } from '../../protocol/sasl/table.ts';
import type { Cluster } from '../../store/cluster.ts';
import type { Authenticator } from '../login/authenticator.ts';
import { ClientLimits } from './client-limits.ts';
import type { RightsOf } from './client-rights.ts';
import { COMMANDS } from './commands/table.ts';
import { SmtpDialog } from './dialog.ts';
import type { ProxyService } from './proxy/service.ts';
import { RejectFooters } from './reject-footers.ts';
import { NO_STRANGERS, type RelayPolicy } from './relay.ts';
import type { SmtpService } from './service.ts';
import { readSettings } from './settings.ts';
import type { KnownClient, Wire } from './wire.ts';

export interface SmtpServerOptions {
  /** The name of its row in master.cf: smtp, submission, smtps; of LMTP in dovecot.conf: lmtp. */
  readonly service: string;
  /** LMTP (RFC 2033) instead of SMTP: for other mail servers that hand over mail for our users. */
  readonly lmtp?: boolean;
  /** main.cf with this service's `-o` overrides. */
  readonly parameters: ParameterReader;
  readonly hooks: Hooks;
  readonly receiver: Receiver;
  readonly authenticator: Authenticator;
  /** Of SASL, in the order in which they are offered; without it, PLAIN and LOGIN. */
  readonly mechanisms?: readonly SaslMechanism[];
  readonly domains: Domains;
  /** Who may send to other people's domains; without it, those who logged in. */
  readonly relay?: RelayPolicy;
  /** Makes the milters of this service; without it there are none. */
  readonly milters?: (log: Log) => Milters;
  /** The filter before the queue; without it there is none. */
  readonly proxy?: ProxyService | null;
  /** smtpd_command_filter, smtpd_reject_footer_maps */
  readonly commandFilter?: readonly LookupTable[];
  readonly footerMaps?: readonly LookupTable[];
  /** Names the clients; null leaves them all `unknown`. */
  readonly resolver: Resolver | null;
  /** Certificates for STARTTLS (net/tls.ts TlsIdentity); null where the site has none. */
  readonly tls: TlsContexts | null;
  /** From mail/queue-id.ts. */
  readonly newQueueId: () => string;
  /** ETRN: makes the mail of a destination due now (Queue.flush); false for one that is not in fast_flush_domains. */
  readonly flushDestination: (domain: string) => Promise<boolean>;
  /** Of some clients (client-rights.ts); without it, none has any. */
  readonly rightsOf?: RightsOf | null;
  /** The client is in smtpd_forbid_bare_newline_exclusions. */
  readonly mayEndLinesWithLf: (connection: Connection) => boolean | Promise<boolean>;
  /** Octets that are free on the disk; without it, all that are wanted. */
  readonly freeOctets?: () => number;
  /** The processes over which clients are counted; without it, this one. */
  readonly cluster?: Cluster | null;
  /** Whose sessions are watched; without it, nobody's. */
  readonly debugPeers?: SmtpService['debugPeers'];
  readonly log: Log;
  readonly clock: Clock;
  /** The tarpit's wait, ms; tests put their own. */
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Octets of an endless line that are skipped before the client is let go. */
const MAX_SKIPPED = 1024 * 1024;

/** The longest that a timer of Node can wait, ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** `postfix/submission/smtpd` where master.cf gives the service a syslog_name of its own. */
const processName = ({ lmtp, parameters }: SmtpServerOptions): string =>
  lmtp === true ? 'lmtp' : `${parameters.string('syslog_name')}/smtpd`;

export class SmtpServer {
  readonly #service: SmtpService;
  readonly #sessions = new Set<SmtpDialog>();
  #closing: Promise<void> | null = null;
  readonly #statistics: NodeJS.Timeout | null = null;
  #emptied = (): void => {};

  constructor(options: SmtpServerOptions) {
    const settings = readSettings(options.parameters);
    const { parameters, clock, footerMaps = [] } = options;
    const limits = new ClientLimits(
      {
        atOnce: settings.connectionCountLimit,
        rates: {
          connections: parameters.number('smtpd_client_connection_rate_limit'),
          messages: parameters.number('smtpd_client_message_rate_limit'),
          recipients: parameters.number('smtpd_client_recipient_rate_limit'),
          logins: parameters.number('smtpd_client_auth_rate_limit'),
          handshakes: parameters.number('smtpd_client_new_tls_session_rate_limit'),
        },
        timeUnit: parameters.time('anvil_rate_time_unit'),
        exceptions: parameters.list('smtpd_client_event_limit_exceptions'),
        sharing: { cluster: options.cluster ?? null, topic: `clients of ${options.service}` },
      },
      clock,
    );
    const log = options.log.child({ process: processName(options) });
    const anvil = options.log.child({ process: 'postfix/anvil' });
    const every = parameters.time('anvil_status_update_time');
    const tellHighs = (): void => limits.takeHighs(options.service).forEach((line) => void anvil.info({}, line));
    if (every > 0) this.#statistics = setInterval(tellHighs, Math.min(every, LONGEST_TIMER)).unref();
    const milters = options.milters?.(log) ?? null;
    const isClosing = (): boolean => this.#closing !== null;
    this.#service = {
      name: options.service,
      lmtp: options.lmtp ?? false,
      parameters,
      settings,
      hooks: options.hooks,
      receiver: options.receiver,
      authenticator: options.authenticator,
      mechanisms: options.mechanisms ?? USUAL_MECHANISMS,
      domains: options.domains,
      relay: options.relay ?? NO_STRANGERS,
      milters: milters?.watchesClients === true ? milters : null,
      proxy: options.proxy ?? null,
      commandFilter: options.commandFilter ?? [],
      footers: footerMaps.length === 0 ? null : new RejectFooters(footerMaps, log),
      resolver: options.resolver,
      limits,
      log,
      tls: options.tls,
      get closing() {
        return isClosing();
      },
      clock,
      newQueueId: options.newQueueId,
      sleep: options.sleep ?? ((ms) => sleep(ms)),
      flushDestination: options.flushDestination,
      freeOctets: options.freeOctets ?? (() => Number.POSITIVE_INFINITY),
      rightsOf: options.rightsOf ?? null,
      mayEndLinesWithLf: options.mayEndLinesWithLf,
      debugPeers: options.debugPeers ?? null,
    };
  }

  /** Begins a session on a connected socket: net.Socket, or tls.TLSSocket after its handshake. */
  serve(socket: Socket, ends: Ends = endsOf(socket)): void {
    if (this.#closing !== null) {
      socket.destroy();
      return;
    }
    const { tls, settings } = this.#service;
    const wire = new SocketLineConnection(socket, {
      identity: tls ?? undefined,
      handshakeTimeout: settings.starttlsTimeout,
      skipLimit: MAX_SKIPPED,
      gathersOutput: true,
      ends,
    });
    void this.play(wire);
  }

  /** A session on a connection that is open. Resolves when it is over. */
  play(wire: Wire, known: KnownClient = {}): Promise<void> {
    return this.#play(new SmtpDialog(this.#service, wire, COMMANDS, known));
  }

  /** Sessions open now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** No new sessions; waits for open transactions up to `deadline` ms (10 s), then ends what is left. */
  close(deadline = 10_000): Promise<void> {
    this.#closing ??= this.#drain(deadline).then(() => {
      if (this.#statistics !== null) clearInterval(this.#statistics);
      this.#service.limits.end();
    });
    return this.#closing;
  }

  async #play(session: SmtpDialog): Promise<void> {
    this.#sessions.add(session);
    await session.run();
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#emptied();
  }

  async #drain(deadline: number): Promise<void> {
    const { promise: empty, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    for (const session of this.#sessions) session.shutDown();
    if (this.#sessions.size === 0) return;
    const timer = setTimeout(() => {
      for (const session of this.#sessions) session.cutOff();
      // A plugin that does not answer is not waited for.
      setImmediate(resolve);
    }, deadline);
    await empty;
    clearTimeout(timer);
  }
}
