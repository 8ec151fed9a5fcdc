/** An SMTP client that sends raw lines, reads complete replies, and supports STARTTLS. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { TestClient } from './line-client.ts';

const REPLY = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/;

export class SmtpClient extends TestClient {
  static async open(port: number, localAddress?: string): Promise<SmtpClient> {
    const from = localAddress === undefined ? {} : { localAddress };
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true, ...from });
    await once(socket, 'connect');
    return new SmtpClient(socket, 'utf8');
  }

  /** The next complete reply without its last CRLF; lines joined by `\n`; '' if the server has closed. */
  async reply(): Promise<string> {
    const text = await this.take(REPLY);
    return text === null ? this.rest() : text.slice(0, -2).replaceAll('\r\n', '\n');
  }

  /** Sends a line and reads its reply. */
  async say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** Sends lines, each of which must be answered with a 2xx or 3xx. */
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

  /** Closes the connection at once. */
  hangUp(): void {
    this.socket.end();
    this.socket.destroySoon();
  }
}
