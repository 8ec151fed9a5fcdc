/** `posthorn start`: starts the server and prints a table of its listeners and the next steps. */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { RunningServer } from '../app/running-server.ts';
import { shippedFolder } from '../config/folder.ts';
import { messageOf } from '../errors.ts';
import { expectStop, startWatchdog, watchdogMode } from '../watchdog/watchdog.ts';
import { listenerTable, shellWord } from './output.ts';
import { type PlaceOptions, place, placeWords, withPlace } from './place.ts';

/** How long a stop waits for sessions and deliveries, ms; the process ends within 10 s in any case. */
const GRACE_MS = 8_000;

interface StartOptions extends PlaceOptions {
  readonly portOffset?: number;
  readonly address?: string;
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
function describe(server: RunningServer, where: PlaceOptions): string {
  const notes = [...placeNotes(where.config), ...server.notes];
  const mail = server.listeners.some(({ service }) => service !== 'dns');
  const lines = [
    mail ? `Posthorn serves ${server.domain} as ${server.hostname}.` : 'Posthorn serves DNS.',
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

export function addStartCommand(program: Command): void {
  withPlace(program.command('start').description('start the server'))
    .option(
      '--port-offset <n>',
      'add N to every port (default: 0 if ports below 1024 can be bound, otherwise 10000)',
      portOffset,
    )
    .option('--address <ip>', 'listen on this address instead of inet_interfaces', ipAddress)
    .option('--quiet', 'do not print the log', false)
    .action(async (options: StartOptions) => {
      const where = place(options);
      const mode = watchdogMode();
      const root = process.geteuid?.() === 0;
      const { startServer } = await import('../app/start-server.ts');
      const server = await startServer({
        configDirectory: where.config,
        dataDirectory: where.data,
        printLog: !options.quiet && !where.json,
        // Where the log is printed, it says so too.
        ...(options.quiet || where.json ? { progress: (text: string) => console.error(text) } : {}),
        onStop: () => process.kill(process.pid, 'SIGTERM'),
        ...(options.portOffset === undefined ? {} : { portOffset: options.portOffset }),
        ...(options.address === undefined ? {} : { address: options.address }),
      });
      // Before anything is printed: whoever reads that the server is up may stop it.
      handleSignals(server);
      console.log(
        where.json
          ? JSON.stringify({
              domain: server.domain,
              hostname: server.hostname,
              listeners: server.listeners,
              files: server.files,
              notes: server.notes,
              firstAccount: server.firstAccount,
            })
          : describe(server, where),
      );
      // Only now: long work during a start is not a stall.
      if (mode !== 'off')
        await startWatchdog(mode, {
          logFile: server.log.file,
          host: server.log.host,
          gaveUpRoot: root && process.geteuid?.() !== 0,
        });
    });
}

/** Requirement G6: an uncaught error of a plugin never ends the process; what was acknowledged is durable anyway. */
function handleSignals(server: RunningServer): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    expectStop();
    console.error(`${signal}: finishing sessions and deliveries (at most ${GRACE_MS / 1000} s) …`);
    // Nothing that hangs may keep the process alive: what was acknowledged is durable already.
    setTimeout(() => leave(1), GRACE_MS + 1_500).unref();
    server.close(GRACE_MS).then(
      () => leave(0),
      (error: unknown) => {
        console.error(error);
        leave(1);
      },
    );
  };
  process.on('uncaughtException', (error) => server.reportUncaught(error));
  process.on('unhandledRejection', (error) => server.reportUncaught(error));
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', () => {
    server
      .reload()
      .catch((error: unknown) => console.error(`reload refused, keeping the old configuration:\n${messageOf(error)}`));
  });
}

/**
 * Ends the process. Everything was closed in order by now, or will not be. Skips exit handlers of libraries (pino's
 * would try for ever to write its last lines to a full disk).
 */
function leave(code: number): void {
  process.removeAllListeners('exit');
  process.exit(code);
}
