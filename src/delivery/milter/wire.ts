/** The connection to a milter: packets out and in, every wait limited. */
import { connect, type Socket } from 'node:net';
import { type Packet, PacketReader } from '../../protocol/milter/packet.ts';
import type { MilterEndpoint } from '../../protocol/milter/specification.ts';

/** What a milter may take to read our last octets, ms. */
const FAREWELL = 5000;
/** A milter that sends more before it was asked has to wait. */
const MUCH = 4 * 1024 * 1024;

export class MilterWireError extends Error {
  override readonly name = 'MilterWireError';
}

export class MilterWire {
  readonly #socket: Socket;
  readonly #packets = new PacketReader();
  #fault: Error | null = null;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (octets) => {
      this.#packets.push(octets);
      if (this.#packets.size > MUCH) socket.pause();
      this.#wake();
    });
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new MilterWireError('Application error')));
  }

  static async open(endpoint: MilterEndpoint, timeoutMs: number): Promise<MilterWire> {
    const socket = connect({ ...endpoint, noDelay: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new MilterWireError('Connection timed out')), timeoutMs);
    socket.once('connect', resolve);
    socket.once('error', (error: NodeJS.ErrnoException) =>
      reject(new MilterWireError(WORDS[error.code ?? ''] ?? error.message)),
    );
    try {
      await promise;
      return new MilterWire(socket);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Something came that nobody asked for. */
  get hasInput(): boolean {
    return this.#packets.size > 0;
  }

  /** Resolves when more may be sent. Rejects with MilterWireError. */
  async send(octets: Buffer, timeoutMs: number): Promise<void> {
    if (this.#fault !== null || this.#socket.write(octets)) return;
    await this.#wait(timeoutMs, (resolve) => this.#socket.once('drain', resolve));
  }

  /** `timeoutMs`: for the whole packet. Rejects with MilterWireError, and with MilterPacketError for one that cannot be. */
  async read(timeoutMs: number): Promise<Packet> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const packet = this.#packets.next();
      if (packet !== undefined) {
        if (this.#socket.isPaused()) this.#socket.resume();
        return packet;
      }
      if (this.#socket.isPaused()) this.#socket.resume();
      if (this.#fault !== null) throw this.#fault;
      // Not longer with each octet: one a second would hold a client for days.
      await this.#wait(Math.max(1, until - performance.now()), (resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends the last octets, if the milter takes them, and closes. */
  close(last?: Buffer): void {
    this.#socket.removeAllListeners('data').pause();
    // What waits for a milter that reads no more would wait as long as that milter runs.
    if (last === undefined || this.#socket.writableNeedDrain) this.#socket.destroy();
    else this.#socket.setTimeout(FAREWELL, () => this.#socket.destroy()).end(last, () => this.#socket.destroy());
  }

  async #wait(timeoutMs: number, begin: (resolve: () => void) => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new MilterWireError('Connection timed out')), timeoutMs);
    begin(resolve);
    this.#wake = resolve;
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #end(error: Error): void {
    this.#fault ??= error;
    this.#wake();
  }
}

/** As the C library words them. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
};
