/**
 * The state of one SMTP session, as its commands see it: the client, the transaction under way, the hooks to ask, and
 * what may be said and read on its connection. The loop that runs the commands is dialog.ts.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection, HookArguments, HookName, Verdict } from '../../bus/hook.ts';
import { NEXT } from '../../bus/hook.ts';
import type { Intake } from '../../delivery/receive/receiver.ts';
import { messageOf } from '../../errors.ts';
import type { Reply } from '../../mail/status.ts';
import type { SocketLineConnection } from '../../net/line-connection.ts';
import type { BareLfWatch, BodyReader } from '../../protocol/smtp/body.ts';
import * as say from '../../protocol/smtp/replies.ts';
import { encodeReply } from '../../protocol/smtp/reply.ts';
import type { AccountEnd } from '../login/account-watch.ts';
import { type BodySink, receiveBody } from './body.ts';
import { ClientConnection } from './connection.ts';
import { bareLfLine, clientOf, rejectLine, tlsLine } from './maillog.ts';
import { Patience } from './patience.ts';
import type { SmtpService } from './service.ts';
import type { BareNewline, SmtpSettings } from './settings.ts';
import { type RefusingHook, refusalOf } from './verdict.ts';

/** A command's outcome; null where nothing more is to be said: it was said already, or the client has gone. */
export type Answer = Reply | null;

/** The longest line that any command may have: AUTH with its initial response (RFC 4954 section 4.1). */
const MAX_LINE = 12_288;
/** Lines read in one go before other connections get their turn. */
const MAX_SYNCHRONOUS = 50;
/** The values of smtpd_forbid_bare_newline for which a command's line end counts. */
const NOTICES_BARE_LF: ReadonlySet<BareNewline> = new Set(['note', 'reject']);
/** The stages in which a message comes. */
const RECEIVING: ReadonlySet<string> = new Set(['DATA', 'BDAT']);

export class SmtpSession {
  readonly service: SmtpService;
  readonly wire: SocketLineConnection;
  /** What hooks are shown of the session. */
  readonly connection: ClientConnection;
  readonly patience: Patience;
  /** The message on its way in: aborted when the session ends before it does. */
  intake: Intake | null = null;
  /** After a BDAT that failed: its transaction swallows chunks until RSET or LAST (RFC 3030 section 2). */
  bdat: 'none' | 'receiving' | 'failed' = 'none';
  /** Watches the message on its way in for bare LFs, where somebody wants to know. */
  bareLfs: BareLfWatch | null = null;
  /** The verb in work or last worked, for `lost connection after`. */
  stage = 'CONNECT';
  /** A command is in work and waits for nothing from the client. */
  working = false;
  /** The search for the client's name, while it goes on. */
  naming: Promise<void> | null = null;
  #ending = false;
  #left = false;
  #notesBareLf = false;
  #linesInOneGo = 0;
  /** The account that logged in may not stay so: the session is about to end. */
  #accountEnd: AccountEnd | null = null;
  #unwatchAccount: () => void = () => {};
  #bareNewline: BareNewline | null = null;

