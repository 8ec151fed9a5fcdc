/** A bare client connection for load: only counts octets and checks the end of the input. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Target {
  readonly port: number;
  readonly tls: boolean;
}

/** Whether the answer is complete, by its last octets. Throws if it is a refusal. */
type Whole = (end: string) => boolean;

/** The last line of an answer is searched for in this many octets. */
const END = 1024;
/** Timeout for an answer, in ms. */
const PATIENCE = 60_000;
/** So that the first line of an answer also follows a line end. */
const NOTHING = Buffer.from('\r\n');

export class Wire {
  #socket: Socket;
  #end: Buffer = NOTHING;
  #waiting: { readonly whole: Whole; resolve(): void; reject(error: Error): void } | null = null;
  #reader: ((chunk: Buffer) => void) | null = null;
  /** Received so far. */
  octets = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  static async open({ port, tls }: Target): Promise<Wire> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const wire = new Wire(socket);
    return tls ? wire.startTls() : wire;
  }

  /** Continues under TLS; accepts any certificate. */
  async startTls(): Promise<this> {
    const plain = this.#socket.removeAllListeners();
    const socket = connectTls({ socket: plain, rejectUnauthorized: false });
    this.#socket = socket;
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    this.#listen(socket);
    return this;
  }

  write(data: string | Buffer): void {
    if (typeof data === 'string') this.#socket.write(data, 'latin1');
    else this.#socket.write(data);
  }

  /** Resolves when an answer is complete; input from before the call counts too. */
  until(whole: Whole): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { whole, resolve, reject };
      this.#look();
    });
  }

  /** Receives every chunk, as long as it is set. */
  read(reader: ((chunk: Buffer) => void) | null): void {
    this.#reader = reader;
  }

  close(): void {
    this.#waiting = null;
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error(`no answer for ${PATIENCE / 1000} s`)));
    socket.on('data', (chunk: Buffer) => {
      this.octets += chunk.length;
      this.#reader?.(chunk);
      this.#end = chunk.length >= END ? chunk.subarray(-END) : Buffer.concat([this.#end, chunk]).subarray(-END);
      this.#look();
    });
    const fail = (error: Error): void => {
      this.#waiting?.reject(error);
      this.#waiting = null;
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new Error(`closed by the server: ${this.#end.toString('latin1')}`)));
  }

  #look(): void {
    const waiting = this.#waiting;
    // Every answer ends with a line end.
    if (waiting === null || this.#end.at(-1) !== 10) return;
    try {
      if (!waiting.whole(this.#end.toString('latin1'))) return;
      this.#waiting = null;
      this.#end = NOTHING;
      waiting.resolve();
    } catch (error) {
      this.#waiting = null;
      waiting.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
