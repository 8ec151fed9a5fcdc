/**
 * Runs a command to its end: its input is written while it reads, its output kept up to a limit. After the time limit,
 * and when the signal aborts, its process group is killed. Never rejects for what the command does.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { killProgram, type ProgramStart, startProgram } from '../../net/program.ts';

export type CommandEnd =
  | { readonly kind: 'exit'; readonly code: number; readonly output: string }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals; readonly output: string }
  | { readonly kind: 'timeout' | 'aborted' | 'no folder' }
  /** In the words of the system. */
  | { readonly kind: 'not started'; readonly because: string };

export interface CommandRun extends ProgramStart {
  /** Read while the command takes it. An error of it is thrown. */
  readonly input: AsyncIterable<Buffer>;
  /** Milliseconds. */
  readonly timeLimit: number;
  readonly signal: AbortSignal;
}

/** Octets of output that are kept; the rest is read and forgotten. */
const MOST_OUTPUT = 4096;

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  ENOEXEC: 'Exec format error',
  EPERM: 'Operation not permitted',
};

/** Rejects only if the input does. */
export async function runCommand(run: CommandRun): Promise<CommandEnd> {
  if (run.signal.aborted) return { kind: 'aborted' };
  // Else it could not be told from a missing program.
  if (!existsSync(run.directory)) return { kind: 'no folder' };
  let child: ChildProcessWithoutNullStreams;
  try {
    child = startProgram(run);
  } catch (error) {
    return { kind: 'not started', because: wordsOf(error) };
  }
  let why: 'timeout' | 'aborted' | null = null;
  const kill = (because: 'timeout' | 'aborted'): void => {
    why ??= because;
    killProgram(child);
    // A process that left the group may hold the pipes open.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
  };
  const timer = setTimeout(() => kill('timeout'), run.timeLimit);
  const onAbort = (): void => kill('aborted');
  run.signal.addEventListener('abort', onAbort);
  const output = gather(child);
  const ended = endOf(child);
  try {
    await feed(child, run.input);
    const end = await ended;
    if (why !== null) return { kind: why };
    return typeof end === 'string'
      ? { kind: 'not started', because: end }
      : end.signal === null
        ? { kind: 'exit', code: end.code ?? 0, output: output() }
        : { kind: 'signal', signal: end.signal, output: output() };
  } catch (error) {
    kill('aborted');
    throw error;
  } finally {
    clearTimeout(timer);
    run.signal.removeEventListener('abort', onAbort);
    // What it left running in its group.
    killProgram(child);
  }
}

function gather(child: ChildProcessWithoutNullStreams): () => string {
  const pieces: Buffer[] = [];
  let size = 0;
  for (const stream of [child.stdout, child.stderr])
    stream
      .on('data', (piece: Buffer) => {
        if (size < MOST_OUTPUT) pieces.push(piece.subarray(0, MOST_OUTPUT - size));
        size += piece.length;
      })
      .on('error', () => {});
  return () => Buffer.concat(pieces).toString('utf8');
}

/** Why it was not started, or its code and signal. */
function endOf(
  child: ChildProcessWithoutNullStreams,
): Promise<string | { readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(wordsOf(error)));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

/** A command may end without having read everything. */
async function feed({ stdin }: ChildProcessWithoutNullStreams, input: AsyncIterable<Buffer>): Promise<void> {
  stdin.on('error', () => {});
  for await (const piece of input) {
    if (stdin.destroyed) return;
    if (!stdin.write(piece)) await drained(stdin);
  }
  stdin.end();
}

/** More may be written, or nobody reads. */
const drained = (stream: Writable): Promise<void> =>
  new Promise((resolve) => {
    const settle = (): void => {
      stream.off('drain', settle).off('close', settle);
      resolve();
    };
    stream.on('drain', settle).on('close', settle);
    if (stream.destroyed) settle();
  });

const wordsOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return WORDS[code] ?? (error instanceof Error ? error.message : String(error));
};
