/**
 * The two folders of the way in for local users. Everyone may make a file in `maildrop` (mode 1733), but not see or
 * touch those of others. A file is complete when others may read it. The server moves it into `pickup`, which is its
 * own, under the queue ID that the message gets: so after a crash it is accepted again under the same ID, which has no
 * further effect.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatSubmission, type Submission } from './submission.ts';

export interface DropFolders {
  readonly maildrop: string;
  readonly pickup: string;
}

/** Others may read it: the file is complete. */
export const COMPLETE = 0o004;

export const dropFolders = (dataDirectory: string): DropFolders => ({
  maildrop: join(dataDirectory, 'maildrop'),
  pickup: join(dataDirectory, 'pickup'),
});

export function makeDropFolders({ maildrop, pickup }: DropFolders): void {
  mkdirSync(maildrop, { recursive: true });
  // Not in mkdir: the umask would apply.
  chmodSync(maildrop, 0o1733);
  mkdirSync(pickup, { recursive: true, mode: 0o700 });
}

/** A submission being written. Nothing of it is seen before `finish`, and nothing is left after `discard`. */
export class DropFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Rejects with the error of open(2). */
  static async make({ maildrop }: DropFolders, submission: Submission): Promise<DropFile> {
    // Nobody else can guess the name, and the folder cannot be listed.
    const path = join(maildrop, randomBytes(16).toString('hex'));
    const file = new DropFile(path, await open(path, 'wx', 0o600));
    await file.write(Buffer.from(formatSubmission(submission)));
    return file;
  }

  async write(octets: Uint8Array): Promise<void> {
    await this.#handle.writeFile(octets);
  }

  /** Resolves when it is on disk. */
  async finish(): Promise<void> {
    await this.#handle.chmod(0o644);
    await this.#handle.sync();
    await this.#handle.close();
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.#path, { force: true });
  }
}
