/** An SMTP client for tests: line by line, or a whole transaction; from any address. */
import { LineClient } from '../lab/line-client.ts';
import { STRANGER } from './test-configuration.ts';

export interface Letter {
  /** '' is the null reverse-path. */
  readonly from: string;
  readonly to: string | readonly string[];
  /** Default: From, To and `Subject: test`. */
  readonly header?: Readonly<Record<string, string>>;
  readonly text?: string;
  /** Instead of header and text: the whole message, its lines ended by LF or CRLF. */
  readonly message?: string;
  /** The client's address; 192.0.2.0/24 is in mynetworks. Default: 203.0.113.9, a stranger. */
  readonly ip?: string;
  /** Default: client.example.org. */
  readonly helo?: string;
  /** The account to log in to first. */
  readonly user?: string;
  /** Default: that of every account of a test server. */
  readonly password?: string;
}

const HELO = 'client.example.org';

export class SmtpDialog {
  readonly greeting: string;
  readonly #client: LineClient;

  private constructor(client: LineClient, greeting: string) {
    this.#client = client;
    this.greeting = greeting;
  }

  static async connect({ port, ip = STRANGER }: { port: number; ip?: string | undefined }): Promise<SmtpDialog> {
    const client = await LineClient.connect({ host: '127.0.0.1', port });
    const family = ip.includes(':') ? 'TCP6' : 'TCP4';
    client.send(`PROXY ${family} ${ip} ${ip.includes(':') ? '::1' : '127.0.0.1'} 50000 25`);
    return new SmtpDialog(client, await client.smtp());
  }

  /** Sends one line and returns the reply, its lines joined by LF. */
  say(line: string): Promise<string> {
    return this.#client.smtp(line);
  }

  /** Sends a message after DATA was accepted; returns the reply. */
  async sendMessage(message: string): Promise<string> {
    const lines = message.replace(/\r?\n$/, '').split(/\r?\n/);
    this.#client.send(Buffer.from(lines.map((line) => line.replace(/^\./, '..')).join('\r\n')).toString('latin1'));
    return this.say('.');
  }

  /** From EHLO to the reply to the message, or to the first refusal. */
  async send(letter: Letter): Promise<string> {
    const to = typeof letter.to === 'string' ? [letter.to] : letter.to;
    const commands = [`EHLO ${letter.helo ?? HELO}`];
    if (letter.user !== undefined) {
      const plain = Buffer.from(`\0${letter.user}\0${letter.password ?? 'secret'}`).toString('base64');
      commands.push(`AUTH PLAIN ${plain}`);
    }
    commands.push(`MAIL FROM:<${letter.from}>`, ...to.map((address) => `RCPT TO:<${address}>`), 'DATA');
    if (!this.greeting.startsWith('2')) return this.greeting;
    for (const command of commands) {
      const reply = await this.say(command);
      if (/^[45]/.test(reply)) return reply;
    }
    return this.sendMessage(letter.message ?? messageOf(letter, to));
  }

  close(): void {
    this.#client.close();
  }
}

function messageOf({ from, header, text = 'Hello.' }: Letter, to: readonly string[]): string {
  const fields = {
    From: `<${from || `postmaster@${HELO}`}>`,
    To: to.map((one) => `<${one}>`).join(', '),
    Subject: 'test',
    ...header,
  };
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n\n${text}`;
}
