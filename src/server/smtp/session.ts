/**
 * The state of one SMTP session, as its commands see it: the client, the current transaction, the hooks, and input and
 * output on its connection. dialog.ts runs the commands.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection, HookArguments, HookName, Verdict } from '../../bus/hook.ts';
import { NEXT } from '../../bus/hook.ts';
import { counters } from '../../counters.ts';
import type { MilterSession } from '../../delivery/milter/session.ts';
import type { Intake } from '../../delivery/receive/receiver.ts';
import { messageOf } from '../../errors.ts';
import type { Reply } from '../../mail/status.ts';
import type { SaslMechanism } from '../../protocol/sasl/mechanism.ts';
import type { BareLfWatch, BodyReader } from '../../protocol/smtp/body.ts';
import type { ClientAttributes } from '../../protocol/smtp/client-attributes.ts';
import * as say from '../../protocol/smtp/replies.ts';
import { encodeReply } from '../../protocol/smtp/reply.ts';
import { trace } from '../../tracing.ts';
import type { AccountEnd } from '../login/account-watch.ts';
import { bindable } from '../login/offer.ts';
import { type BodySink, receiveBody } from './body.ts';
import { withinDeadline } from './body-deadline.ts';
import { type ClientRights, NO_RIGHTS } from './client-rights.ts';
import { ClientConnection, type MailTransaction } from './connection.ts';
import { bareLfLine, clientOf, rejectLine, tlsLine } from './maillog.ts';
import { Patience } from './patience.ts';
import type { FilteredTransaction } from './proxy/service.ts';
import { soft, withFooter } from './refusal-form.ts';
import type { SmtpService } from './service.ts';
import type { BareNewline, SmtpSettings } from './settings.ts';
import { type RefusingHook, refusalOf } from './verdict.ts';
import type { KnownClient, Wire } from './wire.ts';

/** A command's outcome; null if no reply is to be sent, because it was sent already or the client has disconnected. */
export type Answer = Reply | null;

/** The longest line that any command may have: AUTH with its initial response (RFC 4954 section 4.1). */
const MAX_LINE = 12_288;
/** Lines read in a row before other connections get their turn. */
const MAX_SYNCHRONOUS = 50;
/** The values of smtpd_forbid_bare_newline for which command lines are checked too. */
const NOTICES_BARE_LF: ReadonlySet<BareNewline> = new Set(['note', 'reject']);
/** Their refusals are about one recipient. */
const ABOUT_RECIPIENTS: ReadonlySet<RefusingHook> = new Set(['rcpt', 'rcpt_ok']);
/** The stages in which a message comes. */
const RECEIVING: ReadonlySet<string> = new Set(['DATA', 'BDAT']);

export class SmtpSession {
  readonly service: SmtpService;
  readonly wire: Wire;
  /** The session as shown to hooks. */
  readonly connection: ClientConnection;
  readonly patience: Patience;
  /** The message being received: aborted if the session ends first. */
  intake: Intake | null = null;
  /** The transaction goes through a filter before the queue. */
  filtered: FilteredTransaction | null = null;
  /** Null if none looks at this client. */
  milters: MilterSession | null = null;
  /** After a failed BDAT: the transaction discards chunks until RSET or LAST (RFC 3030 section 2). */
  bdat: 'none' | 'receiving' | 'failed' = 'none';
  /** Watches the message being received for bare LFs, if the setting requires it. */
  bareLfs: BareLfWatch | null = null;
  /** The current or last verb, for `lost connection after`. */
  stage = 'CONNECT';
  /** A command is running and is not waiting for the client. */
  working = false;
  /** The lookup of the client's name, while it is running. */
  naming: Promise<void> | null = null;
  /** Of the client as it is known now. */
  rights: ClientRights = NO_RIGHTS;
  /** A plugin refused the connection: only QUIT is answered. */
  denied = false;
  /** Extensions that a plugin took away. */
  withdrawn: ReadonlySet<string> = new Set();
  /** What XFORWARD said of the next message's client. */
  forwarded: ClientAttributes = new Map();
  #ending = false;
  #left = false;
  #notesBareLf = false;
  #linesInOneGo = 0;
  /** The transaction that ended with an answer, for the answer's footer. */
  #ended: { readonly answer: Reply; readonly transaction: MailTransaction } | null = null;
  #footer: { readonly answer: Reply; readonly template: string | undefined } | null = null;
  /** A line is the response to a challenge. */
  #isPrompting = false;
  /** Set when the logged-in account may not stay so: the session is about to end. */
  #accountEnd: AccountEnd | null = null;
  #unwatchAccount: () => void = () => {};
  #bareNewline: BareNewline | null = null;
  #certificateFault: string | null = null;

