/**
 * Parameters of postscreen, dnsblog and tlsproxy, which protect Postfix's SMTP server. A single process does not need
 * them; the parameters are accepted so that a Postfix file works unchanged.
 */
import { noMeaning, type Row, type Rows, unsupportedGuards } from './row.ts';

const POSTSCREEN: Readonly<Record<string, string>> = {
  dnsblog_reply_delay: '0s',
  postscreen_access_list: 'permit_mynetworks',
  postscreen_allowlist_interfaces: '${postscreen_whitelist_interfaces?{$postscreen_whitelist_interfaces}:{static:all}}',
  postscreen_bare_newline_action: 'ignore',
  postscreen_bare_newline_enable: 'no',
  postscreen_bare_newline_ttl: '30d',
  postscreen_cache_cleanup_interval: '12h',
  postscreen_cache_map: 'btree:$data_directory/postscreen_cache',
  postscreen_cache_retention_time: '7d',
  postscreen_client_connection_count_limit: '$smtpd_client_connection_count_limit',
  postscreen_command_count_limit: '20',
  postscreen_command_filter: '',
  postscreen_command_time_limit: '${stress?{10}:{300}}s',
  postscreen_denylist_action: '${postscreen_blacklist_action?{$postscreen_blacklist_action}:{ignore}}',
  postscreen_disable_vrfy_command: '$disable_vrfy_command',
  postscreen_discard_ehlo_keyword_address_maps: '$smtpd_discard_ehlo_keyword_address_maps',
  postscreen_discard_ehlo_keywords: '$smtpd_discard_ehlo_keywords',
  postscreen_dnsbl_action: 'ignore',
  postscreen_dnsbl_allowlist_threshold:
    '${postscreen_dnsbl_whitelist_threshold?{$postscreen_dnsbl_whitelist_threshold}:{0}}',
  postscreen_dnsbl_max_ttl: '${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h',
  postscreen_dnsbl_min_ttl: '60s',
  postscreen_dnsbl_reply_map: '',
  postscreen_dnsbl_sites: '',
  postscreen_dnsbl_threshold: '1',
  postscreen_dnsbl_timeout: '10s',
  postscreen_enforce_tls: '$smtpd_enforce_tls',
  postscreen_expansion_filter: '$smtpd_expansion_filter',
  postscreen_forbidden_commands: '$smtpd_forbidden_commands',
  postscreen_greet_action: 'ignore',
  postscreen_greet_banner: '$smtpd_banner',
  postscreen_greet_ttl: '1d',
  postscreen_greet_wait: '${stress?{2}:{6}}s',
  postscreen_helo_required: '$smtpd_helo_required',
  postscreen_non_smtp_command_action: 'drop',
  postscreen_non_smtp_command_enable: 'no',
  postscreen_non_smtp_command_ttl: '30d',
  postscreen_pipelining_action: 'enforce',
  postscreen_pipelining_enable: 'no',
  postscreen_pipelining_ttl: '30d',
  postscreen_post_queue_limit: '$default_process_limit',
  postscreen_pre_queue_limit: '$default_process_limit',
  postscreen_reject_footer: '$smtpd_reject_footer',
  postscreen_reject_footer_maps: '$smtpd_reject_footer_maps',
  postscreen_tls_security_level: '$smtpd_tls_security_level',
  postscreen_upstream_proxy_protocol: '',
  postscreen_upstream_proxy_timeout: '5s',
  postscreen_use_tls: '$smtpd_use_tls',
  postscreen_watchdog_timeout: '10s',
};

