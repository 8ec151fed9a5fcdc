/** How addresses are completed and rewritten. Names and defaults are Postfix 3.7's (postconf(5)). */
import { address, boolean, choice, hostname, list, noMeaning, number, type Rows, tables, text, words } from './row.ts';

export const addressesParameters = {
  append_at_myorigin: boolean('yes', 'Complete `user` to `user@$myorigin`.'),
  canonical_maps: tables('', 'Addresses to be replaced in envelope and header, for sender and recipient.'),
  sender_canonical_maps: tables('', 'The same for senders only, before canonical_maps.'),
  recipient_canonical_maps: tables('', 'The same for recipients only, before canonical_maps.'),
  propagate_unmatched_extensions: words(
    ['canonical', 'virtual', 'alias', 'forward', 'include', 'generic'],
    'canonical, virtual',
    'Tables in whose results `+detail` is kept.',
  ),
  always_add_missing_headers: boolean('no', 'Add From, To, Date and Message-Id for every client.'),
  undisclosed_recipients_header: text(
    'To: undisclosed-recipients:;',
    'The To: header of a message without recipients in it.',
  ),
  message_drop_headers: list(
    'bcc, content-length, resent-bcc, return-path',
    'Header fields that are taken out of every message.',
  ),
  always_bcc: address('', 'An address that gets a copy of every message.'),
  sender_bcc_maps: tables('', 'Who gets a copy, by sender.'),
  recipient_bcc_maps: tables('', 'Who gets a copy, by recipient.'),
  relocated_maps: tables('', 'Users who moved, and where to.'),
  message_strip_characters: text('', 'Characters that are taken out of messages, with escapes as in C.'),
  message_reject_characters: text('', 'Characters for which a message is refused, with escapes as in C.'),
  header_size_limit: number('102400', 'Octets of one header field that are kept.', { minimum: 1 }),
  allow_min_user: boolean('no', 'Allow recipients that begin with `-`.'),
  line_length_limit: number('2048', 'Length of the pieces in which Postfix handles long lines.'),
  append_dot_mydomain: boolean(
    '${{$compatibility_level} <level {1} ? {yes} : {no}}',
    'Complete `user@host` to `user@host.$mydomain`.',
  ),
  canonical_classes: words(
    ['envelope_sender', 'envelope_recipient', 'header_sender', 'header_recipient'],
    'envelope_sender, envelope_recipient, header_sender, header_recipient',
    'What canonical_maps replaces.',
  ),
  sender_canonical_classes: words(
    ['envelope_sender', 'header_sender'],
    'envelope_sender, header_sender',
    'What sender_canonical_maps replaces.',
  ),
  recipient_canonical_classes: words(
    ['envelope_recipient', 'header_recipient'],
    'envelope_recipient, header_recipient',
    'What recipient_canonical_maps replaces.',
  ),
  masquerade_domains: list('', 'Domains whose subdomains are cut off in addresses.'),
  masquerade_classes: words(
    ['envelope_sender', 'envelope_recipient', 'header_sender', 'header_recipient'],
    'envelope_sender, header_sender, header_recipient',
    'What masquerade_domains changes.',
  ),
  masquerade_exceptions: list('', 'User names that are not masqueraded.'),
  local_header_rewrite_clients: list(
    'permit_inet_interfaces',
    'Clients whose mail is given missing header fields and complete addresses.',
  ),
  remote_header_rewrite_domain: hostname(
    '',
    'Domain for incomplete header addresses of other clients; empty leaves them alone.',
  ),
  allow_percent_hack: boolean('yes', 'Read `user%domain` as `user@domain`.'),
  swap_bangpath: boolean('yes', 'Read `site!user` as `user@site`.'),
  allow_untrusted_routing: boolean('no', 'Pass on mail with addresses such as `user@elsewhere@domain`.'),
  resolve_dequoted_address: boolean('yes', 'Look at addresses without their quotes.'),
  resolve_null_domain: boolean('no', 'Accept `user@` as a local address.'),
  header_from_format: choice(['standard', 'obsolete'], 'standard', 'How a From: line is made for mail without one.'),
  ...noMeaning('all recipients of a message are remembered', {
    duplicate_filter_limit: number('1000', 'How many recipients are remembered to leave duplicates out.'),
  }),
  enable_original_recipient: boolean('yes', 'X-Original-To says to whom mail was addressed before it was rewritten.'),
  default_verp_delimiters: text('+=', 'Characters that divide a VERP address where none are given.'),
  verp_delimiter_filter: text('-=+', 'Characters that may divide a VERP address.'),
  disable_verp_bounces: boolean('no', 'Bounces of VERP mail go to the sender as it was, one for all recipients.'),
  resolve_numeric_domain: boolean('no', 'Accept `user@1.2.3.4` as `user@[1.2.3.4]`.'),
  ...noMeaning('mail to the null address is refused by smtpd and by the sendmail command', {
    empty_address_recipient: address('MAILER-DAEMON', 'Who receives mail addressed to the null address.'),
  }),
  header_address_token_limit: number(
    '10240',
    'Words, comments and characters between them in an address header; one whose addresses are changed ends there.',
    { minimum: 1 },
  ),
} satisfies Rows;
