/**
 * How many answers a second one core gives over UDP. The server runs here; three askers run as
 * processes of their own, each keeping some datagrams on their way.
 *
 *   node test/bench/dns.bench.ts [seconds]
 *
 * With `dnsperf` (Debian) the same server can be asked: `--serve PORT` only serves.
 */
import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { encodeMessage } from '../../src/protocol/dns/message.ts';
import { query, served, start, ZONE } from '../server/dns/house.ts';

const IN_FLIGHT = 64;
const ASKERS = 2;
const QUESTIONS = [
  ['mail.example.com.', 'A'],
  ['example.com.', 'MX'],
  ['www.example.com.', 'A'],
  ['nowhere.example.com.', 'AAAA'],
] as const;

/** Asks until it is told to stop, then reports the number of answers. */
function asker(port: number): void {
  const questions = QUESTIONS.map(([name, type], id) => encodeMessage(query(name, type, { id })));
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, callback) => callback(null, host, 4) });
  let answered = 0;
  const send = (): void => {
    const next = questions[answered % questions.length];
    if (next !== undefined) socket.send(next);
  };
  socket.on('message', () => {
    answered += 1;
    send();
  });
  socket.connect(port, '127.0.0.1', () => {
    for (let i = 0; i < IN_FLIGHT; i += 1) send();
  });
  process.once('message', () => {
    process.send?.(answered);
    process.disconnect();
    socket.close();
  });
}

async function bench(seconds: number): Promise<void> {
  const server = await start(served({ 'example.com.': ZONE }));
  const port = server.addresses[0]?.port ?? 0;
  const began = process.cpuUsage();
  const at = performance.now();
  const children = Array.from({ length: ASKERS }, () => fork(new URL(import.meta.url), ['--ask', String(port)]));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const cpu = process.cpuUsage(began);
  const elapsed = (performance.now() - at) / 1000;
  const counts = await Promise.all(
    children.map((child) => {
      child.send('stop');
      return new Promise<number>((resolve) => child.once('message', (count) => resolve(Number(count))));
    }),
  );
  await server.close();
  const total = counts.reduce((sum, count) => sum + count, 0);
  const busy = (cpu.user + cpu.system) / 1e6;
  console.log(
    JSON.stringify({
      answers: total,
      perSecond: Math.round(total / elapsed),
      perCpuSecond: Math.round(total / busy),
      elapsed,
      busy,
    }),
  );
}

const [mode, value] = process.argv.slice(2);
if (mode === '--ask') asker(Number(value));
else if (mode === '--serve')
  await start(served({ 'example.com.': ZONE }), {
    listen: [{ address: '127.0.0.1', port: Number(value), named: true }],
  });
else await bench(Number(mode ?? 4));
