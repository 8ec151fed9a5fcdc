/**
 * One IMAP session: reads commands one after the other, runs them by the table, tells the news.
 *
 * Guarantees: one command at a time; every command ends with one tagged response; a client's fault is
 * a BAD and a fault of ours a NO, never the process's end; a client that does not read makes us wait.
 */
import { InputTooLongError, type LineConnection } from '../../net/connection.ts';
import { ImapSyntaxError } from '../../protocol/imap/syntax-error.ts';
import { capabilitiesAfterLogin, capabilitiesBeforeLogin } from './capabilities.ts';
import { type CommandRow, isAllowed, prepare } from './command.ts';
import { DROP_LIMIT, dropLiteral, type Received, receiveCommand } from './command-reader.ts';
import { COMMANDS } from './commands/table.ts';
import { bad, type Completion, formatCompletion, no, refusal } from './completion.ts';
import { LoginRecord } from './login-record.ts';
import type { ImapServices } from './options.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';
import type { SessionState } from './state.ts';

/** A message that APPEND is about to read from the connection. */
export interface PendingMessage {
  readonly size: number;
  readonly sync: boolean;
  /** Its octets were asked for, and the line after it taken. */
  taken: boolean;
}

export class Session {
  readonly connection: LineConnection;
  readonly services: ImapServices;
  readonly login: LoginRecord;
  state: SessionState = { kind: 'not-authenticated' };
  /** The client has used MODSEQ (RFC 7162 section 3.1). */
  condstore = false;
  /** The client wants VANISHED instead of EXPUNGE (RFC 7162 section 3.2.10). */
  qresync = false;
  pendingMessage: PendingMessage | null = null;
  /** Of the command that runs. */
  tag = '';

  /** For the log. */
  #endReason = 'Connection closed';
  #badCommands = 0;
  /** A command is being run: BYE has to wait. */
  #busy = false;
  #closing = false;
  #idling = false;
  #blocked = false;

  constructor(connection: LineConnection, services: ImapServices) {
    this.connection = connection;
    this.services = services;
    this.login = new LoginRecord(connection, services.clock());
  }

