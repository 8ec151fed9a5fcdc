/** reject_unverified_sender and reject_unverified_recipient, where no server needs to be asked: codes, texts, actions. */
import { type Cases, EHLO, MAIL, RCPT } from './cases.ts';

const RECIPIENTS = [
  'a@error.test',
  'a@later.test',
  'a@discard.test',
  'a@dead.test',
  'list@ours.test',
  'one@ours.test',
  'gone@ours.test',
  'a@alias.test',
  'known@alias.test',
  'a@probes.test',
  'renamed@ours.test',
  'double-bounce@ours.test',
  'postmaster',
];
const SENDERS = ['a@error.test', 'a@later.test', 'a@discard.test', 'double-bounce@ours.test', ''];

const RECIPIENT = 'smtpd_recipient_restrictions = reject_unverified_recipient';
const SENDER = 'smtpd_sender_restrictions = reject_unverified_sender';

const services = {
  recipients: [RECIPIENT],
  senders: [SENDER],
  'then refused': ['smtpd_recipient_restrictions = reject_unverified_recipient, reject'],
  'refused senders': ['smtpd_sender_restrictions = reject_unverified_sender, reject'],
  'other codes': [
    RECIPIENT,
    SENDER,
    'unverified_recipient_reject_code = 550',
    'unverified_recipient_defer_code = 451',
    'unverified_sender_reject_code = 553',
    'unverified_sender_defer_code = 421',
  ],
  accepting: [RECIPIENT, 'unverified_recipient_reject_code = 250', 'unverified_recipient_defer_code = 250'],
  'other words': [
    RECIPIENT,
    SENDER,
    'unverified_recipient_reject_reason = No such address',
    'unverified_sender_reject_reason = Who are you',
  ],
  'defer at once': [
    'smtpd_recipient_restrictions = reject_unverified_recipient, reject',
    'unverified_recipient_tempfail_action = defer',
  ],
  'sender of its own': [
    'smtpd_recipient_restrictions = check_recipient_access inline:{double-bounce@ours.test=REJECT}, permit_mynetworks, reject',
    'smtpd_reject_unlisted_recipient = yes',
    'address_verify_sender = probe@ours.test',
  ],
  'only warned': ['smtpd_recipient_restrictions = warn_if_reject reject_unverified_recipient, permit'],
};

export const verification: Cases = {
  house: {
    name: 'verification',
    main: [
      'mynetworks = 127.0.0.0/8',
      'smtpd_relay_restrictions = permit_mynetworks, reject',
      'smtpd_reject_unlisted_recipient = no',
      'address_verify_poll_delay = 1',
      'address_verify_poll_count = 6',
      'virtual_alias_domains = alias.test',
      'virtual_alias_maps = texthash:$config_directory/virtual',
      'recipient_canonical_maps = inline:{renamed@ours.test=a@error.test}',
      'transport_maps = texthash:$config_directory/transport',
      'address_verify_transport_maps = texthash:$config_directory/probes',
    ],
    files: {
      virtual:
        'list@ours.test a@error.test b@error.test\none@ours.test a@discard.test\ngone@ours.test a@error.test\nknown@alias.test a@discard.test\n',
      transport: 'probes.test discard:\n',
      probes:
        'error.test error:5.1.2 no such place\nlater.test retry:4.4.1 not today\ndiscard.test discard:\ndead.test smtp:[127.0.0.1]:1\nsender.test discard:\nprobes.test error:5.7.1 probes go elsewhere\n',
    },
    services,
  },
  dialogs: [
    ...['probe@ours.test', 'Probe@Ours.test', 'double-bounce@mail.ours.test', 'nobody@ours.test'].map((recipient) => ({
      service: 'sender of its own',
      says: [EHLO, MAIL, `RCPT TO:<${recipient}>`],
    })),
    ...Object.keys(services).flatMap((service) => [
      ...RECIPIENTS.map((recipient) => ({ service, says: [EHLO, MAIL, `RCPT TO:<${recipient}>`] })),
      ...SENDERS.map((sender) => ({
        service,
        says: [EHLO, `MAIL FROM:<${sender}>`, 'RCPT TO:<a@discard.test>', RCPT],
      })),
    ]),
  ],
};