const TLSPROXY: Readonly<Record<string, string>> = {
  tlsproxy_client_CAfile: '$smtp_tls_CAfile',
  tlsproxy_client_CApath: '$smtp_tls_CApath',
  tlsproxy_client_cert_file: '$smtp_tls_cert_file',
  tlsproxy_client_chain_files: '$smtp_tls_chain_files',
  tlsproxy_client_dcert_file: '$smtp_tls_dcert_file',
  tlsproxy_client_dkey_file: '$smtp_tls_dkey_file',
  tlsproxy_client_eccert_file: '$smtp_tls_eccert_file',
  tlsproxy_client_eckey_file: '$smtp_tls_eckey_file',
  tlsproxy_client_enforce_tls: '$smtp_enforce_tls',
  tlsproxy_client_fingerprint_digest: '$smtp_tls_fingerprint_digest',
  tlsproxy_client_key_file: '$smtp_tls_key_file',
  tlsproxy_client_loglevel: '$smtp_tls_loglevel',
  tlsproxy_client_loglevel_parameter: 'smtp_tls_loglevel',
  tlsproxy_client_per_site: '$smtp_tls_per_site',
  tlsproxy_client_policy_maps: '${tlsproxy_client_policy:$smtp_tls_policy_maps}',
  tlsproxy_client_scert_verifydepth: '$smtp_tls_scert_verifydepth',
  tlsproxy_client_security_level: '${tlsproxy_client_level:$smtp_tls_security_level}',
  tlsproxy_client_use_tls: '$smtp_use_tls',
  tlsproxy_enforce_tls: '$smtpd_enforce_tls',
  tlsproxy_tls_CAfile: '$smtpd_tls_CAfile',
  tlsproxy_tls_CApath: '$smtpd_tls_CApath',
  tlsproxy_tls_always_issue_session_ids: '$smtpd_tls_always_issue_session_ids',
  tlsproxy_tls_ask_ccert: '$smtpd_tls_ask_ccert',
  tlsproxy_tls_ccert_verifydepth: '$smtpd_tls_ccert_verifydepth',
  tlsproxy_tls_cert_file: '$smtpd_tls_cert_file',
  tlsproxy_tls_chain_files: '$smtpd_tls_chain_files',
  tlsproxy_tls_ciphers: '$smtpd_tls_ciphers',
  tlsproxy_tls_dcert_file: '$smtpd_tls_dcert_file',
  tlsproxy_tls_dh1024_param_file: '$smtpd_tls_dh1024_param_file',
  tlsproxy_tls_dh512_param_file: '$smtpd_tls_dh512_param_file',
  tlsproxy_tls_dkey_file: '$smtpd_tls_dkey_file',
  tlsproxy_tls_eccert_file: '$smtpd_tls_eccert_file',
  tlsproxy_tls_eckey_file: '$smtpd_tls_eckey_file',
  tlsproxy_tls_eecdh_grade: '$smtpd_tls_eecdh_grade',
  tlsproxy_tls_exclude_ciphers: '$smtpd_tls_exclude_ciphers',
  tlsproxy_tls_fingerprint_digest: '$smtpd_tls_fingerprint_digest',
  tlsproxy_tls_key_file: '$smtpd_tls_key_file',
  tlsproxy_tls_loglevel: '$smtpd_tls_loglevel',
  tlsproxy_tls_mandatory_ciphers: '$smtpd_tls_mandatory_ciphers',
  tlsproxy_tls_mandatory_exclude_ciphers: '$smtpd_tls_mandatory_exclude_ciphers',
  tlsproxy_tls_mandatory_protocols: '$smtpd_tls_mandatory_protocols',
  tlsproxy_tls_protocols: '$smtpd_tls_protocols',
  tlsproxy_tls_req_ccert: '$smtpd_tls_req_ccert',
  tlsproxy_tls_security_level: '$smtpd_tls_security_level',
  tlsproxy_use_tls: '$smtpd_use_tls',
};

const row = (initial: string, doc: string): Row => ({ type: typeOf(initial), default: initial, doc, state: 'acts' });

function typeOf(initial: string): Row['type'] {
  if (initial === 'yes' || initial === 'no') return 'boolean';
  return /^\d+[smhdw]$/.test(initial) ? 'time' : 'text';
}

const rows = (defaults: Readonly<Record<string, string>>, doc: string): Rows =>
  Object.fromEntries(Object.entries(defaults).map(([name, initial]) => [name, row(initial, doc)]));

/** Without them, clients that they would block are admitted. */
const POSTSCREEN_GUARDS = ['postscreen_access_list', 'postscreen_dnsbl_sites'] as const;

export const guardParameters: Rows = {
  ...noMeaning('smtpd answers clients itself', rows(POSTSCREEN, 'For the postscreen server.')),
  ...unsupportedGuards(
    rows(
      Object.fromEntries(POSTSCREEN_GUARDS.map((name) => [name, POSTSCREEN[name] ?? ''])),
      'Which clients postscreen shuts out.',
    ),
  ),
  ...noMeaning('smtpd and the SMTP client encrypt themselves', rows(TLSPROXY, 'For the tlsproxy server.')),
};
