/** A client for tests: says lines, reads whole replies, knows STARTTLS. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export class Client {
  #socket: Socket;
  #received = '';
  #closed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  static async open(port: number): Promise<Client> {
    const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    await once(socket, 'connect');
    return new Client(socket);
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk) => {
      this.#received += chunk.toString();
      this.#wake();
    });
    const ended = (): void => {
      this.#closed = true;
      this.#wake();
    };
    socket.on('end', ended);
    socket.on('close', ended);
    socket.on('error', () => {});
  }

  /** The next whole reply without its last CRLF; lines joined by `\n`; '' where the server has closed. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(this.#received);
      if (match !== null) {
        this.#received = this.#received.slice(match[0].length);
        return match[0].slice(0, -2).replaceAll('\r\n', '\n');
      }
      if (this.#closed) return this.#received;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  send(data: string | Buffer): void {
    this.#socket.write(data);
  }

  /** Ends, and waits for nothing. */
  hangUp(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  /** Says a line and reads its reply. */
  async say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** Says lines, each of which must be answered with a 2xx or 3xx. */
  async run(...lines: readonly string[]): Promise<string[]> {
    const replies: string[] = [];
    for (const line of lines) {
      const answer = await this.say(line);
      if (!/^[23]/.test(answer)) throw new Error(`${line} was answered with ${answer}`);
      replies.push(answer);
    }
    return replies;
  }

  async startTls(injected = ''): Promise<void> {
    this.send(`STARTTLS\r\n${injected}`);
    const answer = await this.reply();
    if (!answer.startsWith('220')) throw new Error(answer);
    await this.secure();
  }

  async secure(): Promise<void> {
    this.#socket.removeAllListeners();
    this.#received = '';
    const socket = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Ends our side alone. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
