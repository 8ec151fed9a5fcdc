/**
 * One session with another server: nodemailer's SMTP client with what a relay needs beside it:
 * a timeout for each command, DSN parameters for each recipient, SMTPUTF8, where the dialog
 * stood when it broke, and a bounded transcript.
 *
 * It uses three of the library's own members (`Inner`), which test/delivery/smtp-session.test.ts pins.
 */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { type Reply, reply } from '../mail/status.ts';
import { loadMailLibrary } from '../net/mail-library.ts';

const SMTPConnection = loadMailLibrary('nodemailer/lib/smtp-connection') as typeof import('nodemailer/lib/smtp-connection').default;

/** What the library keeps to itself. */
interface Inner {
  _sendCommand(command: string, logged?: string): void;
  readonly _supportedExtensions: readonly string[];
  readonly _supportedAuth: readonly string[];
  readonly _maxAllowedSize: number;
  readonly _envelope: { readonly rejectedErrors?: readonly { readonly recipient?: string; readonly response?: string }[] } | false;
}
const inner = (client: Client): Inner => client as unknown as Inner;
const libraryPrototype = SMTPConnection.prototype as unknown as Inner;

/** Milliseconds of silence allowed after a command, by its verb. */
export type CommandTimeouts = Readonly<Record<'EHLO' | 'STARTTLS' | 'MAIL' | 'RCPT' | 'DATA' | 'BODY' | 'RSET' | 'QUIT', number>>;

export interface SessionOptions {
  /** Connected already. */
  readonly socket: Socket;
  /** For the certificate and SNI. */
  readonly hostName: string;
  readonly heloName: string;
  readonly lmtp: boolean;
  /** `ignore`: clear text; `try`: STARTTLS where offered; `require`: fail without; `wrap`: TLS from the first octet. */
  readonly starttls: 'ignore' | 'try' | 'require' | 'wrap';
  readonly tls: ConnectionOptions;
  readonly timeouts: CommandTimeouts;
}

export interface OutgoingMessage {
  readonly reversePath: string;
  readonly recipients: readonly { readonly address: string; readonly parameters: string }[];
  /** ` RET=HDRS ENVID=…` where the peer takes DSN; '' otherwise. */
  readonly parameters: string;
  readonly size: number;
  readonly eightBit: boolean;
  readonly body: Readable;
}

/** How a session or a transaction failed. */
export class SessionFault extends Error {
  override readonly name = 'SessionFault';
  /** What the peer said; null where it said nothing (a lost connection, a timeout). */
  readonly reply: Reply | null;
  /** The command that was answered, or during which the connection was lost, in Postfix's words. */
  readonly stage: string;
  readonly kind: 'lost' | 'timeout' | 'tls' | 'refused' | 'too-large' | 'content';
  constructor(kind: SessionFault['kind'], stage: string, answer: Reply | null, message: string) {
    super(message);
    this.kind = kind;
    this.stage = stage;
    this.reply = answer;
  }
}

export interface SentMessage {
  /** The reply to the end of the data; null where no recipient was left for it. */
  readonly final: Reply | SessionFault;
  /** Recipients refused one by one, whatever became of the rest. */
  readonly refused: ReadonlyMap<string, Reply>;
}

const STAGES: Readonly<Record<string, { readonly timeout: keyof CommandTimeouts; readonly stage: string }>> = {
  EHLO: { timeout: 'EHLO', stage: 'EHLO' },
  HELO: { timeout: 'EHLO', stage: 'HELO' },
  LHLO: { timeout: 'EHLO', stage: 'LHLO' },
  STARTTLS: { timeout: 'STARTTLS', stage: 'STARTTLS' },
  AUTH: { timeout: 'EHLO', stage: 'AUTH' },
  MAIL: { timeout: 'MAIL', stage: 'MAIL FROM' },
  RCPT: { timeout: 'RCPT', stage: 'RCPT TO' },
  DATA: { timeout: 'DATA', stage: 'DATA' },
  RSET: { timeout: 'RSET', stage: 'RSET' },
  QUIT: { timeout: 'QUIT', stage: 'QUIT' },
};

const TRANSCRIPT_LINES = 200;
const TRANSCRIPT_LINE = 200;
const MAX_REPLY = 64 * 1024;

