/** What the sessions of one master.cf service share: its settings and the house's parts that they ask. */
import type { Connection, Hooks } from '../../bus/hook.ts';
import type { Receiver } from '../../delivery/receive/receiver.ts';
import type { Log } from '../../log.ts';
import type { Domains } from '../../lookup/domains.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { TlsContexts } from '../../net/tls.ts';
import type { Resolver } from '../../protocol/dns/resolver.ts';
import type { Authenticator } from '../login/authenticator.ts';
import type { ClientLimits } from './client-limits.ts';
import type { RelayPolicy } from './relay.ts';
import type { SmtpSettings } from './settings.ts';

export interface SmtpService {
  /** The master.cf service's name. */
  readonly name: string;
  /** RFC 2033: LHLO, and a reply for each recipient at the end of the message. */
  readonly lmtp: boolean;
  readonly parameters: ParameterReader;
  readonly settings: SmtpSettings;
  readonly hooks: Hooks;
  readonly receiver: Receiver;
  readonly authenticator: Authenticator;
  readonly domains: Domains;
  readonly relay: RelayPolicy;
  readonly resolver: Resolver | null;
  readonly limits: ClientLimits;
  /** Lines as `postfix/smtpd`. */
  readonly log: Log;
  readonly tls: TlsContexts | null;
  /** No more commands are taken, unless a transaction is open. */
  readonly closing: boolean;
  newQueueId(): string;
  /** The tarpit's wait, ms. */
  sleep(ms: number): Promise<void>;
  /** ETRN: makes the mail of a destination due now; how many items. */
  flushDestination(domain: string): Promise<number>;
  /** smtpd_forbid_bare_newline is not for this client. */
  mayEndLinesWithLf(connection: Connection): boolean | Promise<boolean>;
}
