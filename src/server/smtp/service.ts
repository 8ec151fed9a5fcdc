/** What the sessions of one master.cf service share: its settings and the services they use. */
import type { Connection, Hooks } from '../../bus/hook.ts';
import type { Clock } from '../../clock.ts';
import type { Milters } from '../../delivery/milter/milters.ts';
import type { Receiver } from '../../delivery/receive/receiver.ts';
import type { Log } from '../../log.ts';
import type { DebugPeers } from '../../lookup/debug-peers.ts';
import type { Domains } from '../../lookup/domains.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable } from '../../lookup/table.ts';
import type { TlsContexts } from '../../net/tls.ts';
import type { Resolver } from '../../protocol/dns/resolver.ts';
import type { SaslMechanism } from '../../protocol/sasl/mechanism.ts';
import type { Authenticator } from '../login/authenticator.ts';
import type { ClientLimits } from './client-limits.ts';
import type { RightsOf } from './client-rights.ts';
import type { ProxyService } from './proxy/service.ts';
import type { RejectFooters } from './reject-footers.ts';
import type { RelayPolicy } from './relay.ts';
import type { SmtpSettings } from './settings.ts';

export interface SmtpService {
  /** The master.cf service's name. */
  readonly name: string;
  /** debug_peer_list; null if it is empty. */
  readonly debugPeers: DebugPeers | null;
  /** RFC 2033: LHLO, and a reply for each recipient at the end of the message. */
  readonly lmtp: boolean;
  readonly parameters: ParameterReader;
  readonly settings: SmtpSettings;
  readonly hooks: Hooks;
  readonly receiver: Receiver;
  readonly authenticator: Authenticator;
  /** Of SASL, in the order in which they are offered. */
  readonly mechanisms: readonly SaslMechanism[];
  readonly domains: Domains;
  readonly relay: RelayPolicy;
  /** Null where main.cf names none. */
  readonly milters: Milters | null;
  /** smtpd_proxy_filter; null where it is empty. */
  readonly proxy: ProxyService | null;
  /** smtpd_command_filter */
  readonly commandFilter: readonly LookupTable[];
  /** smtpd_reject_footer_maps; null where it is empty. */
  readonly footers: RejectFooters | null;
  readonly resolver: Resolver | null;
  readonly limits: ClientLimits;
  /** Logger with the process name `postfix/smtpd`. */
  readonly log: Log;
  readonly tls: TlsContexts | null;
  /** No more commands are accepted, except within an open transaction. */
  readonly closing: boolean;
  readonly clock: Clock;
  newQueueId(): string;
  /** The delay after errors, ms. */
  sleep(ms: number): Promise<void>;
  /** ETRN: makes the mail of a destination due now; false for one that is not in fast_flush_domains. */
  flushDestination(domain: string): Promise<boolean>;
  /** Octets that are free on the disk. */
  freeOctets(): number;
  /** Null where no client has any. */
  readonly rightsOf: RightsOf | null;
  /** This client is exempt from smtpd_forbid_bare_newline. */
  mayEndLinesWithLf(connection: Connection): boolean | Promise<boolean>;
}
