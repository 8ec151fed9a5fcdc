/** DNS load: a window of queries always in flight, over UDP or over pipelined TCP connections. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { DnsJob, Load } from './job.ts';

/** `name` A IN, recursion not desired. */
function question(name: string): Buffer {
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

/** Returns the next query each time, with its own ID. */
function asker(names: readonly string[]): () => Buffer {
  const questions = names.map(question);
  let id = 0;
  return () => {
    const query = Buffer.from(questions[id % questions.length] ?? Buffer.alloc(0));
    query.writeUInt16BE(id % 65_536, 0);
    id += 1;
    return query;
  };
}

async function together(
  job: DnsJob,
  one: (next: () => Buffer) => Promise<{ readonly units: number; readonly octets: number }>,
): Promise<Load> {
  const began = performance.now();
  const done = await Promise.all(Array.from({ length: job.connections }, () => one(asker(job.names))));
  return {
    units: done.reduce((sum, { units }) => sum + units, 0),
    octets: done.reduce((sum, { octets }) => sum + octets, 0),
    seconds: (performance.now() - began) / 1000,
    times: [],
  };
}

export const runDnsUdp = (job: DnsJob): Promise<Load> =>
  together(
    job,
    (next) =>
      new Promise((resolve, reject) => {
        const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024, sendBufferSize: 4 * 1024 * 1024 });
        let units = 0;
        let octets = 0;
        socket.on('error', reject);
        socket.on('message', (answer) => {
          units += 1;
          octets += answer.length;
          socket.send(next());
        });
        socket.connect(job.port, '127.0.0.1', () => {
          for (let i = 0; i < job.window; i += 1) socket.send(next());
          // Without this, a lost datagram would leave the window smaller for ever.
          const refill = setInterval(() => socket.send(next()), 50);
          setTimeout(() => {
            clearInterval(refill);
            socket.close();
            resolve({ units, octets });
          }, job.seconds * 1000);
        });
      }),
  );

export const runDnsTcp = (job: DnsJob): Promise<Load> =>
  together(
    job,
    (next) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: job.port, noDelay: true });
        let units = 0;
        let octets = 0;
        let carry: Buffer = Buffer.alloc(0);
        const ask = (count: number): void => {
          const queries = Array.from({ length: count }, next);
          socket.write(Buffer.concat(queries.flatMap((query) => [Buffer.from([0, query.length]), query])));
        };
        socket.on('error', reject);
        socket.on('data', (chunk: Buffer) => {
          const text = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
          let at = 0;
          let answers = 0;
          while (at + 2 <= text.length && at + 2 + text.readUInt16BE(at) <= text.length) {
            at += 2 + text.readUInt16BE(at);
            answers += 1;
          }
          carry = text.subarray(at);
          units += answers;
          octets += at;
          if (answers > 0) ask(answers);
        });
        socket.once('connect', () => ask(job.window));
        setTimeout(() => {
          socket.removeAllListeners('close').destroy();
          resolve({ units, octets });
        }, job.seconds * 1000);
        socket.on('close', () => reject(new Error(`the name server closed the connection after ${units} answers`)));
      }),
  );
