/**
 * One session with another server (Postfix: smtp_proto(3)): greeting, EHLO, STARTTLS, login, then transactions.
 *
 * At each verb only the answer that the verb allows goes on (2xx; 3xx to DATA). Anything else is the peer's refusal or
 * a protocol error, after which the transaction is given up with RSET and nothing of the message is sent. What a server
 * offers is forgotten when TLS starts (RFC 3207 section 4.2).
 */

import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { messageOf } from '../../errors.ts';
import { type Capabilities, NO_CAPABILITIES, parseCapabilities } from '../../protocol/smtp/capabilities.ts';
import { type PeerReply, replyText } from '../../protocol/smtp/reply-reader.ts';
import { ConnectionFault, PeerConnection } from './peer-connection.ts';
import { SessionFault, type Stage } from './smtp-session-fault.ts';
import { type Fate, Transaction } from './smtp-session-transaction.ts';

/** Milliseconds that an answer may take; `XFER`: that a piece of the message may. */
export type CommandTimeouts = Readonly<
  Record<'EHLO' | 'STARTTLS' | 'MAIL' | 'RCPT' | 'DATA' | 'XFER' | 'BODY' | 'RSET' | 'QUIT', number>
>;

export interface SessionOptions {
  /** Connected already. */
  readonly socket: Socket;
  /** `host[address]`, for our own words. */
  readonly peerWords: string;
  readonly heloName: string;
  readonly lmtp: boolean;
  /** `ignore`: clear text; `try`: STARTTLS where offered; `require`: fail without; `wrap`: TLS from the first octet. */
  readonly starttls: 'ignore' | 'try' | 'require' | 'wrap';
  readonly tls: ConnectionOptions;
  readonly timeouts: CommandTimeouts;
  /** Extensions, in lower case, that are not used (smtp_discard_ehlo_keywords). */
  readonly ignoredKeywords: ReadonlySet<string>;
}

/** One transaction: command lines as they go out, and the octets between 354 and the final dot. */
export interface OutgoingMessage {
  readonly mail: string;
  readonly recipients: readonly string[];
  /** In CRLF lines, dot-stuffed, the last one ended. */
  readonly body: AsyncIterable<readonly Uint8Array[]>;
}

const TIMEOUTS: Readonly<Record<Exclude<Stage, 'connect' | 'body' | 'QUIT'>, keyof CommandTimeouts>> = {
  greeting: 'EHLO',
  EHLO: 'EHLO',
  HELO: 'EHLO',
  LHLO: 'EHLO',
  STARTTLS: 'STARTTLS',
  AUTH: 'EHLO',
  MAIL: 'MAIL',
  RCPT: 'RCPT',
  DATA: 'DATA',
  end: 'BODY',
  RSET: 'RSET',
};
type AnsweredStage = keyof typeof TIMEOUTS;

/** Octets of commands that go out before their answers are read (RFC 2920). */
const PIPELINE = 4096;
const FINAL_DOT = [Buffer.from('.\r\n')];

const kindOf = (reply: PeerReply): number => Math.floor(reply.code / 100);
/** Postfix tells the postmaster of these: they may be our own mistakes. */
const isOurMistake = ({ code, odd }: PeerReply): boolean =>
  odd || code < 200 || code > 599 || code === 555 || (code >= 500 && code < 510);

