/** The main.cf settings for sending (Postfix: smtp(8)), read once; invalid ones throw at start. */
import type { ListName, ParameterReader, TimeName } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { type ContentRules, readContentRules } from '../checks/rules.ts';
import { openTables } from '../route/address-tables.ts';
import { type Nexthop, parseNexthop } from '../route/nexthop.ts';
import type { PoolLimits } from './session-pool.ts';
import type { CommandTimeouts } from './smtp-session.ts';
import { type LoginDemands, SECURITY_OPTIONS } from './smtp-session-login.ts';
import { type ClientTls, readClientTls } from './tls-settings.ts';

export interface RemoteSettings {
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
  /** EHLO keywords to ignore, in lower case. */
  readonly ignoredKeywords: ReadonlySet<string>;
  /** Octets of a line; 0 means no limit. */
  readonly lineLimit: number;
  /** 8-bit mail is converted for servers without 8BITMIME. */
  readonly converts: boolean;
  readonly nestingLimit: number;
  /** By protocol, smtp_header_checks and the like. */
  readonly content: Readonly<Record<'smtp' | 'lmtp', ContentRules>>;
  readonly tls: Readonly<Record<'smtp' | 'lmtp', ClientTls>>;
  readonly auth: {
    readonly passwords: readonly LookupTable[];
    readonly demands: LoginDemands;
    readonly softBounce: boolean;
  };
}

export function readRemoteSettings(parameters: ParameterReader, tables: Tables): RemoteSettings {
  const time = (name: TimeName): number => Math.max(1, parameters.time(name));
  const options = (name: ListName): ReadonlySet<string> => new Set(parameters.list(name));
  const protocols = options('inet_protocols');
  const all = protocols.size === 0 || protocols.has('all');
  const demands = (name: ListName): ReadonlySet<string> => {
    const words = options(name);
    for (const word of words)
      if (!SECURITY_OPTIONS.includes(word))
        throw new Error(`${name}: "${word}" is not one of ${SECURITY_OPTIONS.join(', ')}`);
    return words;
  };
  return {
    fallback: parameters.list('smtp_fallback_relay').flatMap((text) => parseNexthop(text) ?? []),
    heloName: parameters.string('smtp_helo_name'),
    bind: { ipv4: parameters.string('smtp_bind_address'), ipv6: parameters.string('smtp_bind_address6') },
    connectTimeout: time('smtp_connect_timeout'),
    timeouts: {
      EHLO: time('smtp_helo_timeout'),
      STARTTLS: time('smtp_starttls_timeout'),
      MAIL: time('smtp_mail_timeout'),
      RCPT: time('smtp_rcpt_timeout'),
      DATA: time('smtp_data_init_timeout'),
      XFER: time('smtp_data_xfer_timeout'),
      BODY: time('smtp_data_done_timeout'),
      RSET: time('smtp_rset_timeout'),
      QUIT: time('smtp_quit_timeout'),
    },
    pool: {
      idle: parameters.boolean('smtp_connection_cache_on_demand')
        ? parameters.time('smtp_connection_cache_time_limit')
        : 0,
      age: parameters.time('smtp_connection_reuse_time_limit'),
      count: parameters.number('smtp_connection_reuse_count_limit'),
    },
    addressLimit: parameters.number('smtp_mx_address_limit'),
    sessionLimit: parameters.number('smtp_mx_session_limit'),
    families: { ipv4: all || protocols.has('ipv4'), ipv6: all || protocols.has('ipv6') },
    skip5xxGreeting: parameters.boolean('smtp_skip_5xx_greeting'),
    minimalBackoff: parameters.time('minimal_backoff_time'),
    ignoredKeywords: new Set(parameters.list('smtp_discard_ehlo_keywords').map((word) => word.toLowerCase())),
    lineLimit: parameters.number('smtp_line_length_limit'),
    converts: !parameters.boolean('disable_mime_output_conversion'),
    nestingLimit: parameters.number('mime_nesting_limit'),
    content: {
      smtp: readContentRules('smtp', parameters, tables),
      lmtp: readContentRules('lmtp', parameters, tables),
    },
    tls: { smtp: readClientTls('smtp', parameters, tables), lmtp: readClientTls('lmtp', parameters, tables) },
    auth: {
      passwords: parameters.boolean('smtp_sasl_auth_enable')
        ? openTables(parameters.list('smtp_sasl_password_maps'), tables)
        : [],
      demands: {
        clear: demands('smtp_sasl_security_options'),
        tls: demands('smtp_sasl_tls_security_options'),
        verified: demands('smtp_sasl_tls_verified_security_options'),
      },
      softBounce: parameters.boolean('smtp_sasl_auth_soft_bounce'),
    },
  };
}
