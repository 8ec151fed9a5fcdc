/** A POP3 client that sends raw commands. */
import { TestClient } from './line-client.ts';

export class Pop3Client extends TestClient {
  async ask(command: string): Promise<string> {
    this.send(`${command}\r\n`);
    return this.line();
  }

  /** The status line, and the following lines as they came, with dots; without the final line. */
  async multi(command: string): Promise<{ readonly status: string; readonly body: string }> {
    const status = await this.ask(command);
    if (!status.startsWith('+OK')) return { status, body: '' };
    let body = '';
    for (let line = await this.line(); line !== '.'; line = await this.line()) body += `${line}\r\n`;
    return { status, body };
  }
}
