/**
 * Secrets of a plugin in a file that only its owner reads: one in a line. The first one signs, the others are old ones
 * that are still accepted. It is made at the first use, with one random secret.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

const LONGEST = 16 * 1024;
const MOST = 100;
/** Octets; in base64 no line is longer than what others read as a secret. */
const NEW_SECRET = 36;

export class SecretFile {
  readonly #path: string;
  #known: readonly string[] = [];

  /** Throws if the file is there and cannot be used. */
  constructor(path: string) {
    this.#path = path;
    this.accepted();
  }

  /** Those that are accepted; none while there is no file. */
  accepted(): readonly string[] {
    if (this.#known.length === 0) this.#known = this.#read() ?? [];
    return this.#known;
  }

  /** The one that signs. Makes the file if there is none; throws if it cannot. */
  signing(): string {
    const [first] = this.accepted();
    if (first !== undefined) return first;
    this.#make();
    return this.signing();
  }

  #read(): readonly string[] | null {
    let file: number;
    try {
      file = openSync(this.#path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      const { mode, size } = fstatSync(file);
      if ((mode & 0o077) !== 0)
        throw new Error(`${this.#path} can be read or written by others than its owner: chmod 600 ${this.#path}`);
      const secrets =
        size > LONGEST
          ? []
          : readFileSync(file, 'utf8')
              .split('\n')
              .map((line) => line.trim());
      const given = secrets.filter((line) => line !== '');
      if (given.length === 0 || given.length > MOST)
        throw new Error(
          `${this.#path}: expected 1 to ${MOST} secrets, one in a line; remove the file to get a new one`,
        );
      return given;
    } finally {
      closeSync(file);
    }
  }

  #make(): void {
    try {
      const file = openSync(this.#path, 'wx', 0o600);
      try {
        fchmodSync(file, 0o600);
        writeSync(file, `${randomBytes(NEW_SECRET).toString('base64')}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      // Another process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
