/** How long an idle session waits while others read at full speed and mail arrives. */
import { quantile } from '../../row.ts';
import { ACCOUNTS, DOMAIN, PASSWORD, READER } from '../corpus.ts';
import { openGenerator } from '../generator.ts';
import type { PeerRow } from '../row.ts';
import { at } from '../side.ts';

const CONNECTIONS = 20;

export const latencyRows: readonly PeerRow[] = [
  {
    name: 'latency',
    about: `NOOP of an idle session while ${CONNECTIONS} clients read and mail comes over 4 connections`,
    storm: 'read',
    programs: ['dovecot', 'postfix'],
    needs: 'corpus',
    measure: async (side, { generator, second, messages, seconds }) => {
      const reader = { user: READER, password: PASSWORD, mailbox: 'INBOX', messages, units: 1 };
      const sender = { accounts: ACCOUNTS, domain: DOMAIN, password: null, startTls: false, octets: 4_096 };
      const idle = openGenerator();
      try {
        await side.loopDelay();
        const [, , { times }] = await Promise.all([
          generator.run({
            ...reader,
            ...at(side, 'imap'),
            kind: 'imap',
            command: 'UID FETCH %R BODY.PEEK[]',
            connections: CONNECTIONS,
            seconds,
          }),
          second.run({ ...sender, ...at(side, 'smtp'), kind: 'smtp', connections: 4, seconds }),
          idle.run({ kind: 'noop', user: READER, password: PASSWORD, ...at(side, 'imap'), connections: 1, seconds }),
        ]);
        const loop = await side.loopDelay();
        const ms = { unit: 'ms', better: 'less' } as const;
        return [
          { ...ms, name: 'latency-noop-p50', value: quantile(times, 0.5) },
          { ...ms, name: 'latency-noop-p99', value: quantile(times, 0.99) },
          ...(loop === null ? [] : [{ ...ms, name: 'latency-event-loop-p99', value: loop }]),
        ];
      } finally {
        idle.stop();
      }
    },
  },
];
