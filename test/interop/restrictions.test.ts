/** P6, P7: each restriction and action of access tables, beside a real Postfix: the same dialogs, the same replies. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SmtpClient } from '../kit/smtp-client.ts';
import { type Sides, startSides } from './differential/sides.ts';

/** Settings of a service each. */
const CONFIGURATIONS: readonly (readonly string[])[] = [
  ['smtpd_client_restrictions = reject'],
  ['smtpd_client_restrictions = defer'],
  ['smtpd_client_restrictions = reject', 'reject_code = 571'],
  ['smtpd_client_restrictions = defer', 'defer_code = 451'],
  ['smtpd_client_restrictions = permit_mynetworks, reject', 'smtpd_delay_reject = no'],
  ['smtpd_client_restrictions = check_client_access inline:{{127.0.0=550 5.7.9 go away}}'],
  ['smtpd_client_restrictions = check_client_access cidr:{{127.0.0.0/8 421 busy}}'],
  ['smtpd_client_restrictions = check_client_access inline:{127=521}'],
  ['smtpd_helo_restrictions = reject_invalid_helo_hostname'],
  ['smtpd_helo_restrictions = reject_non_fqdn_helo_hostname'],
  ['smtpd_helo_restrictions = reject_non_fqdn_helo_hostname', 'non_fqdn_reject_code = 550', 'smtpd_delay_reject = no'],
  ['smtpd_helo_restrictions = check_helo_access inline:{{client.example=DEFER_IF_PERMIT later}}'],
  ['smtpd_helo_restrictions = check_helo_access inline:{{client.example=DEFER_IF_REJECT later}}, reject'],
  ['smtpd_helo_restrictions = check_helo_access inline:{{example=WARN}, {client=INFO}}, reject'],
  ['smtpd_helo_required = yes'],
  ['smtpd_sender_restrictions = reject_non_fqdn_sender'],
  ['smtpd_sender_restrictions = reject_non_fqdn_sender', 'smtpd_delay_reject = no'],
  ['smtpd_sender_restrictions = reject_unlisted_sender'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=REJECT}}'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=REJECT 4.7.1 odd}}'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=DEFER}}'],
  [
    'smtpd_sender_restrictions = check_sender_access inline:{{far.test=DEFER with words}}',
    'access_map_defer_code = 451',
  ],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=REJECT}}', 'access_map_reject_code = 550'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=450}}'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=450 4.1.1 words}}'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=550 2.1.1 words}}'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=reject_unauth_destination}}'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=no_such_thing}}'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=DISCARD quietly}}'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=FILTER}}'],
  ['smtpd_sender_restrictions = check_sender_access inline:{{far.test=dunno}}, reject'],
  ['smtpd_sender_restrictions = check_sender_access fail:x'],
  ['smtpd_sender_restrictions = warn_if_reject reject'],
  ['smtpd_sender_restrictions = warn_if_reject reject, reject'],
  ['smtpd_sender_restrictions = defer_if_permit'],
  ['smtpd_sender_restrictions = defer_if_reject, reject'],
  [
    'smtpd_sender_restrictions = reject_sender_login_mismatch',
    'smtpd_sender_login_maps = inline:{owned@far.test=anna}',
  ],
  ['smtpd_sender_restrictions = reject_unauthenticated_sender_login_mismatch', 'smtpd_sender_login_maps = static:anna'],
  ['smtpd_sender_restrictions = reject_plaintext_session'],
  ['smtpd_recipient_restrictions = reject_non_fqdn_recipient'],
  ['smtpd_recipient_restrictions = reject_unlisted_recipient'],
  ['smtpd_recipient_restrictions = check_recipient_access inline:{{known@=REJECT}}'],
  ['smtpd_recipient_restrictions = check_recipient_access inline:{{postmaster@=REJECT}}'],
  ['smtpd_recipient_restrictions = reject_multi_recipient_bounce'],
  ['smtpd_recipient_restrictions = permit_auth_destination, reject'],
  ['smtpd_recipient_restrictions = check_sasl_access static:REJECT, check_ccert_access static:REJECT'],
  [
    'smtpd_restriction_classes = strict',
    'strict = reject_non_fqdn_sender, reject',
    'smtpd_recipient_restrictions = strict',
  ],
  ['smtpd_relay_restrictions = defer_unauth_destination'],
  ['smtpd_relay_restrictions = reject_unauth_destination', 'relay_domains_reject_code = 550'],
  ['smtpd_data_restrictions = reject'],
  ['smtpd_data_restrictions = reject_multi_recipient_bounce'],
  ['smtpd_end_of_data_restrictions = reject'],
  ['smtpd_etrn_restrictions = reject'],
  ['unknown_local_recipient_reject_code = 450'],
  ['show_user_unknown_table_name = no'],
  ['smtpd_recipient_limit = 2'],
  ['smtpd_reject_unlisted_sender = yes'],
  ['smtpd_client_recipient_rate_limit = 2'],
  ['smtpd_client_message_rate_limit = 1'],
];
const ONE_CONNECTION = ['smtpd_client_connection_count_limit = 1'];
const nameOf = (settings: readonly string[]): string => settings.join(' | ');

