/**
 * The names in `smtpd_*_restrictions` that the shipped plugins implement (access(5), SMTPD_ACCESS_README): one row
 * each, with its argument. The configuration refuses a name that is neither here nor defined by a plugin.
 *
 * A name without a row counts as a restriction of somebody's own plugin: the start does not check its argument, and
 * lists it among the rules that let strangers relay. A name with a row counts as one that lets nobody relay, unless
 * `effectOf` in config/postfix/relay-lists.ts says otherwise.
 */

/** The argument after a restriction's name, as a separate item. */
export type RestrictionArgument =
  | 'none'
  /** `type:name`, a lookup table. */
  | 'table'
  /** A domain, or a DNS list (`zen.example`, `zen.example=127.0.0.[2..4]`). */
  | 'domain'
  /** A policy service: `inet:host:port`, `unix:path`, or a `{ … }` group. */
  | 'service'
  /** A number of seconds. */
  | 'seconds'
  /** Another restriction, which then only logs a warning. */
  | 'restriction';

export const restrictionNames: Readonly<Record<string, RestrictionArgument>> = {
  permit: 'none',
  reject: 'none',
  defer: 'none',
  defer_if_permit: 'none',
  defer_if_reject: 'none',
  warn_if_reject: 'restriction',
  sleep: 'seconds',
  permit_mynetworks: 'none',
  permit_inet_interfaces: 'none',
  permit_sasl_authenticated: 'none',
  permit_tls_clientcerts: 'none',
  permit_tls_all_clientcerts: 'none',
  permit_auth_destination: 'none',
  permit_mx_backup: 'none',
  permit_naked_ip_address: 'none',
  reject_unauth_destination: 'none',
  defer_unauth_destination: 'none',
  check_relay_domains: 'none',
  reject_unauth_pipelining: 'none',
  reject_plaintext_session: 'none',
  reject_invalid_helo_hostname: 'none',
  reject_invalid_hostname: 'none',
  reject_non_fqdn_helo_hostname: 'none',
  reject_non_fqdn_hostname: 'none',
  reject_unknown_helo_hostname: 'none',
  reject_unknown_hostname: 'none',
  reject_non_fqdn_sender: 'none',
  reject_non_fqdn_recipient: 'none',
  reject_unknown_sender_domain: 'none',
  reject_unknown_recipient_domain: 'none',
  reject_unknown_address: 'none',
  reject_unknown_client_hostname: 'none',
  reject_unknown_client: 'none',
  reject_unknown_reverse_client_hostname: 'none',
  reject_unknown_forward_client_hostname: 'none',
  reject_maps_rbl: 'none',
  reject_rbl_client: 'domain',
  reject_rbl: 'domain',
  reject_rhsbl_client: 'domain',
  reject_rhsbl_reverse_client: 'domain',
  reject_rhsbl_helo: 'domain',
  reject_rhsbl_sender: 'domain',
  reject_rhsbl_recipient: 'domain',
  permit_dnswl_client: 'domain',
  permit_rhswl_client: 'domain',
  check_client_access: 'table',
  check_reverse_client_hostname_access: 'table',
  check_helo_access: 'table',
  check_sender_access: 'table',
  check_recipient_access: 'table',
  check_etrn_access: 'table',
  check_sasl_access: 'table',
  check_ccert_access: 'table',
  check_client_a_access: 'table',
  check_client_mx_access: 'table',
  check_client_ns_access: 'table',
  check_reverse_client_hostname_a_access: 'table',
  check_reverse_client_hostname_mx_access: 'table',
  check_reverse_client_hostname_ns_access: 'table',
  check_helo_a_access: 'table',
  check_helo_mx_access: 'table',
  check_helo_ns_access: 'table',
  check_sender_a_access: 'table',
  check_sender_mx_access: 'table',
  check_sender_ns_access: 'table',
  check_recipient_a_access: 'table',
  check_recipient_mx_access: 'table',
  check_recipient_ns_access: 'table',
  check_policy_service: 'service',
  reject_sender_login_mismatch: 'none',
  reject_authenticated_sender_login_mismatch: 'none',
  reject_unauthenticated_sender_login_mismatch: 'none',
  reject_known_sender_login_mismatch: 'none',
  reject_unlisted_recipient: 'none',
  reject_unlisted_sender: 'none',
  check_recipient_maps: 'none',
  reject_unverified_recipient: 'none',
  reject_unverified_sender: 'none',
  reject_multi_recipient_bounce: 'none',
};
