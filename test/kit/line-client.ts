/**
 * A client that says what it is told, octet for octet, and reads what comes: those of the protocols are built from it.
 * (The lab's `LineClient` is for whole dialogs that go well; this one may also break the rules.)
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export class TestClient {
  #socket: Socket;
  readonly #encoding: 'latin1' | 'utf8';
  #received = '';
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket, encoding: 'latin1' | 'utf8' = 'latin1') {
    this.#encoding = encoding;
    this.#socket = socket;
    this.#listen();
  }

  #listen(): void {
    const ended = (): void => {
      this.#ended = true;
      this.#wake();
    };
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString(this.#encoding);
      this.#wake();
    });
    this.#socket.on('end', ended).on('close', ended).on('error', ended);
  }

  get socket(): Socket {
    return this.#socket;
  }

  send(data: string | Buffer): void {
    this.#socket.write(data, this.#encoding);
  }

  /** Everything up to and with the first text that fits; null where the connection ended before. */
  async take(pattern: RegExp): Promise<string | null> {
    for (;;) {
      const match = pattern.exec(this.#received);
      if (match !== null) {
        const end = match.index + match[0].length;
        const text = this.#received.slice(0, end);
        this.#received = this.#received.slice(end);
        return text;
      }
      if (this.#ended) return null;
      await this.#more();
    }
  }

  /** The same; rejects where the connection ended before. */
  async until(pattern: RegExp): Promise<string> {
    const text = await this.take(pattern);
    if (text === null) throw new Error(`connection ended; got: ${JSON.stringify(this.#received.slice(0, 500))}`);
    return text;
  }

  /** One line without its end. */
  async line(): Promise<string> {
    return (await this.until(/\r\n/)).slice(0, -2);
  }

  /** Everything until the server closes. */
  async rest(): Promise<string> {
    while (!this.#ended) await this.#more();
    return this.#received;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Goes on under TLS; what came before and was not read is forgotten. */
  async secure(): Promise<void> {
    this.#socket.removeAllListeners();
    this.#received = '';
    const socket = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    this.#socket = socket;
    this.#listen();
  }

  /** Ends our side alone. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
