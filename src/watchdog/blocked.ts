/**
 * A file of the data folder that says, while the main thread is blocked, what it runs: then nobody else can answer
 * `posthorn status`. The watchdog's thread writes it, and removes it when the main thread goes on.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Blocked {
  readonly pid: number;
  /** Milliseconds since 1970 UTC. */
  readonly since: number;
  /** `plugin greylist, hook mail`; null if it is not a plugin, or not known. */
  readonly running: string | null;
}

const fileIn = (dataDirectory: string): string => join(dataDirectory, 'blocked.json');

/** What cannot be written is not told: the disk may be full. */
export function writeBlocked(dataDirectory: string, blocked: Blocked): void {
  try {
    writeFileSync(fileIn(dataDirectory), JSON.stringify(blocked), { mode: 0o600 });
  } catch {
    // The log has it soon.
  }
}

export function clearBlocked(dataDirectory: string): void {
  try {
    rmSync(fileIn(dataDirectory), { force: true });
  } catch {
    // A folder that cannot be written to.
  }
}

/** Null if no process says so. */
export function readBlocked(dataDirectory: string): Blocked | null {
  try {
    const blocked = JSON.parse(readFileSync(fileIn(dataDirectory), 'utf8')) as Blocked;
    process.kill(blocked.pid, 0);
    return blocked;
  } catch {
    return null;
  }
}
