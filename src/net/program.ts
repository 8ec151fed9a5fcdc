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
  /** Permissions that files it makes do not get; that of this process if absent. */
  readonly umask?: number;
}

/** Throws or emits `error` where it cannot be started. */
export function startProgram(start: ProgramStart): ChildProcessWithoutNullStreams {
  const { argv, directory, user, environment, umask } = start;
  const [path = '', ...rest] = argv;
  // The child takes it over when it is forked, which is done when spawn returns.
  const before = umask === undefined ? null : process.umask(umask);
  try {
    return spawn(path, rest, {
      cwd: directory,
      env: { ...environment },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(user === null ? {} : user),
    });
  } finally {
    if (before !== null) process.umask(before);
  }
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
