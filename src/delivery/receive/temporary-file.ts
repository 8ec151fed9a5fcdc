/**
 * A temporary file for a long message that plugins have to read. It is unlinked at once, so nothing is left behind
 * however the process ends. It is not the accepted copy: nothing depends on its being on disk.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const READ_SIZE = 64 * 1024;

export class TemporaryFile {
  readonly #handle: FileHandle;
  #size = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open(folder: string): Promise<TemporaryFile> {
    const path = join(folder, `posthorn-${randomUUID()}`);
    const handle = await open(path, 'wx+', 0o600);
    await unlink(path);
    return new TemporaryFile(handle);
  }

  async write(octets: Uint8Array): Promise<void> {
    const at = this.#size;
    this.#size += octets.length;
    let done = 0;
    while (done < octets.length)
      done += (await this.#handle.write(octets, done, octets.length - done, at + done)).bytesWritten;
  }

  async *read(): AsyncGenerator<Buffer> {
    for (let at = 0; at < this.#size; ) {
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(READ_SIZE), 0, READ_SIZE, at);
      if (bytesRead === 0) throw new Error('a temporary file ended early');
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => {});
  }
}
