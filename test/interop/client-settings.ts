/**
 * Settings of the SMTP and the LMTP client that change what is said, each with the replies that bring it out: more
 * rows for postfix-client.test.ts.
 */
import type { Case } from './client-cases.ts';

/** The settings of both servers. */
export const SETTING_PROFILES = {
  words: [
    'smtp_always_send_ehlo = no',
    'smtp_quote_rfc821_envelope = no',
    'smtp_skip_quit_response = no',
    'smtp_discard_ehlo_keyword_address_maps = inline:{127.0.0.1=dsn}',
    'smtp_delivery_status_filter = regexp:{ {/^4.2.1 (.*)/ 5.2.9 in the end: $1}, {/^2.0.0 / 4.0.0 not so} }',
    'smtp_reply_filter = regexp:{ {/^250 2.1.5 changed/ 550 5.1.1 no}, {/^250-8BITMIME/ 250-X-NONE} }',
  ],
  old: [
    'smtp_never_send_ehlo = yes',
    'smtp_bind_address = 192.0.2.77',
    'smtp_per_request_deadline = yes',
    'smtp_destination_recipient_limit = 2',
    'smtp_address_preference = ipv4',
    'smtp_randomize_addresses = no',
  ],
  bound: ['smtp_bind_address = 192.0.2.77', 'smtp_bind_address_enforce = yes'],
  senders: [
    'smtp_sasl_auth_enable = yes',
    'smtp_sender_dependent_authentication = yes',
    'smtp_sasl_password_maps = inline:{ {sender@src.example = one:word}, {@other.example = two:word}, {[127.0.0.1] = three:word} }',
    'smtp_sasl_security_options = noanonymous',
    'smtp_sasl_mechanism_filter = !plain, login, cram-md5',
    'smtp_send_dummy_mail_auth = yes',
  ],
  lmtp: [
    'lmtp_lhlo_name = lhlo.example',
    'lmtp_connection_cache_on_demand = no',
    'lmtp_lhlo_timeout = 3s',
    'lmtp_discard_lhlo_keywords = dsn',
    'lmtp_generic_maps = inline:{ {sender@src.example = outside@src.example} }',
    'lmtp_header_checks = regexp:{ {/^Subject: s/ REPLACE Subject: by LMTP} }',
    'smtp_helo_name = helo.example',
    'smtp_header_checks = regexp:{ {/^Subject: s/ REPLACE Subject: by SMTP} }',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type SettingProfile = keyof typeof SETTING_PROFILES;

const LIST = '250-peer.example\r\n250-8BITMIME\r\n250-DSN\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 10000000\r\n';
const CAN = { EHLO: LIST, LHLO: LIST, AUTH: ['334 VXNlcm5hbWU6\r\n', '235 2.7.0 ok\r\n'] };
const LOGGED_IN = { ...CAN, [base64('one')]: '334 UGFzc3dvcmQ6\r\n', [base64('two')]: '334 UGFzc3dvcmQ6\r\n' };

function base64(text: string): string {
  return Buffer.from(text)
    .toString('base64')
    .toUpperCase()
    .replace(/[^A-Z].*$/, '');
}

const row = (profile: SettingProfile, name: string, script: Case['script'], more: Partial<Case> = {}): Case => ({
  name: `${profile}: ${name}`,
  profile,
  script,
  ...more,
});

export const SETTING_CASES: readonly Case[] = [
  row('words', 'a greeting without the word ESMTP', { ...CAN, greeting: '220 peer.example ESMTP-like\r\n' }),
  row('words', 'a greeting with it', { ...CAN, greeting: '220 peer.example eSmtp ready\r\n' }),
  row('words', 'a greeting with it in its first line', { ...CAN, greeting: '220-ESMTP\r\n220 peer.example\r\n' }),
  row('words', 'addresses that would need quotes', CAN, {
    from: '"a sender"@src.example',
    to: ['"..dots"', '"a\\"b"', 'plain', '"x y"'],
  }),
  row(
    'words',
    'a reply that is changed to a refusal',
    { ...CAN, RCPT: ['250 2.1.5 Changed\r\n', '250 2.1.5 ok\r\n'] },
    {
      to: ['a', 'b'],
    },
  ),
  row(
    'words',
    'a line of several that is changed, and no answer to QUIT',
    { ...CAN, QUIT: null },
    {
      parameters: 'BODY=8BITMIME',
    },
  ),
  row(
    'words',
    'a status that is changed',
    { ...CAN, RCPT: ['451 4.2.1 later\r\n', '250 2.1.5 ok\r\n'] },
    { to: ['a', 'b'] },
  ),
  row('old', 'HELO', CAN),
  row('old', 'HELO refused', { HELO: '550 5.7.1 no\r\n' }),
  row('old', 'three recipients', CAN, { to: ['a', 'b', 'c'], anyOrder: true }),
  row('bound', 'an address that is not ours', CAN),
  row('senders', 'a sender with an entry', LOGGED_IN),
  row('senders', 'a sender of a domain with an entry', LOGGED_IN, { from: 'x@other.example' }),
  row('senders', 'only mechanisms that are left out', { EHLO: LIST.replace(' LOGIN', '') }),
  row('lmtp', 'two recipients', { ...CAN, end: '250 2.0.0 one\r\n550 5.1.1 two\r\n' }, { to: ['a', 'b'] }),
  row('lmtp', 'LHLO refused', { LHLO: '500 5.5.1 what\r\n' }),
];
