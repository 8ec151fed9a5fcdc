/**
 * The side of a session that faces the socket: the library's SMTPConnection with its exits in our words.
 *
 * The library keeps the socket's life: listeners, idle timeout, STARTTLS with its retired parser, the
 * deadline of a half-closed socket. Here replies are gathered and leave in one write for each pipelined
 * group; `dialog.ts` above plays the dialog. test/server/smtp/contract.test.ts watches what is
 * overridden here.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type Reply, reply } from '../../mail/status.ts';
import { plainIp } from '../../net/peer-address.ts';
import { describeTls } from '../../net/tls.ts';
import { timeoutExceeded } from '../../protocol/smtp/replies.ts';
import { encodeReply } from '../../protocol/smtp/reply.ts';
import { ClientConnection } from './connection.ts';
import { SMTPConnection } from './library.ts';
import { clientOf } from './maillog.ts';
import type { SmtpService } from './service.ts';
import { SmtpStream } from './stream.ts';

/** Replies gathered before they are written anyway, characters. */
const MAX_GATHERED = 16_384;

/** The stages in which a message comes. */
const RECEIVING: ReadonlySet<string> = new Set(['DATA', 'BDAT']);

export abstract class WireSession extends SMTPConnection {
  readonly service: SmtpService;
  readonly connection: ClientConnection;
  /** A handler works and the client owes us nothing: it is not the client who is slow. */
  protected working = false;
  /** The verb in work or last worked, for `lost connection after`. */
  protected stage = 'CONNECT';
  /** We end the connection, or the client said QUIT. */
  protected ending = false;
  /** The socket is gone. */
  protected ended = false;
  /** Who accepted the socket and wants to know of its end. */
  readonly #whoWaits: readonly ((hadError: boolean) => void)[];
  #gathered = '';
  /** Runs while a line is half here: its octets reset the idle timeout, but not this one. */
  #lineTimer: NodeJS.Timeout | null = null;

  constructor(service: SmtpService, socket: Socket) {
    super(service.server, socket, { id: service.newSessionId() });
    // A client may end its side behind QUIT, or behind the message itself: its replies still go out.
    socket.allowHalfOpen = true;
    this.service = service;
    this.#whoWaits = socket.listeners('close') as ((hadError: boolean) => void)[];
    this.secure = socket instanceof TLSSocket;
    this.connection = new ClientConnection({
      id: this.id,
      service: service.name,
      parameters: service.parameters,
      ip: plainIp(socket.remoteAddress ?? ''),
      port: socket.remotePort ?? 0,
      local: { ip: plainIp(socket.localAddress ?? ''), port: socket.localPort ?? 0 },
      tls: describeTls(socket),
    });
    if (service.lmtp) this.connection.protocol = 'LMTP';
  }

  /** Asks for the first command. */
  protected abstract begin(): void;
  /** One command line, or an answer that a command waits for. */
  protected abstract takeLine(line: Buffer, resume: () => void): void;
  /** A line beyond all limits; its octets so far. */
  protected abstract takeLongLine(octets: number, resume: () => void): void;
  /** TLS is up: forget what clear text said (RFC 3207 section 4.2). */
  protected abstract secured(): void;
  /** The socket is gone; called once. */
  protected abstract left(): void;

  /** The stage with the octets of a message whose end did not come: `DATA (21 bytes)`. */
  protected get stageWords(): string {
    const received = this.connection.transaction?.receivedLines ?? null;
    return received === null || !RECEIVING.has(this.stage) ? this.stage : `${this.stage} (${received} bytes)`;
  }

  get stream(): SmtpStream | null {
    return this._parser instanceof SmtpStream ? this._parser : null;
  }

  info(message: string): void {
    this.service.log.info({ session: this.id }, message);
  }

  // ---- replies

  /** Gathers a reply; `flush` sends, at the latest when all that the client sent is used up. */
  say(answer: Reply): void {
    this.#gathered += encodeReply(answer);
    if (this.#gathered.length > MAX_GATHERED) this.flush();
  }

  flush(): void {
    if (this.#gathered === '') return;
    const text = this.#gathered;
    this.#gathered = '';
    // While a TLS handshake runs the socket is still the raw one: nothing may be written to it.
    if (!this._upgrading && !this._socket.destroyed && this._socket.writable) this._socket.write(text);
  }

  /** Says a last word and closes. */
  end(answer: Reply, logged?: string): void {
    if (logged !== undefined) this.info(logged);
    this.say(answer);
    this.close();
  }

  // ---- the library's face

  override init(): void {
    this._setListeners(() => this.begin());
  }

  /** Called by the library's constructor: nothing of ours exists yet. */
  override _createParser(): SmtpStream {
    const stream = new SmtpStream();
    stream.oncommand = (line, resume = () => {}) => this._onCommand(line, resume);
    stream.ontoolong = (octets, resume) => this.takeLongLine(octets, resume);
    stream.onidle = (halfLine) => {
      this.flush();
      if (halfLine && !this.ended) this.#lineTimer ??= setTimeout(() => this.#timedOut(), this.service.settings.timeout);
    };
    stream.onfinish = () => super.close();
    stream.on('error', (error) => this._onError(error));
    return stream;
  }

  override _onCommand(line: Buffer, resume: () => void = () => {}): void {
    this.#stopLineTimer();
    this.takeLine(line, resume);
  }

  override send(code: number, data?: string | string[] | null): void {
    this.say(reply(code, '', Array.isArray(data) ? data.join('\n') : (data ?? '')));
    this.flush();
    if (code === 421) this.close();
  }

  override close(): void {
    this.ending = true;
    this.flush();
    super.close();
  }

  override upgrade(resume: () => void, secureCallback?: () => void): void {
    const raw = this._socket;
    // A peer that goes away during the handshake is closed at once, not when its time is over.
    raw.allowHalfOpen = false;
    super.upgrade(resume, () => {
      this.#gathered = '';
      this._socket.allowHalfOpen = true;
      this.connection.tls = describeTls(this._socket);
      this.secured();
      this.stream?.start();
      secureCallback?.();
    });
    // The library took every listener off the socket, whosever it was: the port would count this connection for ever.
    for (const told of this.#whoWaits) raw.once('close', told);
  }

  override _onTimeout(): void {
    if (this._closing || this._upgrading) {
      this._socket.destroy();
    } else if (this.working) {
      this._armTimeout();
    } else {
      this.#timedOut();
    }
  }

  #timedOut(): void {
    this.end(timeoutExceeded(this.service.settings.host), `timeout after ${this.stageWords} from ${clientOf(this.connection)}`);
  }

  #stopLineTimer(): void {
    if (this.#lineTimer === null) return;
    clearTimeout(this.#lineTimer);
    this.#lineTimer = null;
  }

  override _onError(error: Error): void {
    if (this._upgrading) this.info(`SSL_accept error from ${clientOf(this.connection)}: ${error.message}`);
    this._socket.destroy();
  }

  override _onClose(): void {
    super._onClose();
    if (this.ended) return;
    this.ended = true;
    this.#stopLineTimer();
    this.left();
  }
}
