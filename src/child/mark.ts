/**
 * What a child does now, in a file that both processes have open: it can be read when the child has ended in any way, and
 * while it loops. Writing it costs about a microsecond.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Octets: a length, then that many. */
const LENGTH = 256;

/** For the parent. The file has no name, and is gone when nobody has it open. */
export function openMark(): number {
  const path = join(tmpdir(), `posthorn-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return file;
}

/** '' at the beginning. */
export function readMark(file: number): string {
  const octets = Buffer.alloc(LENGTH);
  readSync(file, octets, 0, LENGTH, 0);
  return octets.toString('utf8', 1, 1 + (octets[0] ?? 0));
}

export const closeMark = (file: number): void => closeSync(file);

export class MarkWriter {
  readonly #file: number;
  readonly #octets = Buffer.alloc(LENGTH);

  constructor(file: number) {
    this.#file = file;
  }

  /** Cut where it is too long. */
  write(text: string): void {
    const length = this.#octets.write(text, 1);
    this.#octets[0] = length;
    writeSync(this.#file, this.#octets, 0, 1 + length, 0);
  }
}
