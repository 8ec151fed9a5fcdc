/** Runs the binary: its output and its exit code. Every start here may fail; `server.ts` starts one that must not. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const BINARY = fileURLToPath(new URL('../../bin/posthorn.js', import.meta.url));

export interface Launched {
  readonly child: ChildProcess;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves when the combined standard output and error match; rejects if the process ends first. */
  shows(pattern: RegExp): Promise<void>;
  /** Exit code, or null if a signal ended it. */
  readonly exited: Promise<number | null>;
}

export function launch(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Launched {
  const child = spawn(process.execPath, [BINARY, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
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
        void exited.then((code) =>
          reject(new Error(`ended with code ${code} before it showed ${pattern}:\n${out}\n${err}`)),
        );
      }),
  };
}

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command to its end, whatever its exit code. */
export async function finish(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const launched = launch(args, environment);
  const code = await launched.exited;
  return { code, out: launched.stdout(), err: launched.stderr() };
}
