/**
 * Durable deliveries per second: SMTP in, a row in a mailbox on disk, then 250. The sender is Postfix's
 * smtp-source on the same processors; it keeps its connections (`-d`).
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { startServer } from '../stack/server.ts';
import { BENCH_ACCOUNT, BENCH_PASSWORD, benchConfiguration } from './configuration.ts';
import { median, type Row } from './row.ts';

const SMTP_SOURCE = '/usr/sbin/smtp-source';
const run = promisify(execFile);

interface Load {
  readonly label: string;
  readonly octets: number;
  /** Messages a run, by connections. */
  readonly runs: readonly (readonly [connections: number, messages: number])[];
}

const LOADS: readonly Load[] = [
  {
    label: '4k',
    octets: 4096,
    runs: [
      [1, 4_000],
      [20, 20_000],
      [100, 20_000],
    ],
  },
  {
    label: '100k',
    octets: 102_400,
    runs: [
      [1, 1_500],
      [20, 3_000],
      [100, 3_000],
    ],
  },
];
const REPEATS = 3;

export const deliveryRows: readonly Row[] = LOADS.flatMap(({ label, octets, runs }) =>
  runs.map(
    ([connections, messages]): Row => ({
      name: `deliver-${label}-${connections}`,
      about: `durable deliveries of ${octets} octets over ${connections} connections`,
      async measure(say) {
        if (!existsSync(SMTP_SOURCE)) {
          say(`${SMTP_SOURCE} is not installed (apt-get install postfix): left out`);
          return [];
        }
        const server = await startServer({ files: benchConfiguration, portOffset: 21_000, accounts: { [BENCH_ACCOUNT]: BENCH_PASSWORD } });
        try {
          const send = async (count: number): Promise<number> => {
            const started = performance.now();
            await run(SMTP_SOURCE, [
              '-d',
              '-s',
              String(connections),
              '-l',
              String(octets),
              '-m',
              String(count),
              '-f',
              'sender@example.org',
              '-t',
              BENCH_ACCOUNT,
              `127.0.0.1:${server.port(25)}`,
            ]);
            return count / ((performance.now() - started) / 1000);
          };
          await send(Math.ceil(messages / 4));
          const rates: number[] = [];
          for (let round = 0; round < REPEATS; round += 1) {
            rates.push(await send(messages));
            say(`${Math.round(rates.at(-1) ?? 0)}/s`);
          }
          return [{ name: `deliver-${label}-${connections}`, value: Math.round(median(rates)), unit: 'messages/s', better: 'more' }];
        } finally {
          await server.stop();
        }
      },
    }),
  ),
);
