/** The connection to a milter: packets out and in, every wait limited. */
import { connect, type Socket } from 'node:net';
import { type Packet, PacketReader } from '../../protocol/milter/packet.ts';
import type { MilterEndpoint } from '../../protocol/milter/specification.ts';

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

  /** Rejects with MilterWireError, and with MilterPacketError for a packet that cannot be. */
  async read(timeoutMs: number): Promise<Packet> {
    for (;;) {
      const packet = this.#packets.next();
      if (packet !== undefined) {
        if (this.#socket.isPaused()) this.#socket.resume();
        return packet;
      }
      if (this.#socket.isPaused()) this.#socket.resume();
      if (this.#fault !== null) throw this.#fault;
      await this.#wait(timeoutMs, (resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends the last octets and closes. */
  close(last?: Buffer): void {
    if (last !== undefined) this.#socket.write(last);
    this.#socket.destroySoon();
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
