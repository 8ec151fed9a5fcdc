/**
 * A program in a process group of its own, started without a shell and with a given environment: killing it takes what
 * it started along.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

export interface ProgramStart {
  /** Not empty; the first is the path of the program. */
  readonly argv: readonly string[];
  readonly directory: string;
  /** Null: the user of this process. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly environment: Readonly<Record<string, string>>;
}

/** Throws or emits `error` where it cannot be started. */
export function startProgram({ argv, directory, user, environment }: ProgramStart): ChildProcessWithoutNullStreams {
  const [path = '', ...rest] = argv;
  return spawn(path, rest, {
    cwd: directory,
    env: { ...environment },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(user === null ? {} : user),
  });
}

/** Kills the program and what it started. Does nothing where all are gone. */
export function killProgram({ pid }: { readonly pid?: number | undefined }): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in the group.
  }
}