/** `550-5.1.1 one\n550 5.1.1 two` as one reply; codes other than 4xx and 5xx that are no success count as 4xx by whoever asks. */
export function parseReply(text: string): Reply {
  const lines = text.split(/\r?\n/);
  const code = Number.parseInt(lines[0] ?? '', 10);
  const enhanced = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/.exec(lines[0] ?? '')?.[1] ?? '';
  const words = lines.map((line) => line.replace(/^\d{3}[ -]?/, '').replace(/^[245]\.\d{1,3}\.\d{1,3}(?:\s|$)/, ''));
  return reply(Number.isInteger(code) ? code : 0, enhanced, words.join(' ').trim());
}

class Client extends SMTPConnection {
  /** What is being waited for, in Postfix's words. */
  dialog = 'receiving the initial server greeting';
  /** By address: what follows RCPT TO. */
  recipientParameters: ReadonlyMap<string, string> = new Map();
  mailParameters = '';
  readonly timeouts: CommandTimeouts;

  constructor(options: ConstructorParameters<typeof SMTPConnection>[0], timeouts: CommandTimeouts) {
    super(options);
    this.timeouts = timeouts;
  }

  /** Called by the library for every command line. */
  _sendCommand(command: string, logged?: string): void {
    const verb = /^[A-Z]+/i.exec(command)?.[0].toUpperCase() ?? '';
    const known = STAGES[verb];
    if (known !== undefined) {
      this.dialog = known.stage;
      if (this._socket) this._socket.setTimeout(this.timeouts[known.timeout]);
    }
    let line = command;
    if (verb === 'MAIL') line += this.mailParameters;
    else if (verb === 'RCPT') line += this.recipientParameters.get(command.slice('RCPT TO:<'.length, -1)) ?? '';
    libraryPrototype._sendCommand.call(this, line, logged);
  }
}

export class SmtpSession {
  readonly #client: Client;
  readonly #timeouts: CommandTimeouts;
  readonly #transcript: string[] = [];
  /** Transactions so far. */
  count = 0;
  #fault: Error | null = null;
  /** Answers the transaction that runs: the library forgets it when its connection is closed from this side. */
  #breakOff: (() => void) | null = null;