export class SmtpSession {
  readonly #connection: PeerConnection;
  readonly #options: SessionOptions;
  #capabilities: Capabilities = NO_CAPABILITIES;
  #protocolError = false;
  #startTlsRefused = false;
  /** Transactions so far. */
  count = 0;

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.#connection = new PeerConnection(options.socket);
  }

  /** Up to the answer to the last EHLO. Rejects with SessionFault; then the session is over. */
  static async open(options: SessionOptions): Promise<SmtpSession> {
    const session = new SmtpSession(options);
    try {
      await session.#open();
      return session;
    } catch (error) {
      if (error instanceof SessionFault) session.#describe(error);
      session.quit();
      throw error;
    }
  }

  get secure(): TLSSocket | null {
    return this.#connection.secure;
  }

  /** The server offered STARTTLS and then refused it, or somebody on the way did. */
  get startTlsRefused(): boolean {
    return this.#startTlsRefused;
  }

  /** May have another transaction. */
  get usable(): boolean {
    return this.#connection.isQuiet && !this.#protocolError;
  }

  /** Something was answered that no server should answer. */
  get protocolError(): boolean {
    return this.#protocolError;
  }

  get transcript(): string {
    return this.#connection.transcript;
  }

  /** SIZE as announced; 0 is without limit. */
  get sizeLimit(): number {
    return this.#capabilities.sizeLimit;
  }

  get peerWords(): string {
    return this.#options.peerWords;
  }

  offers(extension: 'AUTH' | 'DSN' | 'PIPELINING' | 'SIZE' | 'SMTPUTF8' | 'STARTTLS' | '8BITMIME'): boolean {
    const { extensions } = this.#capabilities;
    // A server that takes UTF-8 in header fields takes it in bodies, whatever it says.
    return extensions.has(extension) || (extension === '8BITMIME' && extensions.has('SMTPUTF8'));
  }

  get mechanisms(): readonly string[] {
    return this.#capabilities.mechanisms;
  }

  /** A command and its answer. Rejects with SessionFault. `shown`: the line for the transcript. */
  async ask(stage: AnsweredStage, line: string, shown = line): Promise<PeerReply> {
    this.#connection.send([line], [shown]);
    return this.#answer(stage);
  }

  /** Whether the server still listens, before a transaction in a session that was kept. Never rejects. */
  async probe(): Promise<boolean> {
    try {
      return this.usable && kindOf(await this.ask('RSET', 'RSET')) === 2 && this.usable;
    } catch {
      return false;
    }
  }

  /** One transaction: the fate of each recipient, in their order. Never rejects. */
  async send(message: OutgoingMessage): Promise<readonly Fate[]> {
    this.count += 1;
    const transaction = new Transaction(message.recipients.length);
    try {
      const accepted = await this.#sendEnvelope(message, transaction);
      if (accepted) await this.#sendBody(message.body, transaction);
      else await this.#giveUp();
    } catch (error) {
      if (!(error instanceof SessionFault)) throw error;
      this.#describe(error);
      transaction.conclude({ fault: error });
      this.destroy();
    }
    return transaction.fates();
  }

  quit(): void {
    this.#connection.quit(this.#options.timeouts.QUIT);
  }

  destroy(): void {
    this.#connection.destroy();
  }

  async #open(): Promise<void> {
    const { starttls } = this.#options;
    if (starttls === 'wrap') await this.#startTls();
    const greeting = await this.#answer('greeting');
    if (kindOf(greeting) !== 2) throw this.#refused('greeting', greeting);
    await this.#sayHello();
    if (starttls !== 'try' && starttls !== 'require') return;
    if (this.offers('STARTTLS')) {
      const answer = await this.ask('STARTTLS', 'STARTTLS');
      if (kindOf(answer) === 2) {
        this.#capabilities = NO_CAPABILITIES;
        await this.#startTls();
        return this.#sayHello();
      }
      if (starttls === 'require') throw this.#refused('STARTTLS', answer);
      this.#startTlsRefused = true;
    } else if (starttls === 'require') {
      throw new SessionFault('STARTTLS', {
        kind: 'policy',
        enhanced: '4.7.4',
        words: `TLS is required, but was not offered by host ${this.peerWords}`,
      });
    }
  }

  async #sayHello(): Promise<void> {
    const { heloName, lmtp, ignoredKeywords } = this.#options;
    const stage = lmtp ? 'LHLO' : 'EHLO';
    const answer = await this.ask(stage, `${stage} ${heloName}`);
    if (kindOf(answer) === 2) {
      this.#capabilities = parseCapabilities(answer.lines, ignoredKeywords);
      return;
    }
    if (lmtp || answer.code === 421) throw this.#refused(stage, answer);
    const older = await this.ask('HELO', `HELO ${heloName}`);
    if (kindOf(older) !== 2) throw this.#refused('HELO', older);
  }

  async #startTls(): Promise<void> {
    const { tls, timeouts } = this.#options;
    let socket: TLSSocket;
    try {
      socket = await this.#connection.startTls({ ...tls, rejectUnauthorized: false }, timeouts.STARTTLS);
    } catch (error) {
      throw new SessionFault(
        'STARTTLS',
        { kind: 'tls', words: 'Cannot start TLS: handshake failure' },
        messageOf(error),
      );
    }
    if (tls.rejectUnauthorized === true && !socket.authorized)
      throw new SessionFault(
        'STARTTLS',
        { kind: 'tls', words: 'Server certificate not verified' },
        String(socket.authorizationError),
      );
  }

  /** True where the message may follow, or nobody is left for it and a dot is owed all the same. */
  async #sendEnvelope(message: OutgoingMessage, transaction: Transaction): Promise<boolean> {
    const commands = [message.mail, ...message.recipients, 'DATA'];
    const last = commands.length - 1;
    const pipelined = this.offers('PIPELINING');
    for (let next = 0; next <= last; ) {
      if (next > 0 && transaction.isHopeless) return false;
      const batch: string[] = [];
      let octets = 0;
      do {
        const line = commands[next + batch.length] ?? '';
        batch.push(line);
        octets += line.length + 2;
      } while (
        pipelined &&
        next + batch.length <= last &&
        octets + (commands[next + batch.length] ?? '').length + 2 <= PIPELINE
      );
      this.#connection.send(batch);
      for (const end = next + batch.length; next < end; next += 1) {
        const stage = next === 0 ? 'MAIL' : next === last ? 'DATA' : 'RCPT';
        const answer = await this.#answer(stage);
        const goesOn = kindOf(answer) === (stage === 'DATA' ? 3 : 2);
        if (!goesOn) this.#judge(answer);
        if (stage === 'RCPT') transaction.recipient(next - 1, answer, goesOn);
        else if (stage === 'DATA' && goesOn) return true;
        else if (!goesOn) transaction.conclude({ refused: answer, stage });
      }
    }
    return false;
  }

  async #sendBody(body: OutgoingMessage['body'], transaction: Transaction): Promise<void> {
    const { survivors } = transaction;
    const early = survivors.length === 0 ? null : await this.#write(body);
    if (early !== null) throw early;
    await this.#connection
      .write(FINAL_DOT, this.#options.timeouts.XFER)
      .catch((error: unknown) => Promise.reject(this.#translate(error, 'end')));
    if (!this.#options.lmtp || survivors.length === 0) {
      const answer = await this.#answer('end');
      const taken = kindOf(answer) === 2;
      if (!taken && survivors.length > 0) this.#judge(answer);
      transaction.conclude(taken ? { sent: answer } : { refused: answer, stage: 'end' });
      return;
    }
    // LMTP answers for each recipient that it took (RFC 2033 section 4.2).
    for (const index of survivors) {
      const answer = await this.#answer('end');
      const taken = kindOf(answer) === 2;
      if (!taken) this.#judge(answer);
      transaction.settle(index, taken ? { sent: answer } : { refused: answer, stage: 'end' });
    }
  }

  /**
   * The message up to its final dot. A refusal that comes before it is kept for its place, as Postfix does; a fault is
   * given where the message must not be ended: a peer that has already thanked for it does not say what it took.
   */
  async #write(body: OutgoingMessage['body']): Promise<SessionFault | null> {
    try {
      for await (const pieces of body) await this.#connection.write(pieces, this.#options.timeouts.XFER);
    } catch (error) {
      if (error instanceof SessionFault) return error;
      if (!(error instanceof ConnectionFault)) return new SessionFault('body', { kind: 'content' }, messageOf(error));
      const early = this.#connection.earlyReply;
      return early !== null && kindOf(early) >= 4 ? this.#refused('body', early) : this.#translate(error, 'body');
    }
    const early = this.#connection.earlyReply;
    if (early === null || kindOf(early) >= 4) return null;
    this.#protocolError = true;
    const words = `Protocol error: host ${this.peerWords} said before the end of the message: ${replyText(early)}`;
    return new SessionFault('body', { kind: 'policy', enhanced: '4.5.0', words });
  }

  /** RSET; what is answered changes nothing for the recipients. */
  async #giveUp(): Promise<void> {
    try {
      if (kindOf(await this.ask('RSET', 'RSET')) !== 2) this.#protocolError = true;
    } catch (error) {
      if (!(error instanceof SessionFault)) throw error;
      this.destroy();
    }
  }

  async #answer(stage: AnsweredStage): Promise<PeerReply> {
    try {
      const answer = await this.#connection.reply(this.#options.timeouts[TIMEOUTS[stage]]);
      if (answer.odd) this.#protocolError = true;
      return answer;
    } catch (error) {
      throw this.#translate(error, stage);
    }
  }

  #judge(answer: PeerReply): void {
    if (isOurMistake(answer) || kindOf(answer) < 4) this.#protocolError = true;
  }

  #refused(stage: Stage, reply: PeerReply): SessionFault {
    this.#judge(reply);
    return new SessionFault(stage, { kind: 'refused', reply });
  }

  #describe(fault: SessionFault): void {
    fault.underTls = this.secure !== null;
    if (this.#protocolError) fault.transcript = this.transcript;
  }

  #translate(fault: unknown, stage: Stage): SessionFault {
    if (!(fault instanceof ConnectionFault)) throw fault;
    return new SessionFault(stage, { kind: fault.kind }, fault.message);
  }
}
