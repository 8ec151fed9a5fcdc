/**
 * The connection to another mail server: sends command lines, reads replies, sends a message's octets, and starts TLS.
 *
 * Guarantees: every wait has a timeout; replies are read within limits (reply-reader.ts), and unsolicited input does
 * not fill memory; anything received in clear text is discarded when TLS starts (RFC 3207 section 4.2); the transcript
 * is bounded and contains no secrets.
 */
import type { Socket } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { type PeerReply, ReplyReader } from '../../protocol/smtp/reply-reader.ts';
import type { Listener } from './debugged-peer.ts';

/** Why a wait ended without the expected result. */
export class ConnectionFault extends Error {
  override readonly name = 'ConnectionFault';
  readonly kind: 'lost' | 'timeout' | 'flood';
  constructor(kind: ConnectionFault['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * smtp_per_request_deadline: time limits cover a whole command and its reply, and that of a transfer goes on by what
 * was sent, at this many octets a second (smtp_min_data_rate). Null: a time limit begins anew with each octet.
 */
export type Deadline = { readonly minimumRate: number } | null;

/** In the transcript. */
const SIDES = { '>': ' Out: ', '<': ' In:  ' } as const;
const TRANSCRIPT_LINES = 200;
const TRANSCRIPT_LINE = 200;
/** How long to wait for a peer that does not close after QUIT, ms. */
const QUIT_TIMEOUT = 5_000;

export class PeerConnection {
  #socket: Socket;
  #secure: TLSSocket | null = null;
  #reader = new ReplyReader();
  #ended: ConnectionFault | null = null;
  /** Called when input arrived, the connection ended, or output was sent. */
  #wake: (() => void) | null = null;
  readonly #transcript: string[] = [];
  readonly #listener: Listener | null;
  readonly #deadline: Deadline;
  /** Of the transfer in progress, ms since 1970. */
  #transferEnd = 0;

  constructor(socket: Socket, listener: Listener | null, deadline: Deadline = null) {
    this.#socket = socket;
    this.#listener = listener;
    this.#deadline = deadline;
    this.#listen(socket);
  }

  /** Null in clear text. */
  get secure(): TLSSocket | null {
    return this.#secure;
  }

  get transcript(): string {
    return this.#transcript.join('\n');
  }

  /** The connection is open in both directions, and no unsolicited input has arrived. */
  get isQuiet(): boolean {
    return this.#ended === null && this.#reader.isEmpty;
  }

  /** A reply that has arrived already; it is not consumed. */
  get earlyReply(): PeerReply | null {
    return this.#reader.peek();
  }

  /** Lines without CRLF, sent as one write. `shown`: what the transcript gets instead, to hide secrets. */
  send(lines: readonly string[], shown: readonly string[] = lines): void {
    for (const line of shown) this.#note('>', line);
    if (this.#ended === null) this.#socket.write(`${lines.join('\r\n')}\r\n`);
  }

  /**
   * The next reply. Rejects with ConnectionFault if the peer disconnects, floods us, or is silent for `timeout` ms; with
   * a deadline, if the whole takes longer.
   */
  async reply(timeout: number): Promise<PeerReply> {
    let reply = this.#reader.next();
    const end = Date.now() + timeout;
    while (reply === null) {
      if (this.#reader.overflow) throw this.#end('flood', 'an endless reply');
      if (this.#ended !== null) throw this.#ended;
      await this.#activity(this.#deadline === null ? Date.now() + timeout : end);
      reply = this.#reader.next();
    }
    for (const line of reply.lines) this.#note('<', line);
    return reply;
  }

  /**
   * Resolves when more may be written. Rejects with ConnectionFault if the peer disconnects or reads nothing for
   * `timeout` ms.
   */
  async write(octets: readonly Uint8Array[], timeout: number): Promise<void> {
    if (this.#ended !== null) throw this.#ended;
    const socket = this.#socket;
    socket.cork();
    for (const piece of octets) socket.write(piece);
    socket.uncork();
    if (!socket.writableNeedDrain) return;
    const onDrain = (): void => this.#wake?.();
    socket.on('drain', onDrain);
    try {
      const end = this.#deadline === null ? Date.now() + timeout : this.#transferEnd;
      while (socket.writableNeedDrain) {
        if (this.#ended !== null) throw this.#ended;
        await this.#activity(end);
      }
    } finally {
      socket.off('drain', onDrain);
    }
    this.#wrote(octets, timeout);
  }

  /** The time for a message begins, ms. */
  beginTransfer(timeout: number): void {
    this.#transferEnd = Date.now() + timeout;
  }

  #wrote(octets: readonly Uint8Array[], timeout: number): void {
    if (this.#deadline === null) return;
    const count = octets.reduce((sum, { length }) => sum + length, 0);
    const gained = (count / Math.max(1, this.#deadline.minimumRate)) * 1000;
    this.#transferEnd = Math.min(Date.now() + timeout, this.#transferEnd + gained);
  }

  /** Rejects with the handshake error; the connection is then closed. The caller checks the peer's identity. */
  async startTls(options: ConnectionOptions, timeout: number): Promise<TLSSocket> {
    const plain = this.#socket;
    for (const event of ['data', 'end', 'close']) plain.removeAllListeners(event);
    this.#reader = new ReplyReader();
    if (this.#ended !== null || plain.destroyed || plain.readableEnded) {
      this.#end('lost', 'connection lost before the TLS handshake');
      throw new Error('lost connection');
    }
    const secure = tlsConnect({ ...options, socket: plain });
    try {
      await handshake(secure, timeout);
    } catch (error) {
      secure.on('error', () => {});
      secure.destroy();
      this.#end('lost', 'no TLS handshake');
      throw error;
    }
    this.#socket = secure;
    this.#secure = secure;
    this.#listen(secure);
    return secure;
  }

  /**
   * Sends QUIT, and closes then or when it is answered (smtp_skip_quit_response). `timeout`: ms until the socket is
   * destroyed.
   */
  quit(timeout: number, waits = false): void {
    if (this.#ended !== null) {
      this.destroy();
      return;
    }
    if (waits) {
      this.#socket.unref();
      this.send(['QUIT']);
      const close = (): void => this.destroy();
      this.reply(timeout).then(close, close);
      return;
    }
    this.#note('>', 'QUIT');
    this.#socket.end('QUIT\r\n');
    const timer = setTimeout(() => this.destroy(), Math.min(timeout, QUIT_TIMEOUT));
    timer.unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    this.#end('lost', 'broken off');
  }

  #listen(socket: Socket): void {
    socket.on('data', (octets: Buffer) => {
      this.#reader.push(octets);
      // Stop reading from a peer that sends too much unsolicited input.
      if (this.#reader.overflow) socket.pause();
      this.#wake?.();
    });
    socket.on('error', (error) => this.#end('lost', error.message));
    socket.on('end', () => this.#end('lost', 'the peer closed the connection', false));
    socket.on('close', () => this.#end('lost', 'the peer closed the connection'));
  }

  #end(kind: ConnectionFault['kind'], message: string, destroys = true): ConnectionFault {
    this.#ended ??= new ConnectionFault(kind, message);
    if (destroys) this.#socket.destroy();
    this.#wake?.();
    return this.#ended;
  }

  /** Resolves when something happens, at `end` (ms since 1970) at the latest. One waiter at a time. */
  #activity(end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#wake = null;
          reject(this.#end('timeout', 'timed out'));
        },
        Math.max(0, end - Date.now()),
      );
      // The socket keeps the process alive as long as it should.
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }

  #note(side: '<' | '>', line: string): void {
    this.#listener?.(side, line);
    if (this.#transcript.length < TRANSCRIPT_LINES)
      this.#transcript.push(`${SIDES[side]}${line.slice(0, TRANSCRIPT_LINE)}`);
  }
}

function handshake(socket: TLSSocket, timeout: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      socket.off('error', settle).off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onClose = (): void => settle(new Error('lost connection'));
    const timer = setTimeout(() => settle(new Error('timed out')), timeout);
    socket.once('secureConnect', () => settle());
    socket.once('error', settle).once('close', onClose);
  });
}
