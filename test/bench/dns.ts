/** Answers per second over UDP: a separate process always keeps a window of queries in flight. */
import { createSocket } from 'node:dgram';
import { startServer } from '../kit/server.ts';
import { benchOptions } from './configuration.ts';
import { type Measurement, median, type Row } from './row.ts';

const WINDOW = 256;
const SECONDS = 3;
const ROUNDS = 3;

/** `name` A IN, recursion not desired. */
function question(name: string): Buffer {
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

function round(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024, sendBufferSize: 4 * 1024 * 1024 });
    const queries = ['mail.bench.example', 'www.bench.example', 'bench.example', 'nothing.bench.example'].map(question);
    let answers = 0;
    let id = 0;
    const ask = (): void => {
      const query = Buffer.from(queries[id % queries.length] ?? Buffer.alloc(0));
      query.writeUInt16BE(id % 65_536, 0);
      id += 1;
      socket.send(query);
    };
    socket.on('error', reject);
    socket.on('message', () => {
      answers += 1;
      ask();
    });
    socket.connect(port, '127.0.0.1', () => {
      const started = performance.now();
      for (let i = 0; i < WINDOW; i += 1) ask();
      // Without this, a lost datagram would leave the window smaller for ever.
      const refill = setInterval(() => {
        for (let i = 0; i < 8; i += 1) ask();
      }, 50);
      setTimeout(() => {
        clearInterval(refill);
        socket.close();
        resolve(answers / ((performance.now() - started) / 1000));
      }, SECONDS * 1000);
    });
  });
}

async function measure(say: (text: string) => void): Promise<readonly Measurement[]> {
  const server = await startServer(benchOptions);
  try {
    const rates: number[] = [];
    for (let i = 0; i < ROUNDS; i += 1) {
      rates.push(await round(server.port(53)));
      say(`${Math.round(rates.at(-1) ?? 0)}/s`);
    }
    return [{ name: 'dns-answers', value: Math.round(median(rates)), unit: 'answers/s', better: 'more' }];
  } finally {
    await server.stop();
  }
}

export const dnsRows: readonly Row[] = [
  { name: 'dns-answers', about: 'DNS answers over UDP, the asker on the same processors', measure },
];
