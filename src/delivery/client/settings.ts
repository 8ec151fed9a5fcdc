/** The main.cf settings of one client (Postfix: smtp(8), lmtp(8)), read once; invalid ones throw at start. */
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { type ContentRules, readContentRules } from '../checks/rules.ts';
import { openTables } from '../route/address-tables.ts';
import { type Nexthop, parseNexthop } from '../route/nexthop.ts';
import type { ClientParameters, ClientProtocol } from './client-parameters.ts';
import { type IgnoredKeywords, readIgnoredKeywords } from './ignored-keywords.ts';
import type { PoolLimits } from './session-pool.ts';
import type { CommandTimeouts } from './smtp-session.ts';
import { type LoginDemands, SECURITY_OPTIONS } from './smtp-session-login.ts';
import { type ClientTls, readClientTls } from './tls-settings.ts';

/** Where 0 stands for the time limit of the system; ms. */
const NO_TIMEOUT = 600_000;

export interface RemoteSettings {
  readonly protocol: ClientProtocol;
  /** Tried when no host of the next hop takes the mail (smtp_fallback_relay). */
  readonly fallback: readonly Nexthop[];
  readonly heloName: string;
  readonly bind: { readonly ipv4: string; readonly ipv6: string };
  readonly connectTimeout: number;
  readonly timeouts: CommandTimeouts;
  readonly pool: PoolLimits;
  readonly addressLimit: number;
  readonly sessionLimit: number;
  readonly families: { readonly ipv4: boolean; readonly ipv6: boolean };
  readonly skip5xxGreeting: boolean;
  /** How old a message must be before it is sent in clear text after TLS failed, ms. */
  readonly minimalBackoff: number;
  readonly ignoredKeywords: IgnoredKeywords;
  /** Octets of a line; 0 means no limit. */
  readonly lineLimit: number;
  /** 8-bit mail is converted for servers without 8BITMIME. */
  readonly converts: boolean;
  readonly nestingLimit: number;
  /** smtp_header_checks and the like. */
  readonly content: ContentRules;
  readonly tls: ClientTls;
  readonly auth: {
    readonly passwords: readonly LookupTable[];
    readonly demands: LoginDemands;
    readonly softBounce: boolean;
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
  return {
    protocol: own.protocol,
    fallback: own.list('fallback_relay').flatMap((text) => parseNexthop(text, own.protocol) ?? []),
    heloName: own.string('helo_name'),
    bind: { ipv4: own.string('bind_address'), ipv6: own.string('bind_address6') },
    connectTimeout: own.time('connect_timeout') || NO_TIMEOUT,
    timeouts: {
      EHLO: time('helo_timeout'),
      STARTTLS: time('starttls_timeout'),
      MAIL: time('mail_timeout'),
      RCPT: time('rcpt_timeout'),
      DATA: time('data_init_timeout'),
      XFER: time('data_xfer_timeout'),
      BODY: time('data_done_timeout'),
      RSET: time('rset_timeout'),
      QUIT: time('quit_timeout'),
    },
    pool: {
      idle: own.boolean('connection_cache_on_demand') ? own.time('connection_cache_time_limit') : 0,
      age: own.time('connection_reuse_time_limit'),
      count: own.number('connection_reuse_count_limit'),
    },
    addressLimit: own.number('mx_address_limit'),
    sessionLimit: own.number('mx_session_limit'),
    families: { ipv4: both || protocols.has('ipv4'), ipv6: both || protocols.has('ipv6') },
    skip5xxGreeting: own.boolean('skip_5xx_greeting'),
    minimalBackoff: all.time('minimal_backoff_time'),
    ignoredKeywords: readIgnoredKeywords(own, tables),
    lineLimit: own.number('line_length_limit'),
    converts: !all.boolean('disable_mime_output_conversion'),
    nestingLimit: all.number('mime_nesting_limit'),
    content: readContentRules(own.protocol, all, tables),
    tls: readClientTls(own, tables),
    auth: {
      passwords: own.boolean('sasl_auth_enable') ? openTables(own.list('sasl_password_maps'), tables) : [],
      demands: {
        clear: demands('sasl_security_options'),
        tls: demands('sasl_tls_security_options'),
        verified: demands('sasl_tls_verified_security_options'),
      },
      softBounce: own.boolean('sasl_auth_soft_bounce'),
    },
  };
}
