/** Each restriction alone in its list, asked with what it lets pass and what it refuses. */
import { type Cases, EHLO, MAIL, RCPT } from './cases.ts';

const STRANGER = '127.0.0.9';
/** For each: the setting, and what is said. */
interface Row {
  readonly settings: readonly string[];
  readonly says: readonly (readonly string[])[];
  readonly client?: string;
}

const helos = (...names: readonly string[]): string[][] => names.map((name) => [`HELO ${name}`, MAIL, RCPT]);
const senders = (...addresses: readonly string[]): string[][] =>
  addresses.map((address) => [EHLO, `MAIL FROM:<${address}>`, RCPT]);
const recipients = (...addresses: readonly string[]): string[][] =>
  addresses.map((address) => [EHLO, MAIL, `RCPT TO:<${address}>`]);

const HELO_NAMES = [
  'a',
  'a.b',
  'client.example',
  '[127.0.0.1]',
  '127.0.0.1',
  'a_b.c',
  '-a.b',
  'a..b',
  '[bad',
  '[IPv6:::1]',
  'two words',
  '(c)',
  '@',
  '<a>',
  'a;b',
  ':',
  '1.2.3.4.5',
  '1::2',
  '\xe4.test',
];
const SENDERS = [
  'a@sender.test',
  '',
  'a@b',
  'a',
  'a@[127.0.0.1]',
  'a@bad_.test',
  '"a b"@sender.test',
  'xixi@ours.test',
  'nobody@ours.test',
];
const RECIPIENTS = [
  'xixi@ours.test',
  'nobody@ours.test',
  'a@far.test',
  'a@relay.test',
  'xixi',
  'a@b',
  'a@[127.0.0.1]',
  'xixi@[127.0.0.1]',
  'postmaster',
  'Postmaster@ours.test',
  'XIXI@OURS.TEST',
  'a@virtual.test',
  'known@virtual.test',
  '"xixi"@ours.test',
  'xixi@ours.test@far.test',
  'a%far.test@ours.test',
  '@far.test:xixi@ours.test',
  'xixi@',
  'nobody@',
  'far.test!a@relay.test',
];

const rows = (list: string, lines: readonly string[], says: readonly (readonly string[])[], client = STRANGER): Row[] =>
  lines.map((line) => ({ settings: [`smtpd_${list}_restrictions = ${line}`], says, client }));

const ROWS: readonly Row[] = [
  ...rows(
    'helo',
    [
      'reject_invalid_helo_hostname',
      'reject_invalid_hostname',
      'reject_non_fqdn_helo_hostname',
      'reject_non_fqdn_hostname',
      'permit_naked_ip_address, reject_invalid_helo_hostname',
      'permit_mynetworks, reject_non_fqdn_helo_hostname',
      'warn_if_reject reject_non_fqdn_helo_hostname, permit',
      'permit_naked_ip_address, reject',
      'reject_unknown_reverse_client_hostname',
      'reject_unknown_client_hostname',
    ],
    helos(...HELO_NAMES),
  ),
  {
    settings: ['smtpd_delay_reject = no', 'smtpd_helo_restrictions = permit_naked_ip_address, reject'],
    says: helos(...HELO_NAMES),
    client: STRANGER,
  },
  {
    settings: ['allow_untrusted_routing = yes', 'smtpd_relay_restrictions = permit_auth_destination, reject'],
    says: recipients(...RECIPIENTS),
    client: STRANGER,
  },
  ...rows(
    'sender',
    [
      'reject_non_fqdn_sender',
      'reject_unlisted_sender',
      'reject_sender_login_mismatch',
      'reject_unauthenticated_sender_login_mismatch',
      'reject_known_sender_login_mismatch',
      'reject_authenticated_sender_login_mismatch',
      'defer_if_permit, permit',
      'defer_if_reject, reject_non_fqdn_sender',
      'defer',
      'reject',
      'permit',
      'reject_plaintext_session',
      'permit_mynetworks, reject',
      'permit_sasl_authenticated, reject',
      'permit_inet_interfaces, reject',
      'sleep 0, reject_non_fqdn_sender',
    ],
    senders(...SENDERS),
  ),
  ...rows(
    'recipient',
    [
      'reject_non_fqdn_recipient, reject_unauth_destination',
      'reject_unlisted_recipient, reject_unauth_destination',
      'reject_unauth_destination',
      'defer_unauth_destination',
      'permit_auth_destination, reject',
      'permit_auth_destination, defer',
      'check_relay_domains',
      'permit_mx_backup, reject',
      'reject_multi_recipient_bounce, reject_unauth_destination',
      'permit_mynetworks, reject_unauth_destination',
      'warn_if_reject reject_unlisted_recipient, reject_unauth_destination',
      'reject_unauth_destination, permit',
      'permit_tls_all_clientcerts, reject_unauth_destination',
    ],
    recipients(...RECIPIENTS),
  ),
  ...rows(
    'relay',
    ['defer_unauth_destination', 'reject_unauth_destination', 'permit_mynetworks, reject'],
    recipients(...RECIPIENTS),
  ),
  ...rows(
    'data',
    ['reject_unauth_pipelining', 'reject_multi_recipient_bounce', 'reject', 'defer', 'permit'],
    [
      [EHLO, MAIL, RCPT, 'DATA'],
      [EHLO, 'MAIL FROM:<>', RCPT, 'RCPT TO:<maomao@ours.test>', 'DATA'],
    ],
  ),
];

export const restrictions: Cases = {
  house: {
    name: 'restrictions',
    main: [
      'relay_domains = relay.test',
      'virtual_alias_domains = virtual.test',
      'virtual_alias_maps = inline:{known@virtual.test=xixi@ours.test}',
      'smtpd_sender_login_maps = inline:{xixi@ours.test=xixi}',
      'recipient_delimiter = +',
      'resolve_null_domain = yes',
    ],
    services: Object.fromEntries(ROWS.map(({ settings }) => [settings.join(), settings])),
  },
  dialogs: ROWS.flatMap(({ settings, says, client }) =>
    says.map((lines) => ({ service: settings.join(), says: lines, ...(client === undefined ? {} : { client }) })),
  ),
};
