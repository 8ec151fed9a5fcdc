/**
 * LineConnection over a Node socket: the server side of SMTP, POP3, IMAP and similar protocols.
 *
 * An idle session has no buffer and no timer of its own (Node keeps one list of idle sockets per timeout).
 * STARTTLS (RFC 2595, RFC 9051 section 6.2.1): buffered input is discarded before the reply that permits
 * TLS is sent; anything received after that goes to the handshake only.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { channelBinding } from './channel-binding.ts';
import type { LineConnection, TlsInfo } from './connection.ts';
import { type End, type Ends, endsOf } from './ends.ts';
import { LineReader } from './line-reader.ts';
import { OutputQueue } from './output-queue.ts';
import { describeTls, HANDSHAKE_TIMEOUT, secure, type TlsContexts } from './tls.ts';

export interface SocketConnectionOptions {
  /** The certificates for STARTTLS; without it `startTls` rejects. */
  readonly identity?: TlsContexts | undefined;
  /** Timeout of the STARTTLS handshake, ms. */
  readonly handshakeTimeout?: number;
  /** How many octets of a line that is too long are skipped to find its end before the input counts as ended. */
  readonly skipLimit?: number;
  /**
   * Output is held back until the input is used up (or `flush`), so that the replies to a group of pipelined commands
   * are sent together even if some of them take several ticks.
   */
  readonly gathersOutput?: boolean;
  /** The session's name in the log; random if not given. */
  readonly id?: string;
  /** As the listener knows them; without them, as the system does. */
  readonly ends?: Ends;
}

/** Unread input above which reading from the socket pauses until someone reads. */
const READ_AHEAD = 64 * 1024;
/** Unsent output above which `drained` waits. */
const WRITE_AHEAD = 128 * 1024;
/** Collected output above which it is sent anyway. */
const GATHERED = 16 * 1024;
/** How long a peer may take to read the last replies, ms. */
const CLOSE_TIMEOUT = 5000;
const DEFAULT_SKIP_LIMIT = 1024 * 1024;
const RESOLVED = Promise.resolve();

export class SocketLineConnection implements LineConnection {
  readonly id: string;
  readonly remote: End;
  readonly local: End;
  readonly isProxied: boolean;
  tls: TlsInfo | null;

  #socket: Socket;
  readonly #options: SocketConnectionOptions;
  #abort: AbortController | null = null;
  #gone = false;

  readonly #input: LineReader;

  readonly #output = new OutputQueue();
  #flushScheduled = false;
  #drainWaiters: (() => void)[] | null = null;

  #idle: (() => void) | null = null;
  #idleMs = 0;
  /** Runs while a reader has part of a line: each octet restarts the socket's timeout, but not this timer. */
  #lineTimer: NodeJS.Timeout | null = null;
  #closed: Promise<void> | null = null;
  /** A TLS handshake is using the socket: nothing else may be written to it. */
  #securing = false;