  constructor(service: SmtpService, wire: Wire, known: KnownClient) {
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
      wire,
      tls: known.tls ?? tls,
    });
    if (service.lmtp) this.connection.protocol = 'LMTP';
    if (known.user !== undefined) this.loggedIn(known.user);
    wire.setIdleTimeout(service.settings.timeout, () => this.#timedOut());
  }

  get id(): string {
    return this.connection.id;
  }

  /** Of SASL, those that this connection could use. */
  get mechanisms(): readonly SaslMechanism[] {
    return bindable(this.service.mechanisms, this.wire);
  }

  get settings(): SmtpSettings {
    return this.service.settings;
  }

  /** Extensions that this client is not offered. */
  get discardedKeywords(): ReadonlySet<string> {
    const discarded = this.rights.discardedKeywords ?? this.settings.discardedKeywords;
    return this.withdrawn.size === 0 ? discarded : new Set([...discarded, ...this.withdrawn]);
  }

  /** `name[ip]` */
  get client(): string {
    return clientOf(this.connection);
  }

  /** We end the connection, or the client said QUIT. */
  get ending(): boolean {
    return this.#ending;
  }

  /** The current command waited for client input that will not come any more. */
  get left(): boolean {
    return this.#left;
  }

  /** A bare LF was noted (smtpd_forbid_bare_newline = note). */
  get notesBareLf(): boolean {
    return this.#notesBareLf;
  }

  /** The stage, with the octets of a message whose end was not received: `DATA (21 bytes)`. */
  get stageWords(): string {
    const received = this.connection.transaction?.receivedLines ?? null;
    return received === null || !RECEIVING.has(this.stage) ? this.stage : `${this.stage} (${received} bytes)`;
  }

  /** Of the transaction, as the client wrote it; '' if there are none, or several. */
  get onlyRecipient(): string {
    const [first, ...more] = this.connection.transaction?.recipients ?? [];
    return first === undefined || more.length > 0 ? '' : first.original;
  }

  /** Undefined if the client's name is known already. */
  nameKnown(): Promise<void> | undefined {
    return this.naming ?? undefined;
  }

  info(message: string): void {
    this.service.log.info({ session: this.id }, message);
  }

  // ---- input and output

  /** The replies to a group of pipelined commands are sent together (SocketLineConnection, gathersOutput). */
  say(answer: Reply): void {
    const { settings, connection, service } = this;
    const said = soft(answer, settings.refusals);
    const { allowed } = settings.refusals;
    const transaction = this.#ended?.answer === answer ? this.#ended.transaction : connection.transaction;
    const form = { footer: this.#footerOf(answer), allowed };
    const text = encodeReply(withFooter(said, form, connection, service.clock(), transaction));
    counters.smtpReplies.count(service.name, `${text.charAt(0)}xx`);
    trace()?.add({ kind: 'reply', text: text.trimEnd() });
    this.wire.write(/[^\x00-\x7f]/.test(text) ? Buffer.from(text) : text);
  }

  /** The transaction is over with this answer. */
  endTransaction(transaction: MailTransaction, answer: Reply): void {
    this.#ended = { answer, transaction };
    this.resetTransaction();
  }

  /** Waits for the footer of a refusal that is about to be said. */
  async findFooter(answer: Reply): Promise<void> {
    const template = await this.service.footers?.find(soft(answer, this.settings.refusals));
    this.#footer = { answer, template };
  }

  /**
   * A table that has to be waited for is not asked about what ends a session by itself, such as a timeout.
   */
  #footerOf(answer: Reply): string {
    const { footer } = this.settings.refusals;
    const { footers } = this.service;
    if (footers === null || answer.code < 400) return footer;
    const found =
      this.#footer?.answer === answer ? this.#footer.template : footers.find(soft(answer, this.settings.refusals));
    return typeof found === 'string' ? found : footer;
  }

  /** The connection ends after the current command's reply. */
  endAfterAnswer(): void {
    this.#ending = true;
  }

  /** Closes; pending output is still sent. */
  close(): void {
    this.#ending = true;
    void this.wire.close();
  }

  /** Sends a final reply and closes. */
  end(answer: Reply, logged?: string): void {
    if (logged !== undefined) this.info(logged);
    this.say(answer);
    this.close();
  }

  /** The next line without its line end; null if there are no more. Throws InputTooLongError. */
  readLine(): Promise<Buffer | null> {
    this.#linesInOneGo = this.wire.hasInput ? this.#linesInOneGo + 1 : 0;
    if (this.#linesInOneGo > MAX_SYNCHRONOUS) return this.#readLineInTurn();
    return NOTICES_BARE_LF.has(this.settings.bareNewline)
      ? this.#readLineWithCr()
      : this.wire.readLine(this.#lineLimit);
  }

  get #lineLimit(): number {
    return this.#isPrompting ? this.settings.sasl.responseLimit : MAX_LINE;
  }

  /** Lets other connections run first. */
  async #readLineInTurn(): Promise<Buffer | null> {
    this.#linesInOneGo = 0;
    await nextTurn();
    return this.readLine();
  }

  async #readLineWithCr(): Promise<Buffer | null> {
    const line = await this.wire.readLine(this.#lineLimit);
    return line === null || !this.wire.endedWithLf || (await this.#mayEndWithLf()) ? line : null;
  }

  /**
   * Sends a reply and reads the line that answers it: AUTH's challenges. Null if the client has disconnected. Throws
   * InputTooLongError.
   */
  async prompt(challenge: Reply): Promise<string | null> {
    this.say(challenge);
    this.#isPrompting = true;
    const line = await this.#onClient(() => this.readLine());
    this.#isPrompting = false;
    if (line === null) this.#left = true;
    return line?.toString('latin1') ?? null;
  }

  /** The line that was read, or could not be, is the response to a challenge. Asking ends that. */
  takePrompting(): boolean {
    const was = this.#isPrompting;
    this.#isPrompting = false;
    return was;
  }

  /** Reads a body to its end: false if the end is not received. */
  async readBody(reader: BodyReader, sink: BodySink): Promise<boolean> {
    const whole = await this.#onClient(() => this.#readBody(reader, sink));
    if (!whole) this.#left = true;
    return whole;
  }

  async #readBody(reader: BodyReader, sink: BodySink): Promise<boolean> {
    try {
      const { bodyDeadline } = this.settings;
      const input = bodyDeadline === null ? this.wire : withinDeadline(this.wire, bodyDeadline, () => this.#timedOut());
      return await receiveBody(input, this.bareLfs?.over(reader) ?? reader, sink);
    } catch (error) {
      this.service.log.error(
        { session: this.id, err: error },
        `internal error after ${this.stageWords} from ${this.client}`,
      );
      // The rest of the body must not be parsed as commands.
      this.wire.destroy();
      return false;
    }
  }

  /** STARTTLS: false if the handshake failed; the connection is then closed. */
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

  /** Wraps a wait for the client within a command. */
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

  /** The smtpd_forbid_bare_newline setting for this client. */
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

  /** A command line ended without CR: false if that ends the session. */
  async #mayEndWithLf(): Promise<boolean> {
    const bareNewline = await this.bareNewline();
    if (bareNewline === 'note') this.noteBareLf();
    if (bareNewline !== 'reject') return true;
    const { bareNewlineRejectCode, host } = this.settings;
    if (!this.wire.isGone) this.end(say.bareLf(bareNewlineRejectCode, host), bareLfLine(this.connection, this.stage));
    return false;
  }

  /** The disconnect line will report that a line ended without CR (smtpd_forbid_bare_newline = note). */
  noteBareLf(): void {
    this.#notesBareLf = true;
  }

  // ---- hooks and refusals

  /** Returns NEXT at once if no plugin wants to be asked. */
  async ask<N extends HookName>(hook: N, argument: HookArguments[N]): Promise<Verdict> {
    return this.service.hooks.has(hook, this.connection) ? this.service.hooks.run(hook, argument) : NEXT;
  }

  /**
   * Asks a hook that may refuse. Undefined if it does not; otherwise the reply (null: none), already logged. `stage`
   * and `subject` are used in the log line and the refusal.
   */
  async refused<N extends RefusingHook>(
    hook: N,
    argument: HookArguments[N],
    stage: string,
    subject: string,
  ): Promise<Answer | undefined> {
    return this.refuses(hook, await this.ask(hook, argument), stage, subject);
  }

  /** The same for a given verdict. */
  refuses(hook: RefusingHook, verdict: Verdict, stage: string, subject: string): Answer | undefined {
    const refusal = refusalOf(hook, verdict, subject);
    if (refusal === null) return undefined;
    if (refusal.disconnect) this.#ending = true;
    if (refusal.reply !== null)
      this.logReject(stage, refusal.reply, ABOUT_RECIPIENTS.has(hook) ? subject : this.onlyRecipient);
    return refusal.reply;
  }

  logReject(stage: string, refusal: Reply, recipient: string): void {
    counters.rejects.count(this.service.name, stage, `${Math.floor(refusal.code / 100)}xx`);
    const { remote, user, transaction } = this.connection;
    // posthorn top reads them (traffic/traffic.ts): addresses in the line itself may hold anything.
    const reject = {
      client: remote.ip,
      user: user?.login ?? '',
      sender: transaction?.reversePath ?? '',
      recipient,
    };
    this.service.log.info(
      { session: this.id, reject },
      rejectLine(this.connection, stage, soft(refusal, this.settings.refusals), recipient),
    );
  }

  // ---- state transitions

  /** The session ends when the account may not stay logged in: at once, or after the current command. */
  loggedIn(user: NonNullable<Connection['user']>): void {
    this.logOut();
    this.connection.user = user;
    this.#unwatchAccount = this.service.authenticator.watch(user.account, (why) => this.#accountEnded(why, user.login));
  }

  logOut(): void {
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

  /** The rest of the client's message is discarded. */
  #endForAccount(why: AccountEnd): void {
    this.resetTransaction();
    this.end(say.accountEnded(this.settings.host, why));
  }

  /** XCLIENT: from now on the session is that of another client, who has said nothing yet. */
  impersonate(attributes: ClientAttributes): void {
    this.resetTransaction();
    this.logOut();
    this.connection.become(attributes);
    this.#bareNewline = null;
  }

  /** RFC 3207 section 4.2. */
  #forgetClearText(): void {
    const { connection } = this;
    this.resetTransaction();
    this.logOut();
    if (connection.helo !== null) this.milters?.abort();
    connection.helo = null;
    connection.protocol = this.service.lmtp ? 'LMTP' : 'SMTP';
    connection.pipelined = false;
    connection.tls = this.wire.tls;
    this.logTls();
    this.judgeCertificate();
  }

  /** smtpd_tls_req_ccert: why the session ends with the next command; null if it does not. */
  get certificateFault(): string | null {
    return this.#certificateFault;
  }

  /** After a handshake. */
  judgeCertificate(): void {
    const { tls } = this.connection;
    if (tls === null || !this.settings.requiresCertificate || tls.peer?.trusted === true) return;
    this.#certificateFault = tls.peer === null ? 'No client certificate presented' : 'Client certificate not trusted';
    if (tls.peer !== null) this.info(`certificate verification failed for ${this.client}: ${tls.peer.fault}`);
    this.info(`NOQUEUE: abort: TLS from ${this.client}: ${this.#certificateFault}`);
  }

  /** Logged after `connect from`, whose name lookup may still be running if TLS came first. */
  logTls(): void {
    const { tls } = this.connection;
    if (tls === null || this.settings.tlsLogLevel < 1) return;
    const log = (): void => this.info(tlsLine(this.connection, tls));
    const naming = this.nameKnown();
    if (naming === undefined) log();
    else naming.then(log, log);
  }

  /** The end of the message was received: a connection lost from here on loses no mail. */
  messageCame(): void {
    this.stage = 'END-OF-MESSAGE';
  }

  resetTransaction(): void {
    const { connection, service } = this;
    const { transaction } = connection;
    if (transaction !== null) this.milters?.abort();
    this.intake?.abort();
    this.intake = null;
    this.filtered?.close();
    this.filtered = null;
    this.bdat = 'none';
    this.bareLfs = null;
    this.forwarded = new Map();
    connection.transaction = null;
    if (transaction !== null && service.hooks.has('reset_transaction'))
      void service.hooks.run('reset_transaction', { connection, transaction });
  }

  /** Aborts everything unfinished. */
  over(): void {
    this.resetTransaction();
    if (this.connection.helo !== null) this.milters?.abort();
    this.milters?.close();
    this.#unwatchAccount();
  }
}