  async run(): Promise<void> {
    const { connection, services } = this;
    connection.setIdleTimeout(services.limits.loginTimeout, () => this.bye('Disconnected for inactivity.'));
    connection.write(`* OK [CAPABILITY ${this.capabilities()}] ${services.greetingName} ready.\r\n`);
    try {
      while (this.state.kind !== 'logout' && !this.#closing) {
        const received = await receiveCommand(connection, services.limits, this.#lookup);
        if (received.kind === 'end') break;
        this.#busy = true;
        await this.#answer(received);
        this.#busy = false;
        await connection.drained();
      }
      if (this.#closing) this.bye('Server shutting down.');
    } finally {
      this.deselect();
      this.login.logEnd(services, this.#endReason, services.clock());
      await connection.close();
    }
  }

  /** Ends the session: at once where it waits for a command, else after the one that runs. */
  close(): void {
    this.#closing = true;
    if (this.#busy && !this.#idling) return;
    this.bye('Server shutting down.');
    void this.connection.close();
  }

  /** Called now and then: routers on the way forget quiet connections, and nobody may stay forever without logging in. */
  tick(now: number): void {
    if (this.#idling) this.write('* OK Still here\r\n');
    if (this.#busy || this.state.kind !== 'not-authenticated' || now - this.login.startedAt < this.services.limits.loginTimeout) return;
    this.bye('Disconnected: no login in time.');
    void this.connection.close();
  }

  /** `reason` is for the log. */
  bye(text: string, reason = text): void {
    if (this.state.kind !== 'logout') this.connection.write(`* BYE ${text}\r\n`);
    this.#endReason = reason.replace(/\.$/, '');
    this.#closing = false;
    this.deselect();
    this.state = { kind: 'logout' };
  }

  /** What can be done in the present state, names with spaces between. */
  capabilities(): string {
    if (this.state.kind !== 'not-authenticated') return capabilitiesAfterLogin;
    const { connection, services } = this;
    return capabilitiesBeforeLogin({ startTls: services.startTls && connection.tls === null, login: this.mayLogin });
  }

  /** A password may be sent on this connection. */
  get mayLogin(): boolean {
    return this.connection.tls !== null || this.services.plaintextAuth(this.connection);
  }

  write(text: string | Uint8Array): void {
    this.connection.write(text);
  }

  readonly #lookup = (name: string): CommandRow | string => {
    const row = COMMANDS.get(name);
    if (row === undefined) return `Unknown command ${name.slice(0, 40)}.`;
    if (isAllowed(row, this.state)) return row;
    if (row.allowed === 'not-authenticated') return `${name}: already logged in.`;
    return this.state.kind === 'not-authenticated' ? `${name}: log in first.` : `${name}: no mailbox is selected.`;
  };

  async #answer(received: Exclude<Received, { readonly kind: 'end' }>): Promise<void> {
    if (received.kind === 'refused') {
      this.#complete(received.tag, bad(received.text, received.code));
      if (received.lost) this.bye('The input cannot be followed any more.');
      return;
    }
    const { tag, row, scanner, message } = received;
    this.tag = tag;
    this.pendingMessage = message === null ? null : { size: message.size, sync: message.sync, taken: false };
    const completion = await this.#run(row, scanner);
    await this.#dropPendingMessage();
    if (this.state.kind === 'selected') {
      await this.#checkExistence(this.state.mailbox);
      this.#tell(row.tellsExpunge !== false);
    }
    this.#complete(tag, completion);
    try {
      await completion.after?.();
    } catch (error) {
      this.services.loginLog.info({ session: this.connection.id, reason: String(error) }, `TLS handshake failed: rip=${this.connection.remote.ip}`);
      this.state = { kind: 'logout' };
    }
  }

  async #run(row: CommandRow, scanner: Parameters<CommandRow['command']>[0]): Promise<Completion> {
    const { services, connection } = this;
    try {
      const act = prepare(row, scanner, this.state);
      const completion = act === null ? bad('Not possible now.') : await act(this);
      services.sessionLog.debug({ session: connection.id, user: this.login.user }, `${row.name}: ${completion.status}`);
      return completion;
    } catch (error) {
      if (error instanceof ImapSyntaxError) return bad(`Error in IMAP command ${row.name}: ${error.message}.`);
      if (error instanceof InputTooLongError) return bad(`Error in IMAP command ${row.name}: ${error.message}.`);
      const refused = refusal(error);
      if (refused !== null) return refused;
      if (!connection.signal.aborted) services.sessionLog.error({ session: connection.id, user: this.login.user, err: error }, `${row.name} failed`);
      return no('Internal error occurred, the server has logged it.', 'SERVERBUG');
    }
  }

  #complete(tag: string, completion: Completion): void {
    this.connection.write(`${tag} ${formatCompletion(completion)}\r\n`);
    if (completion.status !== 'BAD') return;
    this.#badCommands += 1;
    const { badCommands } = this.services.limits;
    if (this.#badCommands >= (this.state.kind === 'not-authenticated' ? badCommands : badCommands * 5)) this.bye('Too many invalid IMAP commands.');
  }

  /** A refused APPEND whose message comes all the same (RFC 7888): it is read past, or the session ends. */
  async #dropPendingMessage(): Promise<void> {
    const pending = this.pendingMessage;
    this.pendingMessage = null;
    if (pending === null || pending.taken || pending.sync) return;
    if (pending.size <= DROP_LIMIT) await dropLiteral(this.connection, pending.size, this.services.limits.command);
    else this.bye('The announced message is too large to be read past.');
  }

  /** A selected mailbox that was deleted by another session cannot be worked with. */
  async #checkExistence(mailbox: SelectedMailbox): Promise<void> {
    if (!mailbox.suspect) return;
    mailbox.suspect = false;
    try {
      await this.services.store.mailboxes.status(mailbox.id);
    } catch (error) {
      if (refusal(error) === null) throw error;
      this.bye('Selected mailbox was deleted, have to disconnect.');
    }
  }

  #tell(expunge: boolean): void {
    if (this.state.kind !== 'selected') return;
    this.connection.write(this.state.mailbox.report({ expunge, modseq: this.condstore, vanished: this.qresync }));
  }

  /** A mailbox has news: told at once while the client idles, and only as fast as it reads. */
  readonly onNews = (): void => {
    if (!this.#idling || this.#blocked || this.state.kind !== 'selected') return;
    this.#tell(true);
    this.#blocked = true;
    void this.connection.drained().then(this.#unblock);
    if (this.state.mailbox.suspect) void this.#checkExistence(this.state.mailbox).then(() => this.#endIfLoggedOut(), nothing);
  };

  readonly #unblock = (): void => {
    this.#blocked = false;
    if (this.#idling) this.#tell(true);
  };

  #endIfLoggedOut(): void {
    if (this.state.kind === 'logout') void this.connection.close();
  }

  /** IDLE (RFC 2177): from `true` on, news are told as they come. */
  setIdling(idling: boolean): void {
    this.#idling = idling;
    if (idling) this.onNews();
  }

  deselect(): void {
    if (this.state.kind !== 'selected') return;
    this.state.mailbox.close();
    this.state = { kind: 'authenticated', account: this.state.account };
  }
}

function nothing(): void {}
