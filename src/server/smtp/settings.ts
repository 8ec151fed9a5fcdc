/**
 * What an SMTP service reads from main.cf (with its master.cf overrides), once when the service is created: no
 * parameter is looked up while a client waits. Names and meanings are Postfix's.
 */
import { localRewriting, type Rewrite } from '../../lookup/address-rewriting.ts';
import type { ListName, ParameterReader } from '../../lookup/parameters.ts';
import { readVerifySender, type VerifySender } from '../../lookup/verify-sender.ts';
import type { VerpRules } from '../../mail/verp.ts';
import type { PathRules } from '../../protocol/smtp/path.ts';
import { allowedCharacters } from '../../protocol/smtp/template.ts';
import type { BodyDeadline } from './body-deadline.ts';
import type { RefusalForm } from './refusal-form.ts';

export interface SmtpSettings {
  readonly host: string;
  readonly banner: string;
  /** allow_untrusted_routing */
  readonly allowsRouting: boolean;
  /** Addresses of the envelope, in standard form. */
  readonly rewrite: Rewrite;
  /** Of probes (address_verify_sender), whom mail may be sent to as well. */
  readonly verifySender: VerifySender;
  readonly heloRequired: boolean;
  readonly paths: PathRules;
  readonly smtputf8: boolean;
  readonly strictSmtputf8: boolean;
  readonly verp: VerpRules;
  readonly vrfyDisabled: boolean;
  readonly discardedKeywords: ReadonlySet<string>;
  /** Octets; 0 means no limit. */
  readonly messageSizeLimit: number;
  /** Octets that must be free on the disk (queue_minfree); 0 for any. */
  readonly freeSpace: number;
  readonly recipientLimit: number;
  /** Recipients over the limit that are refused without counting as errors. */
  readonly recipientOvershootLimit: number;
  readonly lineLimit: number;
  /** What happens to lines that end without CR (smtpd_forbid_bare_newline). */
  readonly bareNewline: BareNewline;
  readonly bareNewlineRejectCode: number;
  /** Milliseconds, here and below. */
  readonly timeout: number;
  readonly starttlsTimeout: number;
  readonly softErrorLimit: number;
  readonly hardErrorLimit: number;
  readonly errorSleepTime: number;
  readonly junkCommandLimit: number;
  readonly connectionCountLimit: number;
  /** Clients that do not wait where they must are let go. */
  readonly forbidsPipelining: boolean;
  /** Null: only silence of the client counts. */
  readonly bodyDeadline: BodyDeadline | null;
  readonly noopCommands: ReadonlySet<string>;
  readonly forbiddenCommands: ReadonlySet<string>;
  /** A command that does not begin with a letter is forbidden too. */
  readonly lettersOnly: boolean;
  readonly tls: 'none' | 'may' | 'encrypt';
  /** Only clients with a trusted certificate may go on after the handshake. */
  readonly requiresCertificate: boolean;
  readonly tlsLogLevel: number;
  readonly sasl: {
    readonly enabled: boolean;
    readonly tlsOnly: boolean;
    readonly brokenClients: boolean;
    readonly securityOptions: readonly string[];
    readonly tlsSecurityOptions: readonly string[];
    /** Octets of a response to a challenge. */
    readonly responseLimit: number;
  };
  readonly rejectUnlisted: boolean;
  readonly relayRejectCode: number;
  readonly unknownCodes: {
    readonly local: number;
    readonly virtual_alias: number;
    readonly virtual_mailbox: number;
    readonly relay: number;
  };
  readonly lookUpNames: boolean;
  readonly refusals: RefusalForm;
}

/**
 * `no`: such a line is accepted, and a lone dot on it ends a message. `normalize`: it is accepted, but only CRLF.CRLF
 * ends a message. `note`: the same, and it is logged. `reject`: it is refused.
 */
export type BareNewline = 'no' | 'normalize' | 'note' | 'reject';

