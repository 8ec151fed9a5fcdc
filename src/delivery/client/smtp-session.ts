/**
 * One session with another server (Postfix: smtp_proto(3)): greeting, EHLO, STARTTLS, login, then transactions.
 *
 * Each verb continues only on the reply it allows (2xx; 3xx to DATA). Any other reply is a refusal or a protocol error;
 * the transaction is then aborted with RSET and nothing of the message is sent. The server's EHLO keywords are
 * discarded when TLS starts (RFC 3207 section 4.2).
 */

import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { messageOf } from '../../errors.ts';
import { type Capabilities, NO_CAPABILITIES, parseCapabilities } from '../../protocol/smtp/capabilities.ts';
import { type PeerReply, replyText } from '../../protocol/smtp/reply-reader.ts';
import type { Listener } from './debugged-peer.ts';
import { ConnectionFault, type Deadline, PeerConnection } from './peer-connection.ts';
import type { ReplyFilter } from './reply-filter.ts';
import { commandWords, type ForwardingStage, SessionFault, type Stage } from './smtp-session-fault.ts';
import { type Fate, Transaction } from './smtp-session-transaction.ts';

/** Timeouts for replies, ms; `XFER`: for each piece of the message. */
export type CommandTimeouts = Readonly<
  Record<'EHLO' | 'STARTTLS' | 'XFORWARD' | 'MAIL' | 'RCPT' | 'DATA' | 'XFER' | 'BODY' | 'RSET' | 'QUIT', number>
>;

/** How a session begins; `as announced`: EHLO if the greeting has the word ESMTP. */
export type Hello = 'EHLO' | 'HELO' | 'as announced' | 'LHLO';

export interface SessionOptions {
  /** Already connected. */
  readonly socket: Socket;
  /** Hears the dialog (debug_peer_list). */
  readonly listener: Listener | null;
  /** `host[address]`, for our own messages. */
  readonly peerWords: string;
  readonly heloName: string;
  readonly hello: Hello;
  /** `ignore`: clear text; `try`: STARTTLS if offered; `require`: fail without; `wrap`: TLS from the first octet. */
  readonly starttls: 'ignore' | 'try' | 'require' | 'wrap';
  /** For the handshake, if there is one. Throws if the configuration for it cannot be used. */
  tls(): ConnectionOptions;
  /** After the handshake: why the server's certificate is not enough, or null. */
  faultOf(socket: TLSSocket): string | null;
  readonly timeouts: CommandTimeouts;
  /** The time limits cover whole commands; null if each wait has its own. */
  readonly deadline: Deadline;
  /** The connection is kept until QUIT is answered. */
  readonly waitsForQuit: boolean;
  /** Changes replies (smtp_reply_filter). */
  readonly replyFilter: ReplyFilter | null;
  /** EHLO keywords to ignore, in lower case (smtp_discard_ehlo_keywords). */
  readonly ignoredKeywords: ReadonlySet<string>;
  warn(message: string): void;
}

export type ForwardingCommand = readonly [stage: ForwardingStage, line: string];

/** One transaction: complete command lines, and the octets between 354 and the final dot. */
export interface OutgoingMessage {
  /** Before the transaction: XFORWARD. What is said against them is only logged. */
  readonly before: readonly ForwardingCommand[];
  readonly mail: string;
  readonly recipients: readonly string[];
  /** In CRLF lines, dot-stuffed, the last one terminated. */
  readonly body: AsyncIterable<readonly Uint8Array[]>;
}

/** The last command of a transaction that only asks. */
export type VerifyTarget = 'rcpt' | 'data';

const TIMEOUTS: Readonly<Record<Exclude<Stage, 'connect' | 'body' | 'remembered' | 'QUIT'>, keyof CommandTimeouts>> = {
  greeting: 'EHLO',
  EHLO: 'EHLO',
  HELO: 'EHLO',
  LHLO: 'EHLO',
  STARTTLS: 'STARTTLS',
  AUTH: 'EHLO',
  'XFORWARD name': 'XFORWARD',
  'XFORWARD helo': 'XFORWARD',
  MAIL: 'MAIL',
  RCPT: 'RCPT',
  DATA: 'DATA',
  end: 'BODY',
  RSET: 'RSET',
};
type AnsweredStage = keyof typeof TIMEOUTS;
type TransactionCommand = readonly [stage: ForwardingStage | 'MAIL' | 'RCPT' | 'DATA', line: string];

