/**
 * A client that sends exactly what a test gives it, and reads the responses: the clients of the protocols build on it.
 * (The `LineClient` of the lab is for complete, successful dialogs; this one may also break the rules.)
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

  /** Everything up to and including the first match; null if the connection ended first. */
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

  /** The same; rejects if the connection ended first. */
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

  /** Continues under TLS; input that was not read is discarded. */
  async secure(): Promise<void> {
    this.#socket.removeAllListeners();
    this.#received = '';
    const socket = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    this.#socket = socket;
    this.#listen();
  }

  /** Closes only our side. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
