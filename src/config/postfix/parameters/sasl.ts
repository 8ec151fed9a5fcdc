/** Authentication in the SMTP server. Names and defaults are Postfix 3.7's (postconf(5)). */
import { boolean, list, networks, noMeaning, number, path, type Rows, word, words } from './row.ts';

export const saslParameters = {
  smtpd_sasl_auth_enable: boolean('no', 'Offer AUTH.'),
  broken_sasl_auth_clients: boolean('no', 'Add `AUTH=` to the EHLO answer, for old clients.'),
  smtpd_sasl_security_options: words(
    ['noplaintext', 'noactive', 'nodictionary', 'noanonymous', 'forward_secrecy', 'mutual_auth'],
    'noanonymous',
    'What a mechanism must not be: noanonymous, noplaintext, …',
  ),
  smtpd_sasl_tls_security_options: words(
    ['noplaintext', 'noactive', 'nodictionary', 'noanonymous', 'forward_secrecy', 'mutual_auth'],
    '$smtpd_sasl_security_options',
    'The same within TLS.',
  ),
  smtpd_sasl_exceptions_networks: networks('', 'Clients that are not told of AUTH.'),
  smtpd_sasl_mechanism_filter: list(
    '!external, static:rest',
    'Mechanisms that are announced; as in Postfix, others are not refused: smtpd_sasl_security_options does that.',
  ),
  smtpd_sasl_response_limit: number('12288', 'Longest answer of a client to a challenge, octets.', {
    minimum: 12_288,
  }),
  smtpd_sasl_authenticated_header: boolean('no', 'Name the login in the Received: line.'),
  ...noMeaning('logins are looked up in the store', {
    smtpd_sasl_type: word('cyrus', 'Where Postfix looks logins up; accounts are in the store here.'),
    smtpd_sasl_path: word('smtpd', 'Details for smtpd_sasl_type.'),
    smtpd_sasl_service: word('smtp', 'Name of the service for SASL libraries.'),
    cyrus_sasl_config_path: path('', "Folder of Cyrus SASL's configuration."),
  }),
  ...noMeaning('the mechanisms are part of the program', {
    send_cyrus_sasl_authzid: boolean('no', 'Send an authorization name with Cyrus SASL.'),
  }),
  ...noMeaning('a login without a domain is looked up in all domains of this server', {
    smtpd_sasl_local_domain: word('', 'Domain of logins without one.'),
  }),
} satisfies Rows;