/** Octets of commands sent before their replies are read (RFC 2920). */
const PIPELINE = 4096;
const FINAL_DOT = [Buffer.from('.\r\n')];

const announcesEsmtp = (greeting: PeerReply): boolean =>
  greeting.lines.some((line) =>
    line
      .slice(4)
      .split(/[ \t]+/)
      .some((word) => word.toUpperCase() === 'ESMTP'),
  );

const isForwarding = (stage: Stage): stage is ForwardingStage => stage === 'XFORWARD name' || stage === 'XFORWARD helo';

const kindOf = (reply: PeerReply): number => Math.floor(reply.code / 100);
/** Postfix reports these to the postmaster: they may be our own mistakes. */
const isOurMistake = ({ code, odd }: PeerReply): boolean =>
  odd || code < 200 || code > 599 || code === 555 || (code >= 500 && code < 510);

export class SmtpSession {
  readonly #connection: PeerConnection;
  readonly #options: SessionOptions;
  #capabilities: Capabilities = NO_CAPABILITIES;
  #protocolError = false;
  #startTlsRefused = false;
  /** Number of transactions so far. */
  count = 0;

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.#connection = new PeerConnection(options.socket, options.listener, options.deadline);
  }

  /** Runs the dialog up to the reply to the last EHLO. Rejects with SessionFault; the session is then closed. */
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

  /** The server (or someone in between) offered STARTTLS and then refused it. */
  get startTlsRefused(): boolean {
    return this.#startTlsRefused;
  }

  /** Another transaction is possible. */
  get usable(): boolean {
    return this.#connection.isQuiet && !this.#protocolError;
  }

  /** A reply violated the protocol. */
  get protocolError(): boolean {
    return this.#protocolError;
  }

  get transcript(): string {
    return this.#connection.transcript;
  }

  /** SIZE as announced; 0 means no limit. */
  get sizeLimit(): number {
    return this.#capabilities.sizeLimit;
  }

  get peerWords(): string {
    return this.#options.peerWords;
  }

  offers(extension: 'AUTH' | 'DSN' | 'PIPELINING' | 'SIZE' | 'SMTPUTF8' | 'STARTTLS' | '8BITMIME'): boolean {
    const { extensions } = this.#capabilities;
    // A server that accepts UTF-8 in header fields accepts it in bodies, whatever it announces.
    return extensions.has(extension) || (extension === '8BITMIME' && extensions.has('SMTPUTF8'));
  }

  get mechanisms(): readonly string[] {
    return this.#capabilities.mechanisms;
  }

  /** The attributes of XFORWARD that the server takes. */
  get xforward(): ReadonlySet<string> {
    return this.#capabilities.xforward;
  }

  /** Sends a command and returns its reply. Rejects with SessionFault. `shown`: the line for the transcript. */
  async ask(stage: AnsweredStage, line: string, shown = line): Promise<PeerReply> {
    this.#connection.send([line], [shown]);
    return this.#answer(stage);
  }

  /** Whether the server still responds, before a transaction in a cached session. Never rejects. */
  async probe(): Promise<boolean> {
    try {
      return this.usable && kindOf(await this.ask('RSET', 'RSET')) === 2 && this.usable;
    } catch {
      return false;
    }
  }

  /** One transaction: the fate of each recipient, in order. Never rejects. */
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

  /**
   * Whether the server would take a message for the only recipient: nothing of it is sent, its body is not read. Never
   * rejects.
   */
  async verify({ before, mail, recipients: [recipient = ''] }: OutgoingMessage, target: VerifyTarget): Promise<Fate> {
    this.count += 1;
    const commands: TransactionCommand[] = [...before, ['MAIL', mail], ['RCPT', recipient]];
    if (target === 'data') commands.push(['DATA', 'DATA']);
    try {
      let answer: PeerReply | null = null;
      for (const [stage, line] of commands) {
        answer = await this.ask(stage, line);
        if (kindOf(answer) === (stage === 'DATA' ? 3 : 2)) continue;
        if (isForwarding(stage)) {
          this.#warnOf(stage, answer);
          continue;
        }
        this.#judge(answer);
        await this.#giveUp();
        return { refused: answer, stage };
      }
      // After DATA, only the end of the connection is not a message.
      if (target === 'data') this.destroy();
      else await this.#giveUp();
      return answer === null ? { fault: new SessionFault('end', { kind: 'lost' }) } : { sent: answer };
    } catch (error) {
      if (!(error instanceof SessionFault)) throw error;
      this.#describe(error);
      this.destroy();
      return { fault: error };
    }
  }

  quit(): void {
    this.#connection.quit(this.#options.timeouts.QUIT, this.#options.waitsForQuit);
  }

  destroy(): void {
    this.#connection.destroy();
  }

  async #open(): Promise<void> {
    const { starttls } = this.#options;
    if (starttls === 'wrap') await this.#startTls();
    const greeting = await this.#answer('greeting');
    if (kindOf(greeting) !== 2) throw this.#refused('greeting', greeting);
    await this.#sayHello(greeting);
    if (starttls !== 'try' && starttls !== 'require') return;
    if (this.offers('STARTTLS')) {
      const answer = await this.ask('STARTTLS', 'STARTTLS');
      if (kindOf(answer) === 2) {
        this.#capabilities = NO_CAPABILITIES;
        await this.#startTls();
        return this.#sayHello(greeting);
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

  async #sayHello(greeting: PeerReply): Promise<void> {
    const { heloName, hello, ignoredKeywords } = this.#options;
    if (hello === 'EHLO' || hello === 'LHLO' || (hello === 'as announced' && announcesEsmtp(greeting))) {
      const stage = hello === 'LHLO' ? 'LHLO' : 'EHLO';
      const answer = await this.ask(stage, `${stage} ${heloName}`);
      if (kindOf(answer) === 2) {
        this.#capabilities = parseCapabilities(answer.lines, ignoredKeywords);
        return;
      }
      if (stage === 'LHLO' || answer.code === 421) throw this.#refused(stage, answer);
    }
    const older = await this.ask('HELO', `HELO ${heloName}`);
    if (kindOf(older) !== 2) throw this.#refused('HELO', older);
  }

  async #startTls(): Promise<void> {
    const { timeouts } = this.#options;
    let socket: TLSSocket;
    try {
      socket = await this.#connection.startTls(
        // Names are checked by `faultOf`.
        { ...this.#options.tls(), rejectUnauthorized: false, checkServerIdentity: () => undefined },
        timeouts.STARTTLS,
      );
    } catch (error) {
      throw new SessionFault(
        'STARTTLS',
        { kind: 'tls', words: 'Cannot start TLS: handshake failure' },
        messageOf(error),
      );
    }
    const fault = this.#options.faultOf(socket);
    if (fault !== null)
      throw new SessionFault('STARTTLS', { kind: 'tls', words: 'Server certificate not verified' }, fault);
  }

  /** True if the message may follow, or if all recipients were refused but the server expects a final dot. */
  async #sendEnvelope(message: OutgoingMessage, transaction: Transaction): Promise<boolean> {
    const commands: readonly TransactionCommand[] = [
      ...message.before,
      ['MAIL', message.mail],
      ...message.recipients.map((line) => ['RCPT', line] as const),
      ['DATA', 'DATA'],
    ];
    let recipient = 0;
    const lineAt = (index: number): string => commands[index]?.[1] ?? '';
    const last = commands.length - 1;
    const pipelined = this.offers('PIPELINING');
    for (let next = 0; next <= last; ) {
      if (next > 0 && transaction.isHopeless) return false;
      const batch: string[] = [];
      let octets = 0;
      do {
        const line = lineAt(next + batch.length);
        batch.push(line);
        octets += line.length + 2;
      } while (pipelined && next + batch.length <= last && octets + lineAt(next + batch.length).length + 2 <= PIPELINE);
      this.#connection.send(batch);
      for (const end = next + batch.length; next < end; next += 1) {
        const [stage] = commands[next] ?? ['DATA'];
        const answer = await this.#answer(stage);
        const goesOn = kindOf(answer) === (stage === 'DATA' ? 3 : 2);
        if (isForwarding(stage)) {
          if (!goesOn) this.#warnOf(stage, answer);
          continue;
        }
        if (!goesOn) this.#judge(answer);
        if (stage === 'RCPT') transaction.recipient(recipient++, answer, goesOn);
        else if (stage === 'DATA' && goesOn) return true;
        else if (!goesOn) transaction.conclude({ refused: answer, stage });
      }
    }
    return false;
  }

  async #sendBody(body: OutgoingMessage['body'], transaction: Transaction): Promise<void> {
    const { survivors } = transaction;
    this.#connection.beginTransfer(this.#options.timeouts.XFER);
    const early = survivors.length === 0 ? null : await this.#write(body);
    if (early !== null) throw early;
    await this.#connection
      .write(FINAL_DOT, this.#options.timeouts.XFER)
      .catch((error: unknown) => Promise.reject(this.#translate(error, 'end')));
    if (this.#options.hello !== 'LHLO' || survivors.length === 0) {
      const answer = await this.#answer('end');
      const taken = kindOf(answer) === 2;
      if (!taken && survivors.length > 0) this.#judge(answer);
      transaction.conclude(taken ? { sent: answer } : { refused: answer, stage: 'end' });
      return;
    }
    // LMTP replies for each accepted recipient (RFC 2033 section 4.2).
    for (const index of survivors) {
      const answer = await this.#answer('end');
      const taken = kindOf(answer) === 2;
      if (!taken) this.#judge(answer);
      transaction.settle(index, taken ? { sent: answer } : { refused: answer, stage: 'end' });
    }
  }

  /**
   * Sends the message up to its final dot. A reply that arrives early is kept until the end, as in Postfix. Returns a
   * fault if the message must not be terminated: a peer that has replied already cannot be acknowledging what follows.
   */
  async #write(body: OutgoingMessage['body']): Promise<SessionFault | null> {
    try {
      for await (const pieces of body) await this.#connection.write(pieces, this.#options.timeouts.XFER);
    } catch (error) {
      if (error instanceof SessionFault) return error;
      if (!(error instanceof ConnectionFault))
        return new SessionFault('body', { kind: 'content', error }, messageOf(error));
      const early = this.#connection.earlyReply;
      return early !== null && kindOf(early) >= 4 ? this.#refused('body', early) : this.#translate(error, 'body');
    }
    const early = this.#connection.earlyReply;
    if (early === null || kindOf(early) >= 4) return null;
    this.#protocolError = true;
    const words = `Protocol error: host ${this.peerWords} said before the end of the message: ${replyText(early)}`;
    return new SessionFault('body', { kind: 'policy', enhanced: '4.5.0', words });
  }

  /** Sends RSET; its reply does not affect the recipients. */
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
      const said = await this.#connection.reply(this.#options.timeouts[TIMEOUTS[stage]]);
      const answer = await this.#filtered(said, stage);
      if (answer.odd) this.#protocolError = true;
      return answer;
    } catch (error) {
      throw this.#translate(error, stage);
    }
  }

  async #filtered(said: PeerReply, stage: Stage): Promise<PeerReply> {
    const { replyFilter } = this.#options;
    if (replyFilter === null) return said;
    return replyFilter(said).catch((error: unknown) => {
      const words = `local data error while talking to ${this.peerWords}`;
      throw new SessionFault(stage, { kind: 'policy', enhanced: '4.3.0', words }, messageOf(error));
    });
  }

  #warnOf(stage: Stage, answer: PeerReply): void {
    this.#options.warn(`host ${this.peerWords} said: ${replyText(answer)} (in reply to ${commandWords(stage)})`);
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
