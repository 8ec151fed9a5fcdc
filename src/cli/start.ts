/** `posthorn start`: starts the server and prints a table of its listeners and the next steps. */
import { existsSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { endServer, GRACE_MS, leave } from '../app/ending.ts';
import type { Front } from '../app/front.ts';
import type { RunningServer, Started } from '../app/running-server.ts';
import { shippedFolder } from '../config/folder.ts';
import { messageOf } from '../errors.ts';
import type { SupervisorOptions } from '../supervisor/supervisor.ts';
import { startWatchdog, watchdogMode } from '../watchdog/watchdog.ts';
import { listenerTable, shellWord } from './output.ts';
import { type PlaceOptions, place, placeWords, withPlace } from './place.ts';

interface StartOptions extends PlaceOptions {
  readonly portOffset?: number;
  readonly address?: string;
  readonly processes?: number;
  readonly quiet: boolean;
}

export function portOffset(value: string): number {
  const offset = Number(value);
  if (!Number.isInteger(offset) || offset < 0 || offset > 60_000)
    throw new InvalidArgumentError('expected a number from 0 to 60000.');
  return offset;
}

function ipAddress(value: string): string {
  if (isIP(value) === 0) throw new InvalidArgumentError('expected an IP address such as 192.0.2.1 or 2001:db8::1.');
  return value;
}

function processCount(value: string): number {
  if (!/^[1-9]\d?$/.test(value)) throw new InvalidArgumentError('expected a number from 1 to 99.');
  return Number(value);
}

/** The next version of a package replaces its own configuration, so users should not edit it there. */
function placeNotes(config: string): string[] {
  if (config !== shippedFolder() || config === resolve('config')) return [];
  return [
    `there is no folder "config" here; using the shipped configuration. For your own, run: cp -r ${shellWord(config)} config`,
  ];
}

/** The command as the user would type it: in a checkout or a project with npx. */
function ownCommand(): string {
  const called = process.argv[1] ?? '';
  return basename(called) === 'posthorn.js' || basename(dirname(called)) === '.bin' ? 'npx posthorn' : 'posthorn';
}

/** Where settings are written; the shipped ones are in use where the folder has none. */
function settings(config: string, reload: string): string {
  const path = join(config, 'main.cf');
  return existsSync(path)
    ? `Settings: ${path}; ${reload} applies them.`
    : `Settings: there is no main.cf in ${config} yet; write one, and ${reload} applies it.`;
}

/** The text printed at the start. */
function describe(server: Started, where: PlaceOptions, processes: number): string {
  const notes = [...placeNotes(where.config), ...server.notes];
  const mail = server.listeners.some(({ service }) => service !== 'dns');
  const lines = [
    `Posthorn serves ${mail ? `${server.domain} as ${server.hostname}` : 'DNS'}${processes === 1 ? '' : ` with ${processes} processes`}.`,
    '',
    listenerTable(server.listeners),
  ];
  lines.push('', ...notes.map((note) => `- ${note}`));
  if (server.firstAccount !== null) {
    lines.push(
      '',
      `First account: ${server.firstAccount.address}`,
      `Its password, shown only once: ${server.firstAccount.password}`,
    );
  }
  const command = ownCommand();
  const { config, data } = placeWords(where);
  const reload = `${command} reload${data}`;
  const next = mail
    ? [
        `${command} user add NAME@DOMAIN${config}${data} creates another account; ${command} log -f${data} shows what happens.`,
        `${settings(where.config, reload)} Ctrl-C stops.`,
      ]
    : [`${command} zone check${config} reads the zones as they are now; ${reload} applies them. Ctrl-C stops.`];
  return [...lines, '', `Next: ${next.join('\n')}`].join('\n');
}

/** What ss and top show instead of "MainThread". The command line that ps shows stays: process.title would replace it. */
function nameProcess(): void {
  try {
    writeFileSync('/proc/self/comm', 'posthorn');
  } catch {
    // Not Linux, or no /proc.
  }
}

export function addStartCommand(program: Command): void {
  withPlace(program.command('start').description('start the server'))
    .option(
      '--port-offset <n>',
      'add N to every port (default: 0 if ports below 1024 can be bound, otherwise 10000)',
      portOffset,
    )
    .option('--address <ip>', 'listen on this address instead of inet_interfaces', ipAddress)
    .option('--quiet', 'do not print the log', false)
    .option(
      '--processes <n>',
      'serve with N processes instead of front_processes; several need a MongoDB store',
      processCount,
    )
    .action(async (options: StartOptions) => {
      nameProcess();
      const where = place(options);
      const mode = watchdogMode();
      const { takeInstructions, startFront } = await import('../supervisor/in-front.ts');
      const instructions = takeInstructions();
      const given = {
        configDirectory: where.config,
        dataDirectory: where.data,
        printLog: !options.quiet && !where.json,
        // Where the log is printed, it says so too.
        ...(options.quiet || where.json ? { progress: (text: string) => console.error(text) } : {}),
        ...(options.portOffset === undefined ? {} : { portOffset: options.portOffset }),
        ...(options.address === undefined ? {} : { address: options.address }),
        ...(options.processes === undefined ? {} : { processes: options.processes }),
      };
      const root = process.geteuid?.() === 0;
      const watch = async (
        server: Pick<RunningServer, 'log' | 'plugins'>,
        ending: 'restart' | 'exit',
      ): Promise<void> => {
        const { log } = server;
        const gaveUpRoot = root && process.geteuid?.() !== 0;
        const options = { logFile: log.file, host: log.host, gaveUpRoot, dataDirectory: where.data };
        await startWatchdog(ending, options, () => server.plugins);
      };
      if (instructions !== null) {
        const server = await startFront(given, instructions);
        // Its supervisor starts another.
        if (server !== null && mode !== 'off') await watch(server, 'exit');
        return;
      }
      const { readFront } = await import('../app/front.ts');
      const front = readFront(where.config, options.processes);
      if (front.processes > 1) return supervise(given, front, where);
      const { startServer } = await import('../app/start-server.ts');
      const server = await startServer({ ...given, onStop: () => process.kill(process.pid, 'SIGTERM') });
      // Before anything is printed: whoever reads that the server is up may stop it.
      handleSignals({
        stop: () => endServer(server),
        reload: () => server.reload(),
        reportUncaught: (error) => server.reportUncaught(error),
      });
      print(server.started, where, 1);
      // Only now: long work during a start is not a stall.
      if (mode !== 'off') await watch(server, mode);
    });
}

/** Starts several processes instead of one. */
async function supervise(options: Omit<SupervisorOptions, 'onStop'>, front: Front, where: PlaceOptions): Promise<void> {
  const { Supervisor } = await import('../supervisor/supervisor.ts');
  const { supervisor, started } = await Supervisor.start(
    { ...options, onStop: () => process.kill(process.pid, 'SIGTERM') },
    front,
  );
  handleSignals({
    stop: () => void supervisor.stop().then((isClean) => leave(isClean ? 0 : 1)),
    reload: () => supervisor.reload(),
    reportUncaught: (error) => supervisor.reportUncaught(error),
  });
  print(started, where, supervisor.processes);
}

function print(started: Started, where: PlaceOptions, processes: number): void {
  const { domain, hostname, listeners, files, notes, firstAccount } = started;
  console.log(
    where.json
      ? JSON.stringify({ domain, hostname, processes, listeners, files, notes, firstAccount })
      : describe(started, where, processes),
  );
}

/** What signals do. */
interface Signalled {
  /** Ends the process. */
  stop(): void;
  reload(): Promise<unknown>;
  reportUncaught(error: unknown): void;
}

/** Requirement G6: an uncaught error of a plugin never ends the process; what was acknowledged is durable anyway. */
function handleSignals({ stop, reload, reportUncaught }: Signalled): void {
  let stopping = false;
  const end = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    console.error(`${signal}: finishing sessions and deliveries (at most ${GRACE_MS / 1000} s) …`);
    stop();
  };
  process.on('uncaughtException', reportUncaught);
  process.on('unhandledRejection', reportUncaught);
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  process.on('SIGHUP', () => {
    reload().catch((error: unknown) =>
      console.error(`reload refused, keeping the old configuration:\n${messageOf(error)}`),
    );
  });
}