const DIALOG = [
  'HELO client.example',
  'MAIL FROM:<a@far.test>',
  'RCPT TO:<known@interop.example>',
  'RCPT TO:<nobody@interop.example>',
  'RCPT TO:<x@elsewhere.test>',
  'RCPT TO:<known>',
  'DATA',
  'Subject: s\r\n\r\nx\r\n.',
  'RSET',
  'HELO nodots',
  'MAIL FROM:<>',
  'RCPT TO:<known@interop.example>',
  'RCPT TO:<postmaster@interop.example>',
  'RCPT TO:<postmaster>',
  'DATA',
  'Subject: s\r\n\r\nx\r\n.',
  'RSET',
  'HELO bad_name!',
  'MAIL FROM:<nodomain>',
  'RCPT TO:<x@b>',
  'RCPT TO:<known@interop.example>',
  'RSET',
  'EHLO [127.0.0.1]',
  'MAIL FROM:<owned@far.test>',
  'RCPT TO:<known@interop.example>',
  'RSET',
  'MAIL FROM:<ghost@interop.example>',
  'RCPT TO:<known@interop.example>',
  'RSET',
  'ETRN far.test',
  'QUIT',
];

const MAIN = [
  'myhostname = mail.interop.example',
  'mydomain = interop.example',
  'myorigin = interop.example',
  'mydestination = interop.example, mail.interop.example',
  'mynetworks = 127.0.0.99/32',
  'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination',
  'smtpd_hard_error_limit = 1000',
  'smtpd_sasl_auth_enable = no',
  'local_recipient_maps = inline:{known=1, postmaster=1}',
  'fast_flush_domains =',
];

let sides: Sides;
beforeAll(async () => {
  sides = await startSides({
    name: 'restrictions',
    accounts: ['known@interop.example'],
    main: MAIN,
    services: Object.fromEntries([...CONFIGURATIONS, ONE_CONNECTION].map((settings) => [nameOf(settings), settings])),
  });
});
afterAll(() => sides?.stop());

test.each(CONFIGURATIONS.map(nameOf))('%s', async (service) => {
  const { ours, theirs } = await sides.play({ service, says: DIALOG });
  expect(ours).toEqual(theirs);
});

test('a connection too many', async () => {
  const second = async (port: number): Promise<string> => {
    const clients = [await SmtpClient.open(port), await SmtpClient.open(port)];
    const greetings = [await clients[0]?.reply(), await clients[1]?.reply()];
    for (const client of clients) client.destroy();
    return greetings[1] ?? '';
  };
  const { ours, theirs } = sides.ports(nameOf(ONE_CONNECTION));
  expect(await second(ours)).toBe(await second(theirs));
});
