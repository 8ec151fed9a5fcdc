/** Which recipients are accepted: address classes, their tables, and the codes and texts of each refusal. */
import { type Cases, EHLO, MAIL, RCPT } from './cases.ts';

const RECIPIENTS = [
  'xixi@ours.test',
  'maomao@ours.test',
  'xixi+box@ours.test',
  'nobody@ours.test',
  'xixi@mail.ours.test',
  'xixi@localhost',
  'xixi',
  'nobody',
  'xixi@sub.ours.test',
  'known@virtual.test',
  'known+box@virtual.test',
  'nobody@virtual.test',
  'any@catchall.test',
  'box@mailbox.test',
  'nobody@mailbox.test',
  'a@relay.test',
  'known@relay.test',
  'a@sub.relay.test',
  'moved@ours.test',
  'moved@virtual.test',
  'a@error.test',
  'a@later.test',
  'a@discard.test',
  'a@far.test',
  'alias@ours.test',
  'loop@virtual.test',
  'postmaster@ours.test',
  'postmaster@virtual.test',
  'abuse@ours.test',
  '"quoted name"@ours.test',
  'xixi@OURS.TEST',
  '@ours.test',
  '@localhost',
  'MAILER-DAEMON@ours.test',
  'mailer-daemon',
  'mailer-daemon@mailbox.test',
  'double-bounce@ours.test',
  'Double-Bounce@localhost',
  'double-bounce@virtual.test',
  'double-bounce@far.test',
  'xixi@@ours.test',
  '@@ours.test',
  'xixi@@far.test',
];
const SENDERS = [
  'a@sender.test',
  'xixi@ours.test',
  'nobody@ours.test',
  'nobody@virtual.test',
  'moved@ours.test',
  '',
  'double-bounce@ours.test',
  'mailer-daemon@ours.test',
  '@ours.test',
  'xixi@@ours.test',
];

const services = {
  plain: [],
  'other codes': [
    'unknown_local_recipient_reject_code = 450',
    'unknown_virtual_alias_reject_code = 450',
    'unknown_virtual_mailbox_reject_code = 450',
    'unknown_relay_recipient_reject_code = 450',
    'unknown_address_reject_code = 550',
    'relay_domains_reject_code = 550',
    'reject_code = 521',
    'access_map_reject_code = 550',
  ],
  'unlisted senders': ['smtpd_reject_unlisted_sender = yes'],
  'unlisted recipients pass': ['smtpd_reject_unlisted_recipient = no'],
  'no codes': ['show_user_unknown_table_name = no'],
  'soft bounce': ['soft_bounce = yes'],
  'a footer': ['smtpd_reject_footer = see $server_name for $client'],
  'a long footer': ['smtpd_reject_footer = \\c. Ask us\\n about $recipient'],
  'at once': ['smtpd_delay_reject = no', 'smtpd_client_restrictions = permit_mynetworks, reject'],
  'soft relay': ['smtpd_relay_restrictions = permit_mynetworks, defer_unauth_destination'],
};

/** What rows of master.cf set for their own recipient checks, and what they cannot set: domains. */
const OWN_TABLES = {
  'any relay recipient': ['relay_recipient_maps =', 'local_recipient_maps ='],
  'own virtual aliases': ['virtual_alias_maps = inline:{new@virtual.test=xixi@ours.test}'],
  'no delimiter': ['recipient_delimiter ='],
  'own mailboxes': ['virtual_mailbox_maps = inline:{other@mailbox.test=x}'],
  'own aliases': ['alias_maps ='],
  'own domains': ['mydestination =', 'relay_domains =', 'virtual_alias_domains =', 'virtual_mailbox_domains ='],
};
const TOLD_APART = [
  'xixi@ours.test',
  'xixi+box@ours.test',
  'alias@ours.test',
  'known@virtual.test',
  'known+box@virtual.test',
  'new@virtual.test',
  'any@catchall.test',
  'nobody@mailbox.test',
  'a@relay.test',
  'known@relay.test',
  'known+box@relay.test',
  'moved@ours.test',
  'moved@virtual.test',
  'a@far.test',
];

export const domains: Cases = {
  house: {
    name: 'domains',
    main: [
      'recipient_delimiter = +',
      'virtual_alias_domains = virtual.test catchall.test',
      'virtual_alias_maps = texthash:$config_directory/virtual',
      'virtual_mailbox_domains = mailbox.test',
      'virtual_mailbox_maps = inline:{box@mailbox.test=box}',
      'relay_domains = relay.test',
      'relay_recipient_maps = inline:{known@relay.test=x}',
      'relocated_maps = inline:{{moved@ours.test = new@far.test}, {moved@virtual.test = elsewhere}}',
      'transport_maps = texthash:$config_directory/transport',
      'alias_maps = inline:{alias=xixi}',
      'local_recipient_maps = inline:{xixi=x, maomao=x, postmaster=x, moved=x} $alias_maps',
    ],
    files: {
      virtual:
        'known@virtual.test xixi@ours.test\n@catchall.test xixi@ours.test\nmoved@virtual.test x@far.test\nloop@virtual.test loop@virtual.test\n',
      transport: 'error.test error:5.1.2 no such place\nlater.test retry:4.4.1 not today\ndiscard.test discard:\n',
    },
    accounts: ['xixi@ours.test', 'maomao@ours.test', 'box@mailbox.test'],
    services: { ...services, ...OWN_TABLES },
  },
  dialogs: [
    ...Object.keys(services).flatMap((service) => [
      ...RECIPIENTS.flatMap((recipient) =>
        ['127.0.0.1', '127.0.0.9'].map((client) => ({ service, client, says: [EHLO, MAIL, `RCPT TO:<${recipient}>`] })),
      ),
      ...SENDERS.map((sender) => ({ service, says: [EHLO, `MAIL FROM:<${sender}>`, RCPT] })),
    ]),
    ...Object.keys(OWN_TABLES).flatMap((service) =>
      TOLD_APART.map((recipient) => ({
        service,
        client: '127.0.0.9',
        says: [EHLO, MAIL, `RCPT TO:<${recipient}>`],
      })),
    ),
  ],
};
