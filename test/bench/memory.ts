/** Resident memory: at rest after a warm start, and the increase per idle IMAP session. */
import { setTimeout as delay } from 'node:timers/promises';
import { startServer } from '../kit/server.ts';
import { BENCH_ACCOUNT, BENCH_PASSWORD, benchOptions } from './configuration.ts';
import { openImap } from './imap-client.ts';
import { resident } from './process.ts';
import type { Measurement, Row } from './row.ts';

const SESSIONS = 2_000;
/** Time between open ports and the measurement, in ms. */
const CALM = 5_000;

async function measure(say: (text: string) => void): Promise<readonly Measurement[]> {
  // The first start after an installation strips types; every later one is what is measured.
  await (await startServer(benchOptions)).stop();
  const server = await startServer(benchOptions);
  try {
    await delay(CALM);
    const rest = resident(server.pid);
    say(`at rest: ${(rest / 1e6).toFixed(1)} MB`);
    // One session first, so that shared code is loaded before the difference is measured.
    const open = async (): Promise<Awaited<ReturnType<typeof openImap>>> => {
      const client = await openImap(server.port(143));
      await client.command('a1', `LOGIN ${BENCH_ACCOUNT} ${BENCH_PASSWORD}`);
      await client.command('a2', 'SELECT INBOX');
      client.socket.write('a3 IDLE\r\n');
      await client.until('+ ');
      return client;
    };
    const clients = [await open()];
    await delay(1_000);
    const one = resident(server.pid);
    while (clients.length <= SESSIONS) clients.push(...(await Promise.all(Array.from({ length: 50 }, open))));
    await delay(3_000);
    const many = resident(server.pid);
    const each = (many - one) / (clients.length - 1);
    say(`${clients.length} idle sessions: ${(many / 1e6).toFixed(1)} MB, with one ${(one / 1e6).toFixed(1)} MB`);
    for (const { socket } of clients) socket.destroy();
    return [
      { name: 'memory-rest', value: Number((rest / 1e6).toFixed(1)), unit: 'MB', better: 'less' },
      { name: 'memory-idle-session', value: Number((each / 1024).toFixed(1)), unit: 'KiB', better: 'less' },
    ];
  } finally {
    await server.stop();
  }
}

export const memoryRows: readonly Row[] = [
  { name: 'memory', about: `resident memory at rest and with ${SESSIONS} idle IMAP sessions`, measure },
];
