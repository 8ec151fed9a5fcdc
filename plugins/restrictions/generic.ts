/** Restrictions allowed in any list: permit, reject, defer and their conditional forms. One row each. */
import { setTimeout } from 'node:timers/promises';
import { DUNNO, type Restriction, type Server } from '../../src/bus/plugin.ts';
import { misconfigured, refusal, refuse } from './refusal.ts';

/** Seconds; below the bus's deadline. */
const LONGEST_SLEEP = 20;

export function genericRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  return {
    permit: { check: () => ({ kind: 'permit', relay: 'list' }) },
    reject: {
      check: ({ connection, subject }) =>
        refuse(connection.parameters.number('reject_code'), '5.7.1', subject, 'Access denied'),
    },
    defer: {
      check: ({ connection, subject }) =>
        refuse(connection.parameters.number('defer_code'), '4.3.2', subject, 'Try again later'),
    },
    defer_if_permit: {
      check: ({ subject }) => ({
        kind: 'defer_if_permit',
        reply: refusal(450, '4.7.0', subject, 'defer_if_permit requested'),
      }),
    },
    defer_if_reject: {
      check: ({ subject }) => ({
        kind: 'defer_if_reject',
        reply: refusal(450, '4.7.0', subject, 'defer_if_reject requested'),
      }),
    },
    reject_unauth_pipelining: {
      check: ({ connection, subject }) =>
        connection.pipelined ? refuse(503, '5.5.0', subject, 'Improper use of SMTP command pipelining') : DUNNO,
    },
    sleep: {
      takesArgument: true,
      check: async ({ argument, connection }) => {
        // That of main.cf is looked at when it is read; this one is a table's.
        if (!/^\d+$/.test(argument)) {
          server.log.warn(
            { session: connection.id },
            `sleep "${argument.slice(0, 100)}": expected a number of seconds`,
          );
          return misconfigured;
        }
        await setTimeout(Math.min(LONGEST_SLEEP, Number(argument)) * 1000);
        return DUNNO;
      },
    },
    reject_multi_recipient_bounce: {
      check: ({ connection, stage, sender, subject }) => {
        // At RCPT TO the current recipient is not counted yet.
        const others = stage === 'RCPT' ? 0 : 1;
        if (sender !== '' || (connection.transaction?.recipients.length ?? 0) <= others) return DUNNO;
        return refuse(
          connection.parameters.number('multi_recipient_bounce_reject_code'),
          '5.5.3',
          subject,
          'Multi-recipient bounce',
        );
      },
    },
  };
}
