/** `posthorn status`: the running server, and with `--cluster` the processes that share its store. */
import { type Command, CommanderError } from 'commander';
import type { ServerStatus } from '../app/status.ts';
import { messageOf } from '../errors.ts';
import type { ClusterProcess } from '../store/cluster.ts';
import { type Blocked, readBlocked } from '../watchdog/blocked.ts';
import { counted, listenerTable, printJson, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { tell } from './tell.ts';

interface StatusOptions extends PlaceOptions {
  readonly cluster: boolean;
}

function describeServer(status: ServerStatus): string {
  const { domain, hostname, pid, listeners, connections, sessions, deliveries, memory, processes, uptime } = status;
  const { problems } = status;
  const { size, free } = status.store;
  return [
    `Posthorn serves ${domain} as ${hostname}: process ${pid}, ${megabytes(memory)}, for ${duration(uptime)}.`,
    `Connections: ${connections} (SMTP ${sessions.smtp}, IMAP ${sessions.imap}, POP3 ${sessions.pop3}). Deliveries in progress: ${deliveries}.`,
    `Queue: ${queueWords(status)}. Store: ${size === null ? 'a database' : megabytes(size)}; free on the disk: ${megabytes(free)}.`,
    ...(processes === 1 ? [] : [`Processes that share the store: ${processes}; --cluster shows them.`]),
    ...problems.map((problem) => `Problem: ${problem}`),
    ...status.leftOut.map((line) => `Attention: ${line}.`),
    '',
    listenerTable(listeners),
  ].join('\n');
}

const megabytes = (octets: number): string => `${Math.round(octets / 1024 / 1024)} MB`;

/** `3 d 4 h`, `2 h 5 min`, `40 s`. */
function duration(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}

function queueWords({ queue, queueAge }: ServerStatus): string {
  const parts = Object.entries(queue).filter(([, count]) => count > 0);
  const all = parts.reduce((sum, [, count]) => sum + count, 0);
  return parts.length === 0
    ? 'empty'
    : `${counted(all, 'recipient')} (${parts.map(([name, count]) => `${count} ${name}`).join(', ')}), the oldest for ${duration(queueAge)}`;
}

/** What processes say of themselves (app/status.ts). */
const FACTS = ['smtp', 'imap', 'pop3', 'deliveries'] as const;

function heard({ self, dead, silentFor }: ClusterProcess): string {
  if (self) return 'this one';
  const ago = `${Math.round(silentFor / 1000)} s ago`;
  return dead ? `dead, ${ago}` : ago;
}

/** Null: the store has one process. */
function describeProcesses(processes: readonly ClusterProcess[] | null): string {
  if (processes === null)
    return 'The store is an SQLite file, which one process has open: this server. There are no others.';
  return table(
    ['id', 'host', 'pid', 'version', 'since', 'last heard', ...FACTS],
    processes.map((process) => [
      process.id,
      process.host,
      String(process.pid),
      process.version,
      new Date(process.startedAt).toISOString().replace(/\.\d+/, ''),
      heard(process),
      ...FACTS.map((fact) => String(process.facts[fact] ?? '')),
    ]),
  );
}

/** How long a server that is not blocked may take for its answer, ms. */
const SILENCE_MS = 3_000;

/** The main thread is blocked, as the watchdog's thread says. */
class Standstill {
  readonly blocked: Blocked;

  constructor(blocked: Blocked) {
    this.blocked = blocked;
  }

  get words(): string {
    const { pid, since, running } = this.blocked;
    const seconds = Math.max(0, Math.round((Date.now() - since) / 1000));
    return [
      `Posthorn, process ${pid}: its main thread has been blocked for ${seconds} s${running === null ? '' : ` in ${running}`}.`,
      'The watchdog ends that soon; accepted mail is safe. The log then says where it was.',
    ].join('\n');
  }
}

/** The answer of the server; or that it is blocked, if it is silent and says so. */
async function ask(where: PlaceOptions, operation: string): Promise<unknown> {
  try {
    return await tell(where, operation, {}, SILENCE_MS);
  } catch (error) {
    const blocked = readBlocked(where.data);
    if (blocked !== null) return new Standstill(blocked);
    if (!/has not answered for/.test(messageOf(error))) throw error;
    return tell(where, operation);
  }
}

export function addStatusCommand(program: Command): void {
  withPlace(program.command('status').description('listeners, sessions and deliveries of the running server'))
    .option('--cluster', 'show the processes that share the store, on all machines', false)
    .action(async (options: StatusOptions) => {
      const where = place(options);
      const result = await ask(where, options.cluster ? 'server.processes' : 'server.status');
      if (result instanceof Standstill) {
        if (where.json) printJson({ blocked: result.blocked });
        else console.log(result.words);
        throw new CommanderError(1, 'posthorn.status', 'the server is blocked');
      }
      if (where.json) printJson(result);
      else
        console.log(
          options.cluster
            ? describeProcesses(result as readonly ClusterProcess[] | null)
            : describeServer(result as ServerStatus),
        );
    });
}
