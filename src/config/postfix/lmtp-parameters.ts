/**
 * What main.cf means for LMTP (RFC 2033). The client is a mail server that has accepted the message already: it gets
 * no second round of restrictions and no limits that are meant for strangers, and it can never relay.
 */
import type { MainParameters } from './parameters-reader.ts';

const OVERRIDES: Readonly<Record<string, string>> = {
  smtpd_client_restrictions: '',
  smtpd_helo_restrictions: '',
  smtpd_sender_restrictions: '',
  smtpd_relay_restrictions: 'reject_unauth_destination',
  smtpd_recipient_restrictions: '',
  smtpd_data_restrictions: '',
  smtpd_end_of_data_restrictions: '',
  // A recipient that does not exist would make a bounce of ours out of a reply of the client's.
  smtpd_reject_unlisted_recipient: 'yes',
  smtpd_helo_required: 'no',
  smtpd_sasl_auth_enable: 'no',
  smtpd_tls_wrappermode: 'no',
  // The balancer is before the ports of clients.
  smtpd_upstream_proxy_protocol: '',
  smtpd_client_connection_count_limit: '0',
  smtpd_client_connection_rate_limit: '0',
  smtpd_client_message_rate_limit: '0',
  smtpd_client_recipient_rate_limit: '0',
  // Many unknown recipients of one message are no reason to hang up.
  smtpd_soft_error_limit: '10000',
  smtpd_hard_error_limit: '10000',
  smtpd_junk_command_limit: '10000',
};

/** `own` are the `-o` values of a row of master.cf: they count. */
export function lmtpParameters(main: MainParameters, own: readonly (readonly [string, string])[] = []): MainParameters {
  // A client on the same machine knows no STARTTLS: TLS is offered, not required.
  const tls = main.string('smtpd_tls_security_level') === 'encrypt' ? 'may' : main.string('smtpd_tls_security_level');
  return main.withOverrides([...Object.entries({ ...OVERRIDES, smtpd_tls_security_level: tls }), ...own]);
}
