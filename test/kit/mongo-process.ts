/** A MongoDB server as a process of ours on 127.0.0.1, with its data in a temporary folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { removeFolder, temporaryFolder } from './folder.ts';
import { openLoopback } from './loopback.ts';

/** A program that serves MongoDB's protocol. */
export interface MongoProgram {
  /** For example `mongod 8.0.4`. */
  readonly name: string;
  /** The command that keeps its data in the folder. */
  command(folder: string, port: number): readonly [string, ...string[]];
  /** What it prints when it accepts connections. */
  readonly ready: RegExp;
  uri(port: number): string;
  /** Once, after the first start. */
  initiate(port: number): Promise<void>;
}

export interface MongoProcess {
  readonly name: string;
  readonly uri: string;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Starts it again after `kill` or `stop`: the same port, the same data. */
  restart(): Promise<void>;
  /** Ends it, and removes its data. */
  remove(): Promise<void>;
}

export async function startProcess(program: MongoProgram): Promise<MongoProcess> {
  const folder = temporaryFolder('mongo');
  const port = await freePort();
  let child: ChildProcess | null = null;
  const endWithUs = (): void => {
    child?.kill('SIGKILL');
  };
  const start = async (): Promise<void> => {
    child = await launch(program, folder, port);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = null;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, 'exit');
    ending.kill(signal);
    await exited;
  };
  const remove = async (): Promise<void> => {
    await end('SIGKILL');
    process.off('exit', endWithUs);
    removeFolder(folder);
  };
  process.on('exit', endWithUs);
  try {
    await start();
    await program.initiate(port);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    name: program.name,
    uri: program.uri(port),
    get pid() {
      return child?.pid;
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    restart: start,
    remove,
  };
}

/** Resolves when it is ready; its standard input is open for as long as this process lives. */
async function launch({ name, command, ready }: MongoProgram, folder: string, port: number): Promise<ChildProcess> {
  const [file, ...args] = command(folder, port);
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  await new Promise<void>((resolve, reject) => {
    const read = (text: string): void => {
      out += text;
      if (!ready.test(out)) return;
      child.stdout.off('data', read).resume();
      resolve();
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.once('error', (error) => reject(new Error(`${name} does not start: ${error.message}`, { cause: error })));
    child.once('exit', (code, signal) =>
      reject(new Error(`${name} ended (${code ?? signal}) before it was ready:\n${out.slice(-4000)}`)),
    );
  });
  return child;
}

async function freePort(): Promise<number> {
  const server = await openLoopback(() => {});
  await server.close();
  return server.port;
}
