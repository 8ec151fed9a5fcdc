/**
 * Durable deliveries: SMTP in, a row in a mailbox on disk, then 250. The load comes from smtp-source of Postfix on the
 * same processors; it keeps its connections (`-d`).
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startServer } from '../kit/server.ts';
import { BENCH_ACCOUNT, benchOptions } from './configuration.ts';
import { cpuSeconds, resident, threadSeconds } from './process.ts';
import { type Measurement, median, quantile, type Row } from './row.ts';
import { sendMessages } from './smtp-client.ts';

const SMTP_SOURCE = '/usr/sbin/smtp-source';
const run = promisify(execFile);

interface Storm {
  readonly label: string;
  readonly octets: number;
  readonly connections: number;
  readonly messages: number;
}

const STORMS: readonly Storm[] = [
  { label: '4k', octets: 4096, connections: 1, messages: 4_000 },
  { label: '4k', octets: 4096, connections: 20, messages: 20_000 },
  { label: '4k', octets: 4096, connections: 100, messages: 20_000 },
  { label: '100k', octets: 102_400, connections: 1, messages: 1_500 },
  { label: '100k', octets: 102_400, connections: 20, messages: 3_000 },
  { label: '100k', octets: 102_400, connections: 100, messages: 3_000 },
];
const ROUNDS = 3;
/** How long after a load the memory is measured, in ms. */
const CALM = 8_000;

const storms = STORMS.map(
  (storm): Row => ({
    name: `deliver-${storm.label}-${storm.connections}`,
    about: `durable deliveries of ${storm.octets} octets over ${storm.connections} connections, ${ROUNDS} storms of ${storm.messages}`,
    measure: (say) => measureStorm(storm, say),
  }),
);

async function measureStorm(
  { label, octets, connections, messages }: Storm,
  say: (text: string) => void,
): Promise<readonly Measurement[]> {
  if (!existsSync(SMTP_SOURCE)) {
    say(`${SMTP_SOURCE} is not installed (apt-get install postfix): left out`);
    return [];
  }
  const server = await startServer(benchOptions);
  try {
    const fixed = [
      '-d',
      '-s',
      String(connections),
      '-l',
      String(octets),
      '-f',
      'sender@example.org',
      '-t',
      BENCH_ACCOUNT,
    ];
    const send = async (count: number): Promise<number> => {
      const started = performance.now();
      await run(SMTP_SOURCE, [...fixed, '-m', String(count), `127.0.0.1:${server.port(25)}`]);
      return count / ((performance.now() - started) / 1000);
    };
    await send(Math.ceil(messages / 4));
    const rates: number[] = [];
    const before = cpuSeconds(server.pid);
    const threads = threadSeconds(server.pid);
    for (let round = 0; round < ROUNDS; round += 1) {
      rates.push(await send(messages));
      say(`${Math.round(rates.at(-1) ?? 0)}/s`);
    }
    const cpu = ((cpuSeconds(server.pid) - before) / (ROUNDS * messages)) * 1000;
    const now = threadSeconds(server.pid);
    const each = (thread: 'main' | 'writer'): string =>
      (((now[thread] - threads[thread]) / (ROUNDS * messages)) * 1000).toFixed(2);
    say(`${cpu.toFixed(2)} s of processor time for 1,000: main thread ${each('main')}, writer ${each('writer')}`);
    const name = `deliver-${label}-${connections}`;
    const measured: Measurement[] = [
      { name, value: Math.round(median(rates)), unit: 'messages/s', better: 'more' },
      { name: `${name}-cpu`, value: Number(cpu.toFixed(3)), unit: 's/1000', better: 'less' },
    ];
    if (connections < 100) return measured;
    await delay(CALM);
    const rest = resident(server.pid) / 1e6;
    say(`${rest.toFixed(1)} MB resident, ${CALM / 1000} s later`);
    return [...measured, { name: `${name}-memory-after`, value: Number(rest.toFixed(1)), unit: 'MB', better: 'less' }];
  } finally {
    await server.stop();
  }
}

const LATENCY = { connections: 20, messages: 500, octets: 4096 };

/** From the last octet of a message to its 250, while the other connections have messages in flight too. */
async function measureLatency(say: (text: string) => void): Promise<readonly Measurement[]> {
  const server = await startServer(benchOptions);
  try {
    const load = { ...LATENCY, port: server.port(25), recipient: BENCH_ACCOUNT };
    await sendMessages({ ...load, messages: 200 });
    const times = (await Promise.all(Array.from({ length: LATENCY.connections }, () => sendMessages(load)))).flat();
    say(`${times.length} messages: median ${median(times).toFixed(1)} ms, slowest ${Math.max(...times).toFixed(1)} ms`);
    return [
      { name: 'deliver-latency-p99', value: Number(quantile(times, 0.99).toFixed(2)), unit: 'ms', better: 'less' },
    ];
  } finally {
    await server.stop();
  }
}

export const deliveryRows: readonly Row[] = [
  ...storms,
  {
    name: 'deliver-latency-p99',
    about: `from the end of DATA to 250 with ${LATENCY.connections} connections, 99 of 100 are faster`,
    measure: measureLatency,
  },
];