  private constructor(options: SessionOptions) {
    this.#timeouts = options.timeouts;
    const note = (entry: unknown, text: unknown, ...rest: unknown[]): void => this.#note(entry, text, rest);
    const quiet = (): void => {};
    this.#client = new Client(
      {
        connection: options.socket,
        host: options.hostName,
        name: options.heloName,
        lmtp: options.lmtp,
        secure: options.starttls === 'wrap',
        ignoreTLS: options.starttls === 'ignore',
        requireTLS: options.starttls === 'require',
        opportunisticTLS: options.starttls === 'try',
        connectionTimeout: options.timeouts.EHLO,
        greetingTimeout: options.timeouts.EHLO,
        socketTimeout: options.timeouts.EHLO,
        socketCloseTimeout: 2_000,
        maxResponseSize: MAX_REPLY,
        tls: options.tls,
        transactionLog: true,
        logger: { level: quiet, trace: quiet, debug: note, info: quiet, warn: quiet, error: quiet, fatal: quiet },
      },
      options.timeouts,
    );
    // Without a listener a late error would end the process.
    this.#client.on('error', (fault: Error) => {
      this.#fault = fault;
    });
  }

  /** Greeting, EHLO and STARTTLS. Rejects with SessionFault; then the socket is gone. */
  static async open(options: SessionOptions): Promise<SmtpSession> {
    const session = new SmtpSession(options);
    await new Promise<void>((resolve, reject) => {
      const fail = (fault: Error): void => {
        session.#client.removeListener('error', fail);
        session.destroy();
        reject(session.#translate(fault));
      };
      session.#client.once('error', fail);
      session.#client.connect((fault) => {
        if (fault) return fail(fault);
        session.#client.removeListener('error', fail);
        resolve();
      });
    });
    return session;
  }

  get secure(): boolean {
    return this.#client.secure;
  }

  get socket(): Socket | null {
    return this.#client._socket || null;
  }

  get usable(): boolean {
    return !this.#client.destroyed && this.#fault === null;
  }

  get transcript(): string {
    return this.#transcript.join('\n');
  }

  /** SIZE as announced; 0 is without limit. */
  get sizeLimit(): number {
    return inner(this.#client)._maxAllowedSize;
  }

  offers(extension: 'DSN' | 'SMTPUTF8' | '8BITMIME' | 'PIPELINING'): boolean {
    return inner(this.#client)._supportedExtensions.includes(extension);
  }

  get mechanisms(): readonly string[] {
    return inner(this.#client)._supportedAuth;
  }

  login(user: string, pass: string, method: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.login({ user, pass, method }, (fault) => (fault ? reject(this.#translate(fault)) : resolve()));
    });
  }

  /** One transaction. Never rejects: a fault is the answer for all who were not refused one by one. */
  send(message: OutgoingMessage): Promise<SentMessage> {
    this.count += 1;
    this.#client.mailParameters = message.parameters;
    this.#client.recipientParameters = new Map(message.recipients.map(({ address, parameters }) => [address, parameters]));
    const { body } = message;
    body.once('end', () => this.#bodySent());
    return new Promise((resolve) => {
      this.#breakOff = () => resolve({ final: new SessionFault('lost', this.#client.dialog, null, 'broken off'), refused: this.#refused() });
      const envelope = { from: message.reversePath, to: message.recipients.map(({ address }) => address), size: message.size, use8BitMime: message.eightBit };
      this.#client.send(envelope, body, (fault, info) => {
        this.#breakOff = null;
        const refused = this.#refused();
        resolve({ final: fault ? this.#translate(fault) : parseReply(info?.response ?? ''), refused });
      });
    });
  }

  /** Ends politely, but waits for nobody. */
  quit(): void {
    if (this.usable && this.socket?.writable === true) this.#client.quit();
    const timer = setTimeout(() => this.destroy(), 5_000);
    timer.unref();
    this.#client.once('end', () => clearTimeout(timer));
  }

  destroy(): void {
    this.#client.close();
    this.socket?.destroy();
    this.#breakOff?.();
    this.#breakOff = null;
  }

  #bodySent(): void {
    this.#client.dialog = 'end of data';
    this.socket?.setTimeout(this.#timeouts.BODY);
  }

  #refused(): Map<string, Reply> {
    const envelope = inner(this.#client)._envelope;
    const errors = envelope === false ? [] : (envelope.rejectedErrors ?? []);
    return new Map(
      errors.flatMap(({ recipient, response }) => (recipient === undefined || response === undefined ? [] : [[recipient, parseReply(response)] as const])),
    );
  }

  #note(entry: unknown, text: unknown, rest: readonly unknown[]): void {
    if (this.#transcript.length >= TRANSCRIPT_LINES || typeof text !== 'string') return;
    const side = typeof entry === 'object' && entry !== null && 'tnx' in entry ? entry.tnx : '';
    if (side !== 'client' && side !== 'server') return;
    const words = text === '%s' && typeof rest[0] === 'string' ? rest[0] : text;
    for (const line of words.split('\n')) this.#transcript.push(`${side === 'client' ? ' Out: ' : ' In:  '}${line.slice(0, TRANSCRIPT_LINE)}`);
  }

  /** The library's error as a fault with Postfix's words for where it happened. */
  #translate(fault: Error): SessionFault {
    const { code, response, command } = fault as { code?: string; response?: string; command?: string };
    const stage =
      code === 'EMESSAGE' && response !== undefined
        ? 'end of DATA'
        : command === undefined || command === 'CONN' || command === 'API'
          ? this.#client.dialog
          : command;
    if (code === 'EMESSAGE' && response === undefined) return new SessionFault('too-large', stage, null, fault.message);
    if (code === 'ESTREAM') return new SessionFault('content', stage, null, fault.message);
    const handshake = response === undefined && (this.#client.dialog === 'STARTTLS' || this.#client.upgrading === true);
    if (code === 'ETLS' || handshake) return new SessionFault('tls', 'STARTTLS', response === undefined ? null : parseReply(response), fault.message);
    if (typeof response === 'string' && /^\d{3}/.test(response)) return new SessionFault('refused', stage, parseReply(response), fault.message);
    return new SessionFault(code === 'ETIMEDOUT' ? 'timeout' : 'lost', stage, null, fault.message);
  }
}
