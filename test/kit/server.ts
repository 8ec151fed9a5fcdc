/** A real server in its own process, for end-to-end tests and for measurements: new folders, free ports on loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { removeFolder, temporaryFolder } from './folder.ts';
import { BINARY } from './launch.ts';
import { isApart } from './ports.ts';

export interface TestServerOptions {
  /** File name, optionally with a folder, to text: written to the configuration folder. */
  readonly files: Readonly<Record<string, string>>;
  readonly portOffset: number;
  /** More options of `posthorn start`. */
  readonly startOptions?: readonly string[];
  /** Address to password. */
  readonly accounts?: Readonly<Record<string, string>>;
  /** Folders of an earlier server to reuse. */
  readonly folders?: Folders;
}

export interface Folders {
  readonly root: string;
  readonly config: string;
  readonly data: string;
}

export interface TestServer {
  readonly pid: number;
  /** What `start --json` printed. */
  readonly report: Readonly<Record<string, unknown>>;
  readonly folders: Folders;
  port(wellKnown: number): number;
  /** Runs another command of the binary with the same folders; returns its standard output. */
  command(args: readonly string[], input?: string | Buffer): Promise<string>;
  /** Resolves with the exit code when the process has ended. */
  readonly exited: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
  /** Stops it and removes its folders unless they are kept. */
  stop(options?: { readonly keep?: boolean }): Promise<void>;
}

export function makeFolders(files: Readonly<Record<string, string>>): Folders {
  const root = temporaryFolder('test');
  const folders = { root, config: join(root, 'config'), data: join(root, 'data') };
  mkdirSync(folders.config);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folders.config, name)), { recursive: true });
    writeFileSync(join(folders.config, name), text);
  }
  return folders;
}

/** Runs the binary to its end. Rejects with its standard error if the exit code is not 0. */
export function runCommand(args: readonly string[], input: string | Buffer = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BINARY, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`posthorn ${args.join(' ')}: exit code ${code}\n${err}${out}`)),
    );
    child.stdin.end(input);
  });
}

/** Starts a server and waits until its ports are open. */
export async function startServer(options: TestServerOptions): Promise<TestServer> {
  const folders = options.folders ?? makeFolders(options.files);
  const where = ['--config', folders.config, '--data', folders.data];
  for (const [address, password] of Object.entries(options.accounts ?? {}))
    await runCommand(['user', 'add', address, '--password-stdin', ...where], `${password}\n`);
  const child = spawn(
    process.execPath,
    [
      BINARY,
      ...['start', ...where, '--port-offset', String(options.portOffset), '--quiet', '--json'],
      ...(options.startOptions ?? []),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  let report: TestServer['report'];
  try {
    report = await opened(child);
    for (const { port } of (report['listeners'] ?? []) as readonly { port: number }[])
      if (options.portOffset > 0 && !isApart(port - options.portOffset))
        throw new Error(
          `port ${port - options.portOffset}: another server's port at another offset: choose a different one`,
        );
  } catch (error) {
    child.kill();
    if (options.folders === undefined) removeFolder(folders.root);
    throw error;
  }
  return {
    pid: child.pid ?? 0,
    report,
    folders,
    port: (wellKnown) => wellKnown + options.portOffset,
    command: (args, input) => runCommand([...args, ...where], input),
    exited,
    signal: (signal) => void child.kill(signal),
    stop: async ({ keep = false } = {}) => {
      child.kill('SIGTERM');
      await exited;
      if (!keep) removeFolder(folders.root);
    },
  };
}

/** The first line of standard output is JSON that describes the listeners. */
function opened(child: ChildProcess): Promise<TestServer['report']> {
  return new Promise((resolve, reject) => {
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4000);
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`the server ended with code ${code}: ${errors}`)));
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).once('line', (line) =>
        resolve(JSON.parse(line) as TestServer['report']),
      );
  });
}
