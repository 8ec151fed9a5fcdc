/** Measures what the simulation needs: a server under load, the store alone, and a process that only hears of others. */
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { startMongo } from '../../kit/mongodb.ts';
import { openImap } from '../imap-client.ts';
import { PASSWORD, RECEIVERS } from '../peers/corpus.ts';
import { type Generator, openGenerator } from '../peers/generator.ts';
import { measureRow } from '../stores/measure.ts';
import { MORE_ROWS, STORE_ROWS } from '../stores/rows.ts';
import { type StoreSide, startSide } from '../stores/side.ts';
import { FIGURES, type FigureName, type Measured } from './figures.ts';
import { measureHearing } from './hearing.ts';
import { measureInside } from './inside.ts';

const MESSAGES = 3_000;
const ROUNDS = 3;
const SECONDS = 4;
/** KB of the larger deliveries beyond the smaller ones. */
const FURTHER = (102_400 - 4096) / 1024;
const SESSIONS = 300;

export async function measure(say: (text: string) => void): Promise<Measured> {
  await using scope = new AsyncDisposableStack();
  const mongo = await startMongo();
  scope.defer(() => mongo.close());
  say(`on ${mongo.name}`);
  const hearing = await measureHearing(mongo.uriFor(`posthorn_hearing_${process.pid}`), say);
  const inside = await measureInside(mongo.uriFor(`posthorn_inside_${process.pid}`), hearing['cpu.rest'], say);
  const generator = openGenerator();
  scope.defer(generator.stop);
  const side = await startSide({ name: mongo.name, mongo, messages: MESSAGES });
  scope.defer(side.stop);
  const outside = await measureOutside(side, generator, say);
  const figures: Partial<Record<FigureName, number>> = {
    ...inside.figures,
    ...outside,
    ...hearing,
    ...(await measureSessions(side, say)),
  };
  const missing = (Object.keys(FIGURES) as FigureName[]).filter((name) => figures[name] === undefined);
  if (missing.length > 0) throw new Error(`not measured: ${missing.join(', ')}`);
  return {
    server: mongo.name,
    machine: `Node ${process.version}, ${cpus().length} processors (${cpus()[0]?.model ?? 'unknown'}), shared with others`,
    figures: figures as Measured['figures'],
    traffic: inside.traffic,
  };
}

async function measureOutside(
  side: StoreSide,
  generator: Generator,
  say: (text: string) => void,
): Promise<Partial<Record<FigureName, number>>> {
  const own = new Map<string, number>();
  for (const row of [...STORE_ROWS, ...MORE_ROWS]) {
    say(row.name);
    const options = { generator, messages: MESSAGES, rounds: ROUNDS, seconds: SECONDS, say };
    const { sides } = await measureRow(row, [side], options);
    own.set(row.name, sides[0]?.own ?? 0);
  }
  const of = (name: string): number => own.get(name) ?? 0;
  return {
    'cpu.delivery': of('deliver-4k-1'),
    'cpu.kilobyte': Math.max(0, of('deliver-100k-20') - of('deliver-4k-20')) / FURTHER,
    'cpu.session': of('login-select'),
    'cpu.tls': Math.max(0, of('login-select-tls') - of('login-select')),
    'cpu.body': of('fetch-body-20'),
    'cpu.store': of('store-flag'),
  };
}

async function measureSessions(
  side: StoreSide,
  say: (text: string) => void,
): Promise<Record<'memory.process' | 'memory.session', number>> {
  say(`${SESSIONS} sessions in IDLE`);
  const open = async (number: number): Promise<Awaited<ReturnType<typeof openImap>>> => {
    const client = await openImap(side.imap);
    await client.command('a1', `LOGIN ${RECEIVERS[number % RECEIVERS.length]} ${PASSWORD}`);
    await client.command('a2', 'SELECT Archive');
    client.socket.write('a3 IDLE\r\n');
    await client.until('+ ');
    return client;
  };
  const clients = [];
  for (let number = 0; number < RECEIVERS.length; number += 1) clients.push(await open(number));
  await delay(3_000);
  const some = side.memory();
  for (let number = 0; number < SESSIONS; number += 1) clients.push(await open(number));
  await delay(3_000);
  const many = side.memory();
  for (const { socket } of clients) socket.destroy();
  return { 'memory.process': some, 'memory.session': Math.max(0, many - some) / SESSIONS };
}
