/** The main.cf settings of one client (Postfix: smtp(8), lmtp(8)), read once; invalid ones throw at start. */
import { delimitersOf } from '../../lookup/delimiters.ts';
import { portNamesOf } from '../../lookup/ports.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import type { Delimiters } from '../../mail/address.ts';
import { type ContentRules, readContentRules } from '../checks/rules.ts';
import { openTables } from '../route/address-tables.ts';
import { createDomainList, type DomainList } from '../route/domain-list.ts';
import { type Nexthop, parseNexthop, portNumber } from '../route/nexthop.ts';
import type { AddressOrder } from './address-order.ts';
import type { ClientParameters, ClientProtocol } from './client-parameters.ts';
import type { HostLookup } from './host-lookup.ts';
import { type IgnoredKeywords, readIgnoredKeywords } from './ignored-keywords.ts';
import type { HostSearch } from './mx.ts';
import type { Deadline } from './peer-connection.ts';
import { type ReplyFilter, readReplyFilter } from './reply-filter.ts';
import type { PoolLimits } from './session-pool.ts';
import type { CommandTimeouts, Hello, VerifyTarget } from './smtp-session.ts';
import { type LoginDemands, SECURITY_OPTIONS } from './smtp-session-login.ts';
import { type ClientTls, readClientTls } from './tls-settings.ts';

/** Where 0 stands for the time limit of the system; ms. */
const NO_TIMEOUT = 600_000;

export interface RemoteSettings {
  readonly protocol: ClientProtocol;
  /** Tried when no host of the next hop takes the mail (smtp_fallback_relay). */
  readonly fallback: readonly Nexthop[];
  /** In lower case; '' for none. */
  readonly relayhost: string;
  readonly heloName: string;
  readonly hello: Hello;
  /** The port where a next hop names none. */
  readonly port: number;
  readonly bind: {
    readonly ipv4: string;
    readonly ipv6: string;
    /** Mail waits where the address cannot be used. */
    readonly enforced: boolean;
  };
  readonly connectTimeout: number;
  readonly timeouts: CommandTimeouts;
  readonly pool: PoolLimits;
  /** Whose sessions are kept for the next message: all, or those to these domains and hosts. */
  readonly kept: 'all' | DomainList;
  readonly sessionLimit: number;
  readonly search: HostSearch;
  readonly lookup: Omit<HostLookup, 'resolver'>;
  readonly skip5xxGreeting: boolean;
  /** The last command of a probe (smtp_address_verify_target). */
  readonly verifyTarget: VerifyTarget;
  /** How old a message must be before it is sent in clear text after TLS failed, ms. */
  readonly minimalBackoff: number;
  readonly ignoredKeywords: IgnoredKeywords;
  /** Octets of a line; 0 means no limit. */
  readonly lineLimit: number;
  /** Local parts are quoted where the RFC demands it. */
  readonly quotes: boolean;
  /** MAIL says that the login of the sender is not passed on. */
  readonly namesNoLogin: boolean;
  /** Servers hear by XFORWARD who the client was. */
  readonly forwardsClient: boolean;
  /** Changes of servers' replies. */
  readonly replyFilter: ReplyFilter | null;
  readonly waitsForQuit: boolean;
  readonly deadline: Deadline;
  /** 8-bit mail is converted for servers without 8BITMIME. */
  readonly converts: boolean;
  /** Mail labelled 8bit is announced as such, whatever its client said. */
  readonly readsLabel: boolean;
  readonly nestingLimit: number;
  /** recipient_delimiter */
  readonly delimiters: Delimiters;
  /** smtp_header_checks and the like. */
  readonly content: ContentRules;
  readonly tls: ClientTls;
  /** A server without DSN delivers mail itself (lmtp_assume_final). */
  readonly assumesFinal: boolean;
  readonly auth: {
    readonly passwords: readonly LookupTable[];
    readonly demands: LoginDemands;
    readonly softBounce: boolean;
    /** How long a refused login is not tried again, ms; 0: it is tried each time. */
    readonly refusedFor: number;
    /** Which mechanisms are used. */
    readonly mechanisms: DomainList;
    readonly bySender: boolean;
  };
}