  constructor(service: SmtpService, wire: SocketLineConnection) {
    this.service = service;
    this.wire = wire;
    this.patience = new Patience(service.settings);
    const { id, remote, local, tls } = wire;
    this.connection = new ClientConnection({
      id,
      service: service.name,
      parameters: service.parameters,
      ...remote,
      local,
      tls,
    });
    if (service.lmtp) this.connection.protocol = 'LMTP';
    wire.setIdleTimeout(service.settings.timeout, () => this.#timedOut());
  }

  get id(): string {
    return this.connection.id;
  }

  get settings(): SmtpSettings {
    return this.service.settings;
  }

  /** `name[ip]` */
  get client(): string {
    return clientOf(this.connection);
  }

  /** We end the connection, or the client said QUIT. */
  get ending(): boolean {
    return this.#ending;
  }

  /** The command in work wanted something from the client that does not come any more. */
  get left(): boolean {
    return this.#left;
  }

  /** A bare LF was noted (smtpd_forbid_bare_newline = note). */
  get notesBareLf(): boolean {
    return this.#notesBareLf;
  }

  /** The stage with the octets of a message whose end did not come: `DATA (21 bytes)`. */
  get stageWords(): string {
    const received = this.connection.transaction?.receivedLines ?? null;
    return received === null || !RECEIVING.has(this.stage) ? this.stage : `${this.stage} (${received} bytes)`;
  }

  /** Undefined where the client's name is known already. */
  nameKnown(): Promise<void> | undefined {
    return this.naming ?? undefined;
  }

  info(message: string): void {
    this.service.log.info({ session: this.id }, message);
  }

  // ---- what is said and read

  /** The replies to a group of pipelined commands leave together (SocketLineConnection, gathersOutput). */
  say(answer: Reply): void {
    const text = encodeReply(answer);
    this.wire.write(/[^\x00-\x7f]/.test(text) ? Buffer.from(text) : text);
  }

  /** The connection ends when the answer of the command in work has gone out. */
  endAfterAnswer(): void {
    this.#ending = true;
  }

  /** Closes; what was said before still goes out. */
  close(): void {
    this.#ending = true;
    void this.wire.close();
  }

  /** Says a last word and closes. */
  end(answer: Reply, logged?: string): void {
    if (logged !== undefined) this.info(logged);
    this.say(answer);
    this.close();
  }

  /** The next line without its line end; null where there is none to be taken any more. Throws InputTooLongError. */
  readLine(): Promise<Buffer | null> {
    this.#linesInOneGo = this.wire.hasInput ? this.#linesInOneGo + 1 : 0;
    if (this.#linesInOneGo > MAX_SYNCHRONOUS) return this.#readLineInTurn();
    return NOTICES_BARE_LF.has(this.settings.bareNewline) ? this.#readLineWithCr() : this.wire.readLine(MAX_LINE);
  }

  /** Other connections first. */
  async #readLineInTurn(): Promise<Buffer | null> {
    this.#linesInOneGo = 0;
    await nextTurn();
    return this.readLine();
  }

  async #readLineWithCr(): Promise<Buffer | null> {
    const line = await this.wire.readLine(MAX_LINE);
    return line === null || !this.wire.endedWithLf || (await this.#mayEndWithLf()) ? line : null;
  }

  /**
   * Says something and reads the line that answers it: AUTH's challenges. Null where the client has gone. Throws
   * InputTooLongError.
   */
  async prompt(challenge: Reply): Promise<string | null> {
    this.say(challenge);
    const line = await this.#onClient(() => this.readLine());
    if (line === null) this.#left = true;
    return line?.toString('latin1') ?? null;
  }

  /** Reads a body to its end: false where it does not come any more. */
  async readBody(reader: BodyReader, sink: BodySink): Promise<boolean> {
    const whole = await this.#onClient(() => this.#readBody(reader, sink));
    if (!whole) this.#left = true;
    return whole;
  }

  async #readBody(reader: BodyReader, sink: BodySink): Promise<boolean> {
    try {
      return await receiveBody(this.wire, this.bareLfs?.over(reader) ?? reader, sink);
    } catch (error) {
      this.service.log.error(
        { session: this.id, err: error },
        `internal error after ${this.stageWords} from ${this.client}`,
      );
      // The rest of the body must not be taken for commands.
      this.wire.destroy();
      return false;
    }
  }

  /** STARTTLS: false where the handshake failed; the connection is gone then. */
  async secure(): Promise<boolean> {
    try {
      await this.wire.startTls();
    } catch (error) {
      this.#left = true;
      this.info(`SSL_accept error from ${this.client}: ${messageOf(error)}`);
      return false;
    }
    this.#forgetClearText();
    return true;
  }

  /** Something within a command that waits for the client. */
  async #onClient<T>(wait: () => Promise<T>): Promise<T> {
    this.working = false;
    if (this.#accountEnd !== null) this.#endForAccount(this.#accountEnd);
    const result = await wait();
    this.working = true;
    return result;
  }

