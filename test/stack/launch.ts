/**
 * The binary as a person runs it: what it prints, how it ends. `server.ts` starts a server that is
 * known to come up; here every start may also fail.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

export const BINARY = fileURLToPath(new URL('../../bin/posthorn.js', import.meta.url));

export interface Launched {
  readonly child: ChildProcess;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves when standard output and error together match; rejects when the process ends before. */
  shows(pattern: RegExp): Promise<void>;
  /** Exit code, or null where a signal ended it. */
  readonly exited: Promise<number | null>;
}

export function launch(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Launched {
  const child = spawn(process.execPath, [BINARY, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  let out = '';
  let err = '';
  let look = (): void => {};
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    look();
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => out,
    stderr: () => err,
    exited,
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        look = () => {
          if (pattern.test(`${out}\n${err}`)) resolve();
        };
        look();
        void exited.then((code) => reject(new Error(`ended with code ${code} before it showed ${pattern}:\n${out}\n${err}`)));
      }),
  };
}

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end, whatever its end is. */
export async function finish(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Finished> {
  const launched = launch(args, environment);
  const code = await launched.exited;
  return { code, out: launched.stdout(), err: launched.stderr() };
}

/** No two well-known ports are 200 apart, nor 800. */
export const SHIFT_APART = 200;
const WELL_KNOWN = [25, 53, 110, 143, 443, 465, 587, 993, 995];

/**
 * A port offset at which all ports of a house are free on 127.0.0.1; below the system's ephemeral ports. With the shift
 * SHIFT_APART no port is one of those that calls without it find: for servers that stay long, beside files that start several.
 */
export async function freeOffset(shift = 0): Promise<number> {
  for (;;) {
    const offset = 10_000 + Math.floor(Math.random() * 20) * 1_000 + Math.floor(Math.random() * 4) + shift;
    const free = await Promise.all(WELL_KNOWN.map((port) => isFree(port + offset)));
    if (free.every(Boolean)) return offset;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port }, () => probe.close(() => resolve(true)));
  });
}
