/**
 * The connection of a client that does not exist: the session on it is a real one, and the client says the lines of a
 * script, each when it knows the reply to the one before.
 */
import type { End } from '../../net/ends.ts';
import type { Wire } from './wire.ts';

/** Yields a line, or the whole text after DATA; `code` is that of the last reply. */
export type Script = (code: () => number) => Iterator<string>;

export class HypotheticalWire implements Wire {
  readonly id = 'explain';
  readonly remote: End;
  readonly local: End;
  readonly tls = null;
  readonly hasInput = false;
  readonly endedWithLf = false;
  readonly isCrowded = false;
  isGone = false;
  readonly #script: Iterator<string>;
  #code = 0;

  constructor(ends: { readonly remote: End; readonly local: End }, script: Script) {
    this.remote = ends.remote;
    this.local = ends.local;
    this.#script = script(() => this.#code);
  }

  readLine(): Promise<Buffer | null> {
    return Promise.resolve(this.#next(''));
  }

  readChunk(): Promise<Buffer | null> {
    return Promise.resolve(this.#next('\r\n'));
  }

  write(reply: string | Uint8Array): void {
    this.#code = Number.parseInt(Buffer.from(reply).toString('latin1', 0, 3), 10);
  }

  #next(lineEnd: string): Buffer | null {
    if (this.isGone) return null;
    const { value, done } = this.#script.next();
    return done === true ? null : Buffer.from(value + lineEnd);
  }

  async close(): Promise<void> {
    this.isGone = true;
  }

  destroy(): void {
    this.isGone = true;
  }

  async startTls(): Promise<void> {}
  async drained(): Promise<void> {}
  channelBinding(): null {
    return null;
  }
  unread(): void {}
  peek(): Buffer {
    return Buffer.alloc(0);
  }
  flush(): void {}
  setIdleTimeout(): void {}
}
