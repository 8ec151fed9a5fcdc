/** What main.cf changes in a session: commands, the text of refusals, who has to wait. */
import { type Cases, EHLO, MAIL, MESSAGE, mail, RCPT } from './cases.ts';

const ODD = [
  'HEL',
  '',
  ' \t',
  '  RCPT TO:<x>',
  EHLO,
  MAIL,
  "RCPT TO:<'xixi@ours.test'>",
  'RCPT TO:<nobody@ours.test>',
  'FOO',
  'XYZZY',
  'XYZZY now',
  RCPT,
  'BDAT 0',
  'DATA',
  MESSAGE,
  'QUIT',
];

const FOOTERS = [
  '/^550 5\\.1\\.1/ write to postmaster',
  '/^(500) (.*)/ \\c; $1 is $2',
  '/^503.*need MAIL/ first\\nsecond $${client_name} $${helo_name?{said $$helo_name}}',
];

export const sessionRules: Cases = {
  house: {
    name: 'session rules',
    main: ['message_reject_characters = \\0\\003Z', 'message_strip_characters = \\001~'],
    files: {
      commands: [
        '/^HEL$/ HELO domain.invalid',
        '/^\\s*$/ NOOP',
        "/^(RCPT\\s+TO:\\s*<)'([^[:space:]]+)'(>.*)/ $1$2$3",
        '/^XYZZY$/ RSET',
        '/^XYZZY now$/ EHLO replaced\u00e9',
        '',
      ].join('\n'),
      footers: `${FOOTERS.join('\n')}\n`,
    },
    services: {
      filter: ['smtpd_command_filter = pcre:$config_directory/commands'],
      brokenFilter: ['smtpd_command_filter = fail:x'],
      footers: ['smtpd_reject_footer_maps = pcre:$config_directory/footers', 'smtpd_reject_footer = usual'],
      brokenFooters: ['smtpd_reject_footer_maps = fail:x', 'smtpd_reject_footer = usual'],
      cleaned: ['smtpd_reject_footer = \\c $client_name $helo_name', 'smtpd_expansion_filter = abcdx\\40'],
      unchecked: ['receive_override_options = no_header_body_checks'],
      nakedEnd: [
        'smtpd_restriction_classes = naked',
        'naked = permit_naked_ip_address, defer',
        'smtpd_end_of_data_restrictions = naked',
      ],
      nakedHelo: ['smtpd_helo_restrictions = permit_naked_ip_address, reject'],
      named: ['smtpd_reject_footer = \\c from=$sender to=$recipient'],
      namedEnd: ['smtpd_reject_footer = \\c from=$sender to=$recipient', 'smtpd_end_of_data_restrictions = reject'],
      waits: ['smtpd_forbid_unauth_pipelining = yes'],
      heloAtOnce: ['smtpd_delay_reject = no', 'smtpd_helo_restrictions = reject_non_fqdn_helo_hostname'],
    },
  },
  dialogs: [
    // A permit that lets nobody relay ends these lists for mail to others too. RSET: docs/operations/migration.md says
    // what differs after a refusal there.
    ...['nakedEnd', 'nakedHelo'].flatMap((service) =>
      ['HELO 127.0.0.1', 'HELO client.example'].map((helo) => ({
        service,
        says: [...mail({ helo }).slice(0, -1), 'RSET', ...mail({ rcpt: ['RCPT TO:<a@far.test>'] }).slice(1)],
      })),
    ),
    // A refused HELO changes nothing: the name before it, and the message that was begun.
    ...[
      [EHLO, MAIL, RCPT, 'HELO a', MAIL, RCPT, 'DATA', MESSAGE, 'VRFY xixi', 'QUIT'],
      ['HELO a', MAIL, RCPT, EHLO, 'EHLO b', MAIL, RCPT, 'HELO c', RCPT, 'DATA', MESSAGE, 'QUIT'],
    ].map((says) => ({ service: 'heloAtOnce', says })),
    ...['filter', 'brokenFilter', 'footers', 'brokenFooters', 'cleaned'].flatMap((service) => [
      { service, says: ODD },
      { service, says: mail() },
      { service, says: ['HELO x_y"z\\', 'RSET x', 'VRFY', 'BDAT x'] },
    ]),
    ...['cleaned', 'unchecked'].flatMap((service) =>
      [
        'Subject: Z\r\n\r\nx\r\n.',
        'Subject: s\r\n\r\na\x03b\r\n.',
        'Subject: s\r\n\r\na\0b\r\n.',
        'A: ~\x01~\r\n\r\n\x01\r\n.',
      ].map((message) => ({ service, says: [...mail().slice(0, -2), message, 'NOOP', 'QUIT'] })),
    ),
    // After the end of data too.
    ...[[RCPT], [RCPT, 'RCPT TO:<maomao@ours.test>']].flatMap((rcpt) => [
      {
        service: 'named',
        says: [...mail({ rcpt }).slice(0, -2), 'Subject: Z\r\n\r\nx\r\n.', 'FOO', MAIL, 'RCPT TO:<nobody@ours.test>'],
      },
      { service: 'namedEnd', says: [...mail({ rcpt }).slice(0, -1), 'RSET', 'FOO'] },
    ]),
    ...[
      mail(),
      ['EHLO a\r\nNOOP\r\nQUIT'],
      ['HELO a', `${MAIL}\r\n${RCPT}`],
      ['HELO a\r\nQUIT'],
      [EHLO, 'VRFY xixi\r\nNOOP'],
      [EHLO, 'NOOP\r\nNOOP'],
      [EHLO, 'FOO\r\nNOOP', 'QUIT'],
      [EHLO, 'FOO', 'ETRN x\r\nQUIT'],
      [EHLO, 'RSET\r\nNOOP', 'QUIT'],
      [EHLO, 'DATA\r\nSubject: x'],
      [EHLO, MAIL, RCPT, 'DATA\r\nSubject: x'],
      [EHLO, MAIL, 'RCPT TO:<nobody@ours.test>', 'DATA\r\nSubject: x\r\n\r\n.'],
      [EHLO, `${MAIL}\r\n${RCPT}\r\nDATA`, 'NOOP'],
      [EHLO, 'QUIT\r\nQUIT'],
    ].map((says) => ({ service: 'waits', says })),
  ],
};
