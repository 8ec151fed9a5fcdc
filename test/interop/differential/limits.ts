/** Limits of a session: errors, recipients, sizes. */
import { type Cases, EHLO, MAIL, MESSAGE, mail, RCPT } from './cases.ts';

const repeated = (line: string, count: number): string[] => Array.from({ length: count }, () => line);

export const limits: Cases = {
  house: {
    name: 'limits',
    main: [],
    services: {
      recipients: ['smtpd_recipient_limit = 3', 'smtpd_recipient_overshoot_limit = 2'],
      overshoot: ['smtpd_recipient_limit = 2', 'smtpd_recipient_overshoot_limit = 1'],
      junk: ['smtpd_junk_command_limit = 2', 'smtpd_hard_error_limit = 4'],
      errors: ['smtpd_hard_error_limit = 4'],
      size: ['message_size_limit = 500'],
    },
  },
  dialogs: [
    ...['recipients', 'overshoot', 'junk', 'errors', 'size'].flatMap((service) => [
      { service, says: [EHLO, MAIL, ...repeated(RCPT, 8), 'DATA', MESSAGE, 'QUIT'] },
      { service, says: [EHLO, ...repeated('FOO', 8)] },
      { service, says: [EHLO, ...repeated('NOOP', 8), 'FOO', 'QUIT'] },
      { service, says: [EHLO, ...repeated('RSET', 8), ...mail().slice(1)] },
      { service, says: [EHLO, MAIL, ...repeated('RCPT TO:<nobody@ours.test>', 8)] },
      { service, says: [EHLO, 'MAIL FROM:<a@sender.test> SIZE=501', 'MAIL FROM:<a@sender.test> SIZE=500', 'QUIT'] },
      { service, says: [EHLO, MAIL, RCPT, 'DATA', `Subject: s\r\n\r\n${'x'.repeat(600)}\r\n.`, ...mail().slice(1)] },
      { service, says: [EHLO, ...repeated('VRFY nobody', 4), 'QUIT'] },
    ]),
  ],
};