export function readSettings(parameters: ParameterReader): SmtpSettings {
  const words = (name: ListName): ReadonlySet<string> =>
    new Set(parameters.list(name).map((word) => word.toUpperCase()));
  return {
    host: parameters.string('myhostname'),
    banner: parameters.string('smtpd_banner'),
    rewrite: localRewriting(parameters),
    verifySender: readVerifySender(parameters),
    allowsRouting: parameters.boolean('allow_untrusted_routing'),
    heloRequired: parameters.boolean('smtpd_helo_required'),
    paths: {
      strict: parameters.boolean('strict_rfc821_envelopes'),
      dashUser: parameters.boolean('allow_min_user'),
      nullDomain: parameters.boolean('resolve_null_domain'),
      numericDomain: parameters.boolean('resolve_numeric_domain'),
    },
    smtputf8: parameters.boolean('smtputf8_enable'),
    verp: {
      defaults: parameters.string('default_verp_delimiters'),
      filter: parameters.string('verp_delimiter_filter'),
    },
    strictSmtputf8: parameters.boolean('strict_smtputf8'),
    vrfyDisabled: parameters.boolean('disable_vrfy_command'),
    discardedKeywords: words('smtpd_discard_ehlo_keywords'),
    messageSizeLimit: parameters.number('message_size_limit'),
    freeSpace: parameters.number('queue_minfree'),
    recipientLimit: parameters.number('smtpd_recipient_limit'),
    recipientOvershootLimit: parameters.number('smtpd_recipient_overshoot_limit'),
    lineLimit: parameters.number('line_length_limit'),
    bareNewline: readBareNewline(parameters.string('smtpd_forbid_bare_newline')),
    bareNewlineRejectCode: parameters.number('smtpd_forbid_bare_newline_reject_code'),
    timeout: parameters.time('smtpd_timeout'),
    starttlsTimeout: parameters.time('smtpd_starttls_timeout'),
    softErrorLimit: parameters.number('smtpd_soft_error_limit'),
    hardErrorLimit: parameters.number('smtpd_hard_error_limit'),
    errorSleepTime: parameters.time('smtpd_error_sleep_time'),
    junkCommandLimit: parameters.number('smtpd_junk_command_limit'),
    forbidsPipelining: parameters.boolean('smtpd_forbid_unauth_pipelining'),
    bodyDeadline: parameters.boolean('smtpd_per_request_deadline')
      ? { most: parameters.time('smtpd_timeout'), rate: parameters.number('smtpd_min_data_rate') }
      : null,
    connectionCountLimit: parameters.number('smtpd_client_connection_count_limit'),
    noopCommands: words('smtpd_noop_commands'),
    forbiddenCommands: words('smtpd_forbidden_commands'),
    // Postfix's default contains `regexp:{{/^[^A-Z]/ Bogus}}`: this one table is recognized by its pattern.
    lettersOnly: parameters
      .list('smtpd_forbidden_commands')
      .some((item) => item.startsWith('regexp:') && item.includes('/^[^A-Z]/')),
    tls: readTlsLevel(parameters),
    requiresCertificate:
      parameters.boolean('smtpd_tls_req_ccert') &&
      (readTlsLevel(parameters) === 'encrypt' || parameters.boolean('smtpd_tls_wrappermode')),
    tlsLogLevel: parameters.number('smtpd_tls_loglevel'),
    sasl: {
      enabled: parameters.boolean('smtpd_sasl_auth_enable'),
      tlsOnly: parameters.boolean('smtpd_tls_auth_only'),
      brokenClients: parameters.boolean('broken_sasl_auth_clients'),
      securityOptions: parameters.list('smtpd_sasl_security_options'),
      tlsSecurityOptions: parameters.list('smtpd_sasl_tls_security_options'),
      responseLimit: parameters.number('smtpd_sasl_response_limit'),
    },
    rejectUnlisted:
      parameters.boolean('smtpd_reject_unlisted_recipient') &&
      !parameters.list('receive_override_options').includes('no_unknown_recipient_checks'),
    relayRejectCode: parameters.number('relay_domains_reject_code'),
    unknownCodes: {
      local: parameters.number('unknown_local_recipient_reject_code'),
      virtual_alias: parameters.number('unknown_virtual_alias_reject_code'),
      virtual_mailbox: parameters.number('unknown_virtual_mailbox_reject_code'),
      relay: parameters.number('unknown_relay_recipient_reject_code'),
    },
    lookUpNames: parameters.boolean('smtpd_peername_lookup'),
    refusals: {
      softBounce: parameters.boolean('soft_bounce'),
      footer: parameters.string('smtpd_reject_footer'),
      allowed: allowedCharacters(parameters.string('smtpd_expansion_filter')),
    },
  };
}

/** `yes` means `normalize`. */
const readBareNewline = (value: string): BareNewline =>
  value === 'no' || value === 'note' || value === 'reject' ? value : 'normalize';

/** smtpd_tls_security_level overrides the old smtpd_use_tls and smtpd_enforce_tls. */
function readTlsLevel(parameters: ParameterReader): SmtpSettings['tls'] {
  const level = parameters.string('smtpd_tls_security_level');
  if (level === 'encrypt' || level === 'may' || level === 'none') return level;
  if (parameters.boolean('smtpd_enforce_tls')) return 'encrypt';
  return parameters.boolean('smtpd_use_tls') ? 'may' : 'none';
}
