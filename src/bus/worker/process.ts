/**
 * The process of one plugin: imports it, has it register as in the server, and calls its handlers when the server asks.
 */
import { inside } from '../../child/inside.ts';
import { stackOf } from '../../errors.ts';
import { ownValue } from '../../own-value.ts';
import { DEFAULT_POLICY } from '../bus.ts';
import { type Configured, importConfigured } from '../candidate.ts';
import { FaultyConfiguration } from '../configuration/configuration.ts';
import { registerPlugin } from '../import-plugin.ts';
import { Lending } from '../lending.ts';
import { TRANSACTION } from './crossing.ts';
import { Handlers, type Kind, type Watched } from './handlers.ts';
import { lentInWorker, type WorkerLent } from './lent-in-worker.ts';
import { changeOver, contentOver } from './message-in-worker.ts';
import { Mirror } from './mirror.ts';
import { Peer } from './peer.ts';
import type { Opened, Registered, WorkerData } from './registered.ts';
import { Streams } from './streams.ts';
import { Uplink } from './uplink.ts';

const { source, isRealClock } = inside.data as WorkerData;

const streams = new Streams();
const peer = new Peer({
  post: inside.post,
  serve: (op, args, call) => serve(op, args, call),
  whenFull: 'hold',
  onRubbish: () => {},
});
const uplink = new Uplink({ peer, ask: inside.ask, mark: (call) => inside.mark(String(call)) });
const mirror: Mirror = new Mirror({
  content: () => contentOver(uplink),
  change: () => changeOver({ uplink, streams, onTransaction: (packed) => void mirror.unpack(TRANSACTION, packed) }),
  reader: (number) => lentTo().reader(number),
  onUncloneable: (key) => uplink.tell('uncloneable', key),
});
const handlers = new Handlers(uplink, mirror);
let configured: Configured | null = null;
let lent: WorkerLent | null = null;

function here(): Configured {
  if (configured === null) throw new Error('the plugin has not been imported');
  return configured;
}

function lentTo(): WorkerLent {
  const { about, config } = here();
  lent ??= lentInWorker({ uplink, plugin: about.name, config, isRealClock });
  return lent;
}

async function imported(): Promise<Opened> {
  try {
    configured = await importConfigured(source);
    return { about: configured.about };
  } catch (error) {
    if (error instanceof FaultyConfiguration) return { faults: error.faults };
    throw error;
  }
}

async function registered(): Promise<Registered> {
  const { plugin, about } = here();
  const registrant = {
    plugin: about.name,
    file: source.located.path,
    policy: { ...DEFAULT_POLICY, stateless: about.stateless },
    // The bus asks only where it is.
    isActive: null,
  };
  const faults = await registerPlugin(plugin, new Lending(handlers.host, registrant, lentTo().lent));
  return { ...handlers.registered, faults };
}

/** What the server asks. */
const OPERATIONS: Readonly<Record<string, (args: readonly unknown[], call: number) => unknown>> = {
  import: imported,
  register: registered,
  call: ([kind, at, packed, watched], call) =>
    handlers.call(kind as Kind, { at: at as number, packed, watched: watched as Watched, call }),
  forget: (numbers) => mirror.forget(numbers as readonly number[]),
  'job.abort': ([at]) => handlers.abortJob(at as number),
  ping: () => null,
  'stream.next': ([number]) => streams.next(number),
  'stream.stop': ([number]) => streams.stop(number),
  close: () => handlers.close(),
};

function serve(op: string, args: readonly unknown[], call: number): unknown {
  const operation = ownValue(OPERATIONS, op);
  if (operation === undefined) throw new Error(`there is no operation ${op}`);
  return operation(args, call);
}

// As in the server: it is told, and the plugin goes on. Rejections that nobody awaits come here too.
process.on('uncaughtException', (error: unknown) =>
  uplink.tell('log', 'warn', {}, `an error that nobody waited for: ${stackOf(error).replace(/\s*\n\s*/g, ' ')}`),
);
inside.onMessage((message) => peer.receive(message));
