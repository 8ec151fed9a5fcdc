/** Runs a program from Debian, never another one of the same name, without a shell and with a deadline. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { isForPrograms } from '../kit/ports.ts';

export interface Ran {
  /** null if the deadline killed it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** To its end (60 s); of a daemon, until it is ready (20 s). */
  readonly timeoutMs?: number;
  /** The encoding of the output (utf8). */
  readonly encoding?: 'utf8' | 'latin1';
}

/** No settings of the person who runs the tests affect the program. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC', HOME: '/nonexistent' };

/** Runs it to its end, whatever the exit code. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...ENVIRONMENT, ...options.env },
      timeout: options.timeoutMs ?? 60_000,
      killSignal: 'SIGKILL',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const encoding = options.encoding ?? 'utf8';
    let out = '';
    let err = '';
    child.stdout.setEncoding(encoding).on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
    // A program that ends without reading its input is not an error of the test.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** Runs it and returns its standard output; rejects with all its output if the exit code is not 0. */
export async function ran(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, out, err } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code}\n${err}${out}`);
  return out;
}

export interface Daemon {
  /** All output on both streams so far. */
  said(): string;
  /** Sends SIGTERM, then SIGKILL after five seconds; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts a program that stays in the foreground, and waits until `ready` returns true. */
export async function startDaemon(
  program: string,
  args: readonly string[],
  ready: () => Promise<boolean>,
  options: RunOptions = {},
): Promise<Daemon> {
  const child: ChildProcess = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...ENVIRONMENT, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let said = '';
  const hear = (text: string): void => {
    said = (said + text).slice(-200_000);
  };
  child.stdout?.setEncoding('utf8').on('data', hear);
  child.stderr?.setEncoding('utf8').on('data', hear);
  let failure: Error | null = null;
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      failure = error;
      resolve();
    });
    child.once('exit', (code) => {
      failure = new Error(`${program} ended with code ${code}:\n${said}`);
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(hard);
  };
  try {
    await until(
      `${program} to be ready`,
      async () => {
        if (failure !== null) throw failure;
        return ready();
      },
      options.timeoutMs,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { said: () => said, stop };
}

/** Whether somebody listens on a port of 127.0.0.1. */
export const isOpen = (port: number) => (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

/** Polls until the condition is true: often at first. */
export async function until(what: string, question: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (let wait = 5; !(await question()); wait = Math.min(2 * wait, 50)) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Each worker of vitest has its own ports: what one has been given and has not opened yet, no other gets. */
const LOWEST = 20_000;
const PER_WORKER = 1_500;
const WORKERS = 8;
const FIRST = LOWEST + (Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS) * PER_WORKER;
let next = randomInt(PER_WORKER);

/**
 * A port below those that the system gives to clients, currently free on 127.0.0.1 for TCP and UDP, which `freeOffset`
 * gives to no server.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + next;
    next = (next + 1) % PER_WORKER;
    if (!isForPrograms(port)) continue;
    const server = createServer();
    const datagrams = createSocket('udp4');
    const free = await new Promise<boolean>((resolve) => {
      const taken = (): void => resolve(false);
      server
        .once('error', taken)
        .listen(port, '127.0.0.1', () => datagrams.once('error', taken).bind(port, '127.0.0.1', () => resolve(true)));
    });
    server.close();
    datagrams.close();
    if (free) return port;
  }
}
