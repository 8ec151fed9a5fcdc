/** A front process, as it sees itself: starts its server, and does what its supervisor says. */
import cluster from 'node:cluster';
import { endServer, leave } from '../app/ending.ts';
import type { RunningServer } from '../app/running-server.ts';
import type { ServerOptions } from '../app/server-parts.ts';
import { ConfigurationError } from '../config/fault.ts';
import { messageOf } from '../errors.ts';
import { type FromFront, INSTRUCTIONS, type Instructions, type ToFront } from './messages.ts';

/** How long the sessions of a process that was replaced may go on, ms; clients connect again to another. */
const HAND_OVER_MS = 10 * 60_000;
/** As for the command itself (cli/output.ts). */
const EX_CONFIG = 78;

/** Null: this process has no supervisor. */
export function takeInstructions(): Instructions | null {
  const text = process.env[INSTRUCTIONS];
  // Not for what this process starts.
  delete process.env[INSTRUCTIONS];
  return text === undefined || !cluster.isWorker ? null : (JSON.parse(text) as Instructions);
}

/** Returns the server; null if it did not start, and the process is ending. */
export async function startFront(
  options: Omit<ServerOptions, 'onStop'>,
  { isFirst, portOffset, umask }: Instructions,
): Promise<RunningServer | null> {
  process.umask(umask);
  // The keys of a terminal reach every process of the foreground; what they mean, the supervisor says.
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => {});
  try {
    const { startServer } = await import('../app/start-server.ts');
    const server = await startServer({
      ...options,
      ...(portOffset === null ? {} : { portOffset }),
      ...(isFirst ? {} : { accounts: [] }),
      isSupervised: true,
      onStop: () => process.kill(process.pid, 'SIGTERM'),
    });
    obey(server);
    tell({ kind: 'ready', started: server.started });
    return server;
  } catch (error) {
    const faults = error instanceof ConfigurationError ? error.faults : null;
    tell({ kind: 'failed', faults, message: messageOf(error) }, () => leave(faults === null ? 1 : EX_CONFIG));
    return null;
  }
}

function obey(server: RunningServer): void {
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    endServer(server);
  };
  process.on('uncaughtException', (error) => server.reportUncaught(error));
  process.on('unhandledRejection', (error) => server.reportUncaught(error));
  process.on('SIGTERM', end);
  // Without its supervisor nobody would stop it. Node itself would end it at once, so this must come first.
  process.prependListener('disconnect', () => {
    if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
    end();
  });
  process.on('message', (message: ToFront) => {
    if (message.kind === 'ask') {
      void server.answer(message.line).then((answer) => tell({ kind: 'answer', id: message.id, answer }));
      return;
    }
    server.handOver(HAND_OVER_MS).then(end, (error: unknown) => {
      server.reportUncaught(error);
      end();
    });
  });
}

/** `told`: the message has left, or cannot. */
function tell(message: FromFront, told: () => void = () => {}): void {
  if (process.send === undefined) told();
  else process.send(message, undefined, undefined, () => told());
}
