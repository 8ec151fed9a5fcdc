/** How long an idle session waits while others read at full speed and mail arrives. */
import { writeFileSync } from 'node:fs';
import { quantile } from '../../row.ts';
import { ACCOUNTS, DOMAIN, PASSWORD, READER } from '../corpus.ts';
import { openGenerator } from '../generator.ts';
import type { PeerRow, Sample, Tools } from '../row.ts';
import { at, type Side } from '../side.ts';

const CONNECTIONS = 20;

const about = `NOOP of an idle session while ${CONNECTIONS} clients read and mail comes over 4 connections`;
const row = { storm: 'read', programs: ['dovecot', 'postfix'], needs: 'corpus' } as const;

export const latencyRows: readonly PeerRow[] = [
  { ...row, name: 'latency', about, measure: (side, tools) => measureWaiting('latency', side, tools) },
  {
    ...row,
    name: 'latency-cold',
    about: `the same after the disk cache was dropped`,
    measure: async (side, tools) => {
      if (dropDiskCache(tools.say)) return measureWaiting('latency-cold', side, tools);
      return [];
    },
  },
];

async function measureWaiting(
  name: string,
  side: Side,
  { generator, second, messages, seconds }: Tools,
): Promise<Sample[]> {
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
      { ...ms, name: `${name}-noop-p50`, value: quantile(times, 0.5) },
      { ...ms, name: `${name}-noop-p99`, value: quantile(times, 0.99) },
      ...(loop === null ? [] : [{ ...ms, name: `${name}-event-loop-p99`, value: loop }]),
    ];
  } finally {
    idle.stop();
  }
}

/** Of the whole machine; false, and said, where that is not allowed. */
function dropDiskCache(say: (text: string) => void): boolean {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '1');
    return true;
  } catch (error) {
    say(`    the disk cache cannot be dropped here: ${(error as Error).message}`);
    return false;
  }
}