export function readRemoteSettings(own: ClientParameters, tables: Tables): RemoteSettings {
  const { all } = own;
  const time = (name: Parameters<ClientParameters['time']>[0]): number => Math.max(1, own.time(name));
  const protocols = new Set(all.list('inet_protocols'));
  const both = protocols.size === 0 || protocols.has('all');
  const demands = (name: Parameters<ClientParameters['list']>[0]): ReadonlySet<string> => {
    const words = new Set(own.list(name));
    for (const word of words)
      if (!SECURITY_OPTIONS.includes(word))
        throw new Error(`${own.nameOf(name)}: "${word}" is not one of ${SECURITY_OPTIONS.join(', ')}`);
    return words;
  };
  const ports = portNamesOf(all);
  const mechanisms = own.list('sasl_mechanism_filter');
  const dns = own.string('dns_support_level') || (all.boolean('disable_dns_lookups') ? 'disabled' : 'enabled');
  const asksDns = dns !== 'disabled';
  return {
    protocol: own.protocol,
    fallback: own.list('fallback_relay').flatMap((text) => parseNexthop(text, own.protocol, ports) ?? []),
    relayhost: all.string('relayhost').toLowerCase(),
    heloName: own.string('helo_name'),
    hello: helloOf(own),
    port: portNumber(own.string('tcp_port'), ports) ?? SMTP_PORT,
    bind: {
      ipv4: own.string('bind_address'),
      ipv6: own.string('bind_address6'),
      enforced: own.boolean('bind_address_enforce'),
    },
    connectTimeout: own.time('connect_timeout') || NO_TIMEOUT,
    timeouts: {
      EHLO: time('helo_timeout'),
      STARTTLS: time('starttls_timeout'),
      XFORWARD: time('xforward_timeout'),
      MAIL: time('mail_timeout'),
      RCPT: time('rcpt_timeout'),
      DATA: time('data_init_timeout'),
      XFER: time('data_xfer_timeout'),
      BODY: time('data_done_timeout'),
      RSET: time('rset_timeout'),
      QUIT: time('quit_timeout'),
    },
    pool: {
      idle: own.time('connection_cache_time_limit'),
      age: own.time('connection_reuse_time_limit'),
      count: own.number('connection_reuse_count_limit'),
    },
    sessionLimit: own.number('mx_session_limit'),
    kept: own.boolean('connection_cache_on_demand')
      ? 'all'
      : createDomainList(own.list('connection_cache_destinations'), { tables, subdomains: false }),
    search: {
      order: {
        preferred: own.string('address_preference') as AddressOrder['preferred'],
        randomize: own.boolean('randomize_addresses'),
        balance: own.boolean('balance_inet_protocols'),
        limit: own.number('mx_address_limit'),
      },
      asksMx: asksDns,
      ignoresMxFault: all.boolean('ignore_mx_lookup_error'),
      defersWithoutAddress: own.boolean('defer_if_no_mx_address_found'),
    },
    lookup: {
      families: { ipv4: both || protocols.has('ipv4'), ipv6: both || protocols.has('ipv6') },
      ways: asksDns ? own.list('host_lookup').map((way) => (way === 'native' ? 'native' : 'dns')) : ['native'],
      namesFollowCnames: own.boolean('cname_overrides_servername'),
      filter: openTables(own.list('dns_reply_filter'), tables),
    },
    skip5xxGreeting: own.boolean('skip_5xx_greeting'),
    verifyTarget: own.string('address_verify_target') === 'data' ? 'data' : 'rcpt',
    minimalBackoff: all.time('minimal_backoff_time'),
    ignoredKeywords: readIgnoredKeywords(own, tables),
    lineLimit: own.number('line_length_limit'),
    quotes: own.boolean('quote_rfc821_envelope'),
    namesNoLogin: own.boolean('sasl_auth_enable') && own.boolean('send_dummy_mail_auth'),
    forwardsClient: own.boolean('send_xforward_command'),
    replyFilter: readReplyFilter(own, tables),
    waitsForQuit: !own.boolean('skip_quit_response'),
    deadline: own.boolean('per_request_deadline') ? { minimumRate: own.number('min_data_rate') } : null,
    readsLabel: all.boolean('detect_8bit_encoding_header'),
    converts: !all.boolean('disable_mime_output_conversion'),
    nestingLimit: all.number('mime_nesting_limit'),
    delimiters: delimitersOf(all),
    content: readContentRules(own.protocol, all, tables),
    tls: readClientTls(own, tables),
    assumesFinal: own.protocol === 'lmtp' && all.boolean('lmtp_assume_final'),
    auth: {
      passwords: own.boolean('sasl_auth_enable') ? openTables(own.list('sasl_password_maps'), tables) : [],
      demands: {
        clear: demands('sasl_security_options'),
        tls: demands('sasl_tls_security_options'),
        verified: demands('sasl_tls_verified_security_options'),
      },
      softBounce: own.boolean('sasl_auth_soft_bounce'),
      refusedFor: own.string('sasl_auth_cache_name') === '' ? 0 : own.time('sasl_auth_cache_time'),
      mechanisms: mechanisms.length === 0 ? ANY : createDomainList(mechanisms, { tables, subdomains: false }),
      bySender: own.boolean('sender_dependent_authentication'),
    },
  };
}

const SMTP_PORT = 25;
const ANY: DomainList = { matches: () => true };

/** LMTP has one greeting. */
function helloOf(own: ClientParameters): Hello {
  if (own.protocol === 'lmtp') return 'LHLO';
  if (own.all.boolean('smtp_never_send_ehlo')) return 'HELO';
  return own.all.boolean('smtp_always_send_ehlo') ? 'EHLO' : 'as announced';
}
