/** IMAP load: one command at a time on each connection, answers counted by their tagged lines. */
import { setTimeout as delay } from 'node:timers/promises';
import { randomNumbers, sample } from '../corpus.ts';
import {
  type AppendJob,
  type ImapJob,
  type Load,
  type LoginJob,
  type MoveJob,
  type NoopJob,
  repeat,
  target,
} from './job.ts';
import { type Target, Wire } from './wire.ts';

export interface ImapLogin {
  readonly user: string;
  readonly password: string;
}

let tags = 0;

/** Sends a command; resolves with the octets of its answer, rejects if it is not OK. */
async function command(wire: Wire, text: string | Buffer): Promise<number> {
  tags += 1;
  // No message contains this at the start of a line.
  const tag = `zq${tags}`;
  const before = wire.octets;
  wire.write(typeof text === 'string' ? `${tag} ${text}\r\n` : Buffer.concat([Buffer.from(`${tag} `), text]));
  await wire.until((end) => {
    const at = end.lastIndexOf(`\r\n${tag} `);
    if (at === -1) return false;
    const line = end.slice(at + 2);
    if (!line.startsWith(`${tag} OK`)) throw new Error(`${text.toString('latin1', 0, 200)}: ${line}`);
    return true;
  });
  return wire.octets - before;
}

async function open(at: Target, user: string, password: string): Promise<Wire> {
  const wire = await Wire.open(at);
  await wire.until((end) => end.includes('\r\n* OK'));
  await command(wire, `LOGIN ${user} ${password}`);
  return wire;
}

export const runImap = (job: ImapJob): Promise<Load> =>
  repeat(job, async (connection) => {
    // Both sides are asked for the same messages.
    const random = randomNumbers(connection);
    const wire = await open(target(job), job.user, job.password);
    await command(wire, `SELECT ${job.mailbox}`);
    return {
      turn: async () => {
        const text = job.command.replace('%R', () => String(1 + Math.floor(random() * job.messages)));
        return { units: job.units, octets: await command(wire, text) };
      },
      close: () => wire.close(),
    };
  });

export const runLogin = (job: LoginJob): Promise<Load> =>
  repeat(job, async () => ({
    turn: async () => {
      const wire = await open(target(job), job.user, job.password);
      await command(wire, 'SELECT INBOX');
      await command(wire, 'LOGOUT');
      wire.close();
      return { units: 1, octets: wire.octets };
    },
    close: () => {},
  }));

export const runAppend = (job: AppendJob): Promise<Load> =>
  repeat(job, async (connection) => {
    const wire = await open(target(job), job.user.replace('%C', String(connection)), job.password);
    await command(wire, 'CREATE Drafts').catch(() => undefined);
    const message = sample(connection, job.octets);
    const text = Buffer.from(`APPEND Drafts {${message.length}+}\r\n${message}\r\n`, 'latin1');
    return {
      turn: async () => ({ units: 1, octets: await command(wire, text) }),
      close: () => wire.close(),
    };
  });

/** Measures only the command: the time to create the mailbox is subtracted. */
export async function runMove(job: MoveJob): Promise<Load> {
  const wire = await open(target(job), job.user, job.password);
  await command(wire, 'SELECT INBOX');
  let units = 0;
  let octets = 0;
  let took = 0;
  const end = performance.now() + job.seconds * 1000;
  do {
    const mailbox = `B${process.pid}n${tags}`;
    await command(wire, `CREATE ${mailbox}`);
    let began = performance.now();
    octets += await command(wire, `COPY 1:${job.messages} ${mailbox}`);
    if (job.kind === 'expunge') {
      await command(wire, `SELECT ${mailbox}`);
      await command(wire, 'STORE 1:* +FLAGS.SILENT (\\Deleted)');
      began = performance.now();
      octets = await command(wire, 'EXPUNGE');
    }
    took += performance.now() - began;
    units += job.messages;
    await command(wire, 'SELECT INBOX');
    await command(wire, `DELETE ${mailbox}`);
  } while (performance.now() < end);
  wire.close();
  return { units, seconds: took / 1000, octets, times: [] };
}

/** Pause between two NOOPs, in ms. */
const PAUSE = 5;

export async function runNoop(job: NoopJob): Promise<Load> {
  const wire = await open(target(job), job.user, job.password);
  const times: number[] = [];
  const began = performance.now();
  while (performance.now() - began < job.seconds * 1000) {
    const sent = performance.now();
    await command(wire, 'NOOP');
    times.push(performance.now() - sent);
    await delay(PAUSE);
  }
  wire.close();
  return { units: times.length, seconds: (performance.now() - began) / 1000, octets: wire.octets, times };
}

/** Appends messages with LITERAL+, many in flight at once. */
export async function fill(at: Target, { user, password }: ImapLogin, messages: Iterable<string>): Promise<void> {
  const wire = await open(at, user, password);
  let batch: string[] = [];
  let octets = 0;
  const send = async (): Promise<void> => {
    const lines = batch.map(
      (message, i) => `${i === 0 ? '' : `zf${i} `}APPEND INBOX (\\Seen) {${message.length}+}\r\n${message}`,
    );
    // Only the last command of a batch is awaited; the others were sent before it.
    const [first = '', ...others] = lines;
    wire.write(others.map((line) => `${line}\r\n`).join(''));
    await command(wire, first);
    batch = [];
    octets = 0;
  };
  for (const message of messages) {
    batch.push(message);
    octets += message.length;
    if (batch.length === 100 || octets > 1_000_000) await send();
  }
  if (batch.length > 0) await send();
  wire.close();
}

/** Copies each message of the INBOX once. */
export async function duplicate(at: Target, { user, password }: ImapLogin): Promise<void> {
  const wire = await open(at, user, password);
  await command(wire, 'SELECT INBOX');
  await command(wire, 'COPY 1:* INBOX');
  wire.close();
}

/** Messages in the INBOX of each of the users. */
export async function countMessages(at: Target, users: readonly string[], password: string): Promise<number> {
  let total = 0;
  for (const user of users) {
    const wire = await open(at, user, password);
    let text = '';
    wire.read((chunk) => {
      text += chunk.toString('latin1');
    });
    await command(wire, 'STATUS INBOX (MESSAGES)');
    wire.close();
    total += Number(/MESSAGES (\d+)/.exec(text)?.[1] ?? Number.NaN);
  }
  return total;
}
