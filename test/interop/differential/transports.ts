/** Recipients and senders whose transport is error or retry: they are refused at RCPT. */
import { type Cases, EHLO } from './cases.ts';

const DOMAINS = ['gone', 'plain', 'coded', 'soft', 'later', 'wait', 'empty', 'thrown', 'aliased', 'nowhere'];
const RECIPIENTS = [
  ...DOMAINS.map((name) => `x@${name}.test`),
  'maomao@ours.test',
  'xixi@ours.test',
  'u@unlisted.test',
];

export const transports: Cases = {
  house: {
    name: 'transports',
    main: [
      'transport_maps = inline:{{gone.test=error:gone for good}, {plain.test=error:}, {coded.test=error:5.2.1 moved away}, {soft.test=error:4.2.1 is full}, {later.test=retry:come later}, {wait.test=retry:4.7.9 wait}, {empty.test=retry:}, {thrown.test=discard:quietly}, {aliased.test=error:no}, {nowhere.test=nosuch:}, {maomao@ours.test=error:5.1.6 left us}}',
      'virtual_alias_maps = inline:{{x@aliased.test=xixi@ours.test}}',
    ],
    services: {
      plain: [],
      senders: ['smtpd_reject_unlisted_sender = yes'],
      unchecked: ['smtpd_reject_unlisted_recipient = no'],
      overridden: ['receive_override_options = no_unknown_recipient_checks'],
      early: ['smtpd_recipient_restrictions = reject_unlisted_recipient, reject'],
    },
  },
  dialogs: ['plain', 'senders', 'unchecked', 'overridden', 'early'].flatMap((service) => [
    ...RECIPIENTS.map((to) => ({ service, says: [EHLO, 'MAIL FROM:<a@sender.test>', `RCPT TO:<${to}>`, 'QUIT'] })),
    ...RECIPIENTS.map((from) => ({ service, says: [EHLO, `MAIL FROM:<${from}>`, 'RCPT TO:<xixi@ours.test>', 'QUIT'] })),
    { service, says: [EHLO, 'MAIL FROM:<a@sender.test>', 'RCPT TO:<nobody@ours.test>', 'QUIT'] },
  ]),
};