  #timedOut(): void {
    this.end(say.timeoutExceeded(this.settings.host), `timeout after ${this.stageWords} from ${this.client}`);
  }

  // ---- bare LFs

  /** What smtpd_forbid_bare_newline demands of this client. */
  bareNewline(): BareNewline | Promise<BareNewline> {
    return this.#bareNewline ?? this.#findBareNewline();
  }

  async #findBareNewline(): Promise<BareNewline> {
    let { bareNewline } = this.settings;
    if (bareNewline !== 'no') {
      await this.nameKnown();
      try {
        if (await this.service.mayEndLinesWithLf(this.connection)) bareNewline = 'no';
      } catch (error) {
        this.service.log.warn(
          { session: this.id, err: error },
          `smtpd_forbid_bare_newline_exclusions cannot be looked up for ${this.client}`,
        );
      }
    }
    this.#bareNewline = bareNewline;
    return bareNewline;
  }

  /** A command's line ended without CR: false where that ends the session. */
  async #mayEndWithLf(): Promise<boolean> {
    const bareNewline = await this.bareNewline();
    if (bareNewline === 'note') this.noteBareLf();
    if (bareNewline !== 'reject') return true;
    const { bareNewlineRejectCode, host } = this.settings;
    if (!this.wire.isGone) this.end(say.bareLf(bareNewlineRejectCode, host), bareLfLine(this.connection, this.stage));
    return false;
  }

  /** The disconnect line will say that a line ended without CR (smtpd_forbid_bare_newline = note). */
  noteBareLf(): void {
    this.#notesBareLf = true;
  }

  // ---- hooks and refusals

  /** NEXT at once where nobody listens. */
  async ask<N extends HookName>(hook: N, argument: HookArguments[N]): Promise<Verdict> {
    return this.service.hooks.has(hook) ? this.service.hooks.run(hook, argument) : NEXT;
  }

  /**
   * Asks a hook that may refuse. Undefined where it does not; otherwise what to answer (null: nothing), logged.
   * `stage` and `subject` word the log line and the refusal.
   */
  async refused<N extends RefusingHook>(
    hook: N,
    argument: HookArguments[N],
    stage: string,
    subject: string,
  ): Promise<Answer | undefined> {
    return this.refuses(hook, await this.ask(hook, argument), stage, subject);
  }

  /** The same for a verdict that was given. */
  refuses(hook: RefusingHook, verdict: Verdict, stage: string, subject: string): Answer | undefined {
    const refusal = refusalOf(hook, verdict, subject);
    if (refusal === null) return undefined;
    if (refusal.disconnect) this.#ending = true;
    if (refusal.reply !== null) this.logReject(stage, refusal.reply, hook === 'rcpt' ? subject : '');
    return refusal.reply;
  }

  logReject(stage: string, refusal: Reply, recipient: string): void {
    this.info(rejectLine(this.connection, stage, refusal, recipient));
  }

  // ---- turning points

  /** The session ends when the account may not stay logged in: at once, or after the command in work. */
  loggedIn(user: NonNullable<Connection['user']>): void {
    this.#logOut();
    this.connection.user = user;
    this.#unwatchAccount = this.service.authenticator.watch(user.account, (why) => this.#accountEnded(why, user.login));
  }

  #logOut(): void {
    this.#unwatchAccount();
    this.#unwatchAccount = () => {};
    this.connection.user = null;
  }

  #accountEnded(why: AccountEnd, login: string): void {
    this.info(`${why.toLowerCase()}: ending the session of ${this.client}, sasl_username=${login}`);
    this.#accountEnd = why;
    if (this.working) this.#ending = true;
    else this.#endForAccount(why);
  }

  /** What the client still sends of its message goes nowhere. */
  #endForAccount(why: AccountEnd): void {
    this.resetTransaction();
    this.end(say.accountEnded(this.settings.host, why));
  }

  /** RFC 3207 section 4.2. */
  #forgetClearText(): void {
    const { connection } = this;
    this.resetTransaction();
    this.#logOut();
    connection.helo = null;
    connection.protocol = this.service.lmtp ? 'LMTP' : 'SMTP';
    connection.pipelined = false;
    connection.tls = this.wire.tls;
    this.logTls();
  }

  /** Behind `connect from`, whose name may still be looked for where TLS came first. */
  logTls(): void {
    const { tls } = this.connection;
    if (tls === null || this.settings.tlsLogLevel < 1) return;
    const log = (): void => this.info(tlsLine(this.connection, tls));
    const naming = this.nameKnown();
    if (naming === undefined) log();
    else naming.then(log, log);
  }

  /** The end of the message came: a connection that is lost from here on loses no mail. */
  messageCame(): void {
    this.stage = 'END-OF-MESSAGE';
  }

  resetTransaction(): void {
    this.intake?.abort();
    this.intake = null;
    this.bdat = 'none';
    this.bareLfs = null;
    this.connection.transaction = null;
  }

  /** Nothing of it is kept. */
  over(): void {
    this.resetTransaction();
    this.#unwatchAccount();
  }
}
