/** What the log says of addresses and of permits: lines that are compared, not replies. */
import { type Cases, EHLO } from './cases.ts';

const RCPT = 'RCPT TO:<xixi@ours.test>';
const MAIL = 'MAIL FROM:<"a b"@far.test>';
const permits = (list: string, ...more: readonly string[]): readonly string[] => [
  `smtpd_recipient_restrictions = ${list}`,
  'smtpd_log_access_permit_actions = static:all',
  ...more,
];

const services = {
  quoted: [],
  internal: ['info_log_address_format = internal'],
  mynetworks: permits('permit_mynetworks, reject'),
  interfaces: permits('permit_inet_interfaces, reject'),
  destination: permits('permit_auth_destination, reject'),
  client: permits('check_client_access static:ok, reject'),
  helo: permits('check_helo_access static:OK, reject'),
  number: permits('check_sender_access static:1234, reject'),
  word: permits('check_recipient_access static:Permit, reject'),
  class: permits('check_recipient_access static:permit_auth_destination, reject'),
  bare: permits('static:relay, reject'),
  plain: permits('reject_unauth_destination, PERMIT'),
  discard: permits('check_recipient_access static:DISCARD, reject'),
  some: permits('check_sender_access static:OK, reject', 'smtpd_log_access_permit_actions = !ok, static:all'),
  other: permits('permit_mynetworks, reject', 'smtpd_log_access_permit_actions = ok, permit'),
};

export const logLines: Cases = {
  house: {
    name: 'log lines',
    main: ['smtpd_relay_restrictions = reject_unauth_destination'],
    services,
  },
  dialogs: Object.keys(services).map((service) => ({
    service,
    says: [EHLO, MAIL, 'RCPT TO:<"no body"@ours.test>', RCPT, RCPT, 'RSET', 'QUIT'],
  })),
};
