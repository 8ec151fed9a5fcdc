/** A client that speaks POP3 by hand. */
import { TestClient } from './line-client.ts';

export class Pop3Client extends TestClient {
  async ask(command: string): Promise<string> {
    this.send(`${command}\r\n`);
    return this.line();
  }

  /** The status line, and the lines after it as they came, dots and all; the end is left out. */
  async multi(command: string): Promise<{ readonly status: string; readonly body: string }> {
    const status = await this.ask(command);
    if (!status.startsWith('+OK')) return { status, body: '' };
    let body = '';
    for (let line = await this.line(); line !== '.'; line = await this.line()) body += `${line}\r\n`;
    return { status, body };
  }
}
