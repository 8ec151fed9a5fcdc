/**
 * A line-based client, like telnet or `openssl s_client`, over a real socket. The lab's checks and the dialog tests use
 * it for SMTP, POP3 and IMAP. Every wait has a deadline.
 */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';

export interface LineClientOptions {
  readonly host: string;
  readonly port: number;
  /** Wrapped in TLS from the first octet (465, 993, 995). */
  readonly tls?: boolean;
  /** The certificate that the server must show; without it any is accepted. */
  readonly ca?: string;
  readonly serverName?: string;
  /** Shown to a server that asks for one: PEM. */
  readonly certificate?: Pick<ConnectionOptions, 'cert' | 'key'>;
  /** The source address. */
  readonly localAddress?: string;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;

export class LineClient {
  #socket: Socket;
  readonly #options: LineClientOptions;
  #text = '';
  #ended: Error | null = null;
  #wake: () => void = () => {};

  private constructor(socket: Socket, options: LineClientOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#listen(socket);
  }

  static async connect(options: LineClientOptions): Promise<LineClient> {
    const plain = connect({
      host: options.host,
      port: options.port,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    });
    await ready(plain, 'connect', options);
    const socket = options.tls === true ? await LineClient.#secure(plain, options) : plain;
    return new LineClient(socket, options);
  }

  static async #secure(plain: Socket, options: LineClientOptions): Promise<TLSSocket> {
    const socket = tlsConnect({
      socket: plain,
      ...options.certificate,
      ...(options.serverName === undefined ? {} : { servername: options.serverName }),
      ...(options.ca === undefined ? { rejectUnauthorized: false } : { ca: options.ca }),
    });
    await ready(socket, 'secureConnect', options);
    return socket;
  }

  #listen(socket: Socket): void {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#text += chunk;
      this.#wake();
    });
    const end = (error?: Error): void => {
      this.#ended ??= error ?? new Error('the server closed the connection');
      this.#wake();
    };
    socket.on('error', end);
    socket.on('close', () => end());
  }

  /** Switches to TLS, after the server accepted STARTTLS or STLS. */
  async startTls(): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners();
    this.#socket = await LineClient.#secure(plain, this.#options);
    this.#listen(this.#socket);
  }

  /** The TLS version in use, or null. */
  get tlsProtocol(): string | null {
    return 'getProtocol' in this.#socket ? (this.#socket as TLSSocket).getProtocol() : null;
  }

  send(line: string): void {
    this.#socket.write(`${line}\r\n`, 'latin1');
  }

  /** The next line without its CRLF. */
  async line(): Promise<string> {
    const deadline = AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS);
    for (;;) {
      const end = this.#text.indexOf('\n');
      if (end >= 0) {
        const line = this.#text.slice(0, end).replace(/\r$/, '');
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      if (this.#ended !== null) throw this.#ended;
      await new Promise<void>((resolve, reject) => {
        const late = (): void =>
          reject(new Error(`${this.#options.host}:${this.#options.port} did not answer in time`));
        deadline.addEventListener('abort', late, { once: true });
        this.#wake = () => {
          deadline.removeEventListener('abort', late);
          resolve();
        };
        if (deadline.aborted) late();
      });
    }
  }

  /** Lines up to and including the first one that `last` accepts. */
  async linesUntil(last: (line: string) => boolean): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      lines.push(line);
      if (last(line)) return lines;
    }
  }

  /** SMTP: sends a command (or nothing, for the greeting) and returns the whole reply. */
  async smtp(command?: string): Promise<string> {
    if (command !== undefined) this.send(command);
    return (await this.linesUntil((line) => /^\d{3}(?: |$)/.test(line))).join('\n');
  }

  /** IMAP: sends a tagged command and returns all lines up to its tagged response. */
  async imap(tag: string, command: string): Promise<string[]> {
    this.send(`${tag} ${command}`);
    return this.linesUntil((line) => line.startsWith(`${tag} `));
  }

  /** POP3: sends a command; with `multi`, also returns the lines before the final dot. */
  async pop3(command: string, multi = false): Promise<string[]> {
    this.send(command);
    const first = await this.line();
    return multi && first.startsWith('+OK') ? [first, ...(await this.linesUntil((line) => line === '.'))] : [first];
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Waits for a socket's first event; destroys the socket on timeout. */
function ready(
  socket: Socket,
  event: string,
  { host, port, timeoutMs = TIMEOUT_MS }: LineClientOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(new Error(`no connection to ${host}:${port} in time`)), timeoutMs);
    const failed = (error: Error): void => {
      clearTimeout(late);
      reject(error);
    };
    socket.once('error', failed);
    socket.once(event, () => {
      clearTimeout(late);
      socket.off('error', failed);
      resolve();
    });
  });
}