  constructor(socket: Socket, options: SocketConnectionOptions = {}) {
    this.id = options.id ?? randomBytes(9).toString('base64url');
    const { remote, local, isProxied } = options.ends ?? endsOf(socket);
    this.remote = remote;
    this.local = local;
    this.isProxied = isProxied;
    this.tls = describeTls(socket);
    this.#options = options;
    this.#input = new LineReader(options.skipLimit ?? DEFAULT_SKIP_LIMIT, this.#onStarving);
    this.#socket = socket;
    this.#attach(socket);
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#gone) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  channelBinding(type: string): Buffer | null {
    return this.tls === null ? null : channelBinding(this.#socket, type);
  }

  readLine(limit: number): Promise<Buffer | null> {
    return this.#input.readLine(limit);
  }

  readBytes(length: number): AsyncIterable<Buffer> {
    return this.#input.readBytes(length);
  }

  /** The next octets as received; null at the end of input. `unread` puts back what was not needed. */
  readChunk(): Promise<Buffer | null> {
    return this.#input.readChunk();
  }

  unread(octets: Buffer): void {
    this.#input.unread(octets);
  }

  get hasLine(): boolean {
    return this.#input.hasLine;
  }

  /** Some input is waiting to be read. */
  get hasInput(): boolean {
    return this.#input.length > 0;
  }

  /** The octets that are read next, at most `length`; they stay unread. */
  peek(length: number): Buffer {
    return this.#input.peek(length);
  }

  /** The last line read ended with a bare LF. */
  get endedWithLf(): boolean {
    return this.#input.endedWithLf;
  }

  /** The socket is closed in both directions. */
  get isGone(): boolean {
    return this.#gone;
  }

  write(data: string | Uint8Array): void {
    if (this.#gone || data.length === 0) return;
    this.#output.push(data);
    if (this.#options.gathersOutput === true) {
      if (this.#output.length > GATHERED) this.flush();
      return;
    }
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // After the microtasks, so that the replies to a group of pipelined commands become one segment.
    process.nextTick(flush, this);
  }

  /** So much output is queued that `drained` would wait. */
  get isCrowded(): boolean {
    return !this.#gone && this.#output.length + this.#socket.writableLength >= WRITE_AHEAD;
  }

  drained(): Promise<void> {
    if (!this.isCrowded) return RESOLVED;
    this.flush();
    if (!this.#socket.writableNeedDrain) return RESOLVED;
    return new Promise((resolve) => {
      this.#drainWaiters ??= [];
      this.#drainWaiters.push(resolve);
    });
  }

  /** Sends queued output now. */
  flush(): void {
    this.#flushScheduled = false;
    if (!this.#gone && !this.#securing) this.#output.sendTo(this.#socket);
  }

  async startTls(): Promise<void> {
    const { identity, handshakeTimeout = HANDSHAKE_TIMEOUT } = this.#options;
    if (identity === undefined) throw new Error('no TLS certificate is configured for this service');
    if (this.tls !== null) throw new Error('TLS is already active');
    const clear = this.#socket;
    this.#detach(clear);
    clear.pause();
    this.#input.clear();
    // Data buffered in the clear-text socket must not reach the handshake either.
    while (clear.read() !== null);
    // The reply that permits TLS is the last in clear text; a peer that does not read it is disconnected on timeout.
    clear.setTimeout(handshakeTimeout, () => clear.destroy());
    await this.#flushed(clear);
    clear.setTimeout(0);
    if (clear.destroyed) {
      this.#onClose();
      throw new Error('the peer closed the connection before the TLS handshake');
    }
    this.#securing = true;
    const secured = await secure(clear, identity, { timeout: handshakeTimeout }).catch((error: unknown) => {
      this.#onClose();
      throw error;
    });
    this.#securing = false;
    this.#socket = secured;
    this.tls = describeTls(secured);
    this.#attach(secured);
  }

  setIdleTimeout(ms: number, onIdle: () => void): void {
    this.#idleMs = ms;
    this.#idle = onIdle;
    this.#socket.setTimeout(ms);
  }

  close(): Promise<void> {
    // Nothing can be sent during a handshake.
    if (this.#securing) this.destroy();
    if (this.#gone) return RESOLVED;
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #close(): Promise<void> {
    this.#stopLineTimer();
    this.flush();
    const socket = this.#socket;
    this.#input.end();
    this.#input.clear();
    // Read and drop what the peer still sends: closing with unread input would reset the connection and lose our last
    // reply.
    socket.off('data', this.#onData).resume();
    return new Promise((resolve) => {
      const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.end();
    });
  }

  destroy(): void {
    this.#socket.destroy();
    this.#onClose();
  }

  #attach(socket: Socket): void {
    // A peer may send its commands and then close its sending side: it still gets the replies.
    socket.allowHalfOpen = true;
    socket.on('data', this.#onData).on('end', this.#onEnd).on('drain', this.#onDrain).on('timeout', this.#onTimeout);
    socket.on('error', ignore).once('close', this.#onClose);
    if (this.#idleMs > 0) socket.setTimeout(this.#idleMs);
    if (socket.destroyed) this.#onClose();
  }

  #detach(socket: Socket): void {
    socket
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('drain', this.#onDrain)
      .off('timeout', this.#onTimeout)
      .off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#input.push(chunk);
    if (this.#lineTimer !== null && this.#input.hasLine) this.#stopLineTimer();
    if (this.#input.length > READ_AHEAD) this.#socket.pause();
  };

  readonly #onEnd = (): void => {
    this.#stopLineTimer();
    this.#input.end();
  };

  readonly #onStarving = (withinLine: boolean): void => {
    if (this.#options.gathersOutput === true) this.flush();
    if (withinLine && this.#idleMs > 0) this.#lineTimer ??= setTimeout(this.#timeOut, this.#idleMs);
    if (this.#socket.isPaused()) this.#socket.resume();
  };

  readonly #onDrain = (): void => {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = null;
    for (const resolve of waiters ?? []) resolve();
  };

  readonly #onTimeout = (): void => {
    // Silence counts only while we wait for the peer; if we are the slow side, restart the timeout.
    if (!this.#input.isStarving && this.#drainWaiters === null) {
      this.#socket.setTimeout(this.#idleMs);
      return;
    }
    this.#timeOut();
  };

  readonly #timeOut = (): void => {
    const idle = this.#idle;
    this.#idle = null;
    idle?.();
    void this.close();
  };

  readonly #onClose = (): void => {
    if (this.#gone) return;
    this.#gone = true;
    this.#stopLineTimer();
    this.#input.end();
    this.#output.clear();
    this.#onDrain();
    this.#abort?.abort();
  };

  #stopLineTimer(): void {
    if (this.#lineTimer === null) return;
    clearTimeout(this.#lineTimer);
    this.#lineTimer = null;
  }

  #flushed(socket: Socket): Promise<void> {
    this.flush();
    if (socket.writableLength === 0) return RESOLVED;
    return new Promise((resolve) => {
      socket.write('', () => resolve());
    });
  }
}

const ignore = (): void => {};

function flush(connection: SocketLineConnection): void {
  connection.flush();
}
