/**
 * `posthorn status`, `reload` and `stop`: commands to a running server. If none is running they fail, and never touch
 * its store.
 */
import type { Command } from 'commander';
import { callServer, NoServerError } from '../admin/socket.ts';
import type { ListenerRow } from '../app/listeners.ts';
import { listenerTable, printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

/** Calls the server; if none is running, says what to do. */
async function tell(where: PlaceOptions, operation: string): Promise<unknown> {
  try {
    return await callServer(where.data, operation, {});
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    throw new Error(
      `no server is running on the data folder ${where.data}; "posthorn start" starts one, --data names another folder`,
      { cause: error },
    );
  }
}

/** The status as returned by the running server. */
interface Status {
  readonly domain: string;
  readonly hostname: string;
  readonly pid: number;
  readonly listeners: readonly ListenerRow[];
  readonly connections: number;
  readonly deliveries: number;
  /** Memory of the process, in octets. */
  readonly memory: number;
}

function describe({ domain, hostname, pid, listeners, connections, deliveries, memory }: Status): string {
  return [
    `Posthorn serves ${domain} as ${hostname}: process ${pid}, ${Math.round(memory / 1024 / 1024)} MB.`,
    `Connections: ${connections}. Deliveries in progress: ${deliveries}.`,
    '',
    listenerTable(listeners),
  ].join('\n');
}

interface ServerCommand {
  readonly name: string;
  readonly description: string;
  readonly say: (result: unknown) => string;
}

const COMMANDS: readonly ServerCommand[] = [
  {
    name: 'status',
    description: 'listeners, sessions and deliveries of the running server',
    say: (result) => describe(result as Status),
  },
  {
    name: 'reload',
    description: 'reload the configuration without dropping sessions',
    say: (result) => ['Reloaded.', ...(result as { notes: string[] }).notes.map((note) => `- ${note}`)].join('\n'),
  },
  { name: 'stop', description: 'drain and stop the running server', say: () => 'Stopping.' },
];

export function addServerCommands(program: Command): void {
  for (const { name, description, say } of COMMANDS) {
    withPlace(program.command(name).description(description)).action(async (options: PlaceOptions) => {
      const where = place(options);
      const result = await tell(where, `server.${name}`);
      if (where.json) printJson(result);
      else console.log(say(result));
    });
  }
}
