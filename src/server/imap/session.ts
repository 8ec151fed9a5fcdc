/**
 * An IMAP session as its commands see it: the state they change, and the untagged responses they send. dialog.ts runs
 * the commands.
 *
 * Guarantees: BYE is sent once; changes in a mailbox are reported only between commands, or during IDLE as fast as the
 * client reads.
 */
import type { LineConnection } from '../../net/connection.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import type { AccountEnd } from '../login/account-watch.ts';
import type { Login } from '../login/login.ts';
import { LoginRecord } from '../login/record.ts';
import { mayLogin, offeredMechanisms, takesPasswords } from '../mailbox-server.ts';
import { capabilitiesBeforeLogin } from './capabilities.ts';
import { refusal } from './completion.ts';
import { CommandInput } from './input.ts';
import type { ImapServices } from './options.ts';
import type { SessionState } from './state.ts';

export class Session {
  readonly connection: LineConnection;
  /** Commands read the client's input through this, because it keeps track of literals; the connection does not. */
  readonly input: CommandInput;
  readonly services: ImapServices;
  readonly login: LoginRecord;
  state: SessionState = { kind: 'not-authenticated' };
  /** The client has used MODSEQ (RFC 7162 section 3.1). */
  condstore = false;
  /** The client wants VANISHED instead of EXPUNGE (RFC 7162 section 3.2.10). */
  qresync = false;
  /** The tag of the current command. */
  tag = '';
  /** The account may not stay logged in. Set by the dialog, which knows when BYE may be sent. */
  onAccountEnd: (why: AccountEnd) => void = (why) => this.bye(`${why}.`);

  /** Why the session ended, for the log. */
  #endReason = 'Connection closed';
  #idling = false;
  /** The client has not yet read what it was sent during IDLE. */
  #blocked = false;
  /** Releases the place among the account's sessions; null before login. */
  #leave: (() => void) | null = null;

  constructor(connection: LineConnection, services: ImapServices) {
    this.connection = connection;
    this.input = new CommandInput(connection);
    this.services = services;
    this.login = new LoginRecord(connection, services);
  }

  /** A password may be sent on this connection. */
  get mayLogin(): boolean {
    return mayLogin(this.connection, this.services);
  }

  /** The capabilities in the current state, names separated by spaces. */
  capabilities(): string {
    const { connection, services } = this;
    if (this.state.kind !== 'not-authenticated') return services.capabilities;
    return capabilitiesBeforeLogin({
      startTls: services.startTls && connection.tls === null,
      login: this.mayLogin && takesPasswords(services),
      mechanisms: offeredMechanisms(connection, services),
    });
  }

  write(text: string | Uint8Array): void {
    this.connection.write(text);
  }

  /** Lets the client send the literal it is waiting to send. */
  readonly askForLiteral = (): void => this.write('+ OK\r\n');

  // ---- state transitions

  enter({ account, leave }: Login): void {
    this.#leave = leave;
    this.state = { kind: 'authenticated', account };
    this.connection.setIdleTimeout(this.services.limits.idleTimeout, this.onIdle);
    this.login.succeeded();
  }

  deselect(): void {
    if (this.state.kind !== 'selected') return;
    this.state.mailbox.close();
    this.state = { kind: 'authenticated', account: this.state.account };
  }

  /** Ends the session after the current command is answered; `reason` is for the log. */
  end(reason: string): void {
    if (this.state.kind === 'logout') return;
    this.deselect();
    this.state = { kind: 'logout' };
    this.#endReason = reason;
  }

  /** Ends the session with a BYE. */
  bye(text: string, reason = text.replace(/\.$/, '')): void {
    if (this.state.kind !== 'logout') this.write(`* BYE ${text}\r\n`);
    this.end(reason);
  }

  /** The client was idle too long, or did not log in in time. */
  readonly onIdle = (): void => this.bye('Disconnected for inactivity.', 'Inactivity');

  /** The connection is closed, by either side: releases everything. */
  over(): void {
    const { services, connection } = this;
    this.end('Connection closed');
    if (this.#leave === null) {
      this.login.ended(
        this.#endReason === 'Logged out' ? 'Aborted login by logging out' : this.#endReason,
        services.clock(),
      );
      return;
    }
    this.#leave();
    this.#leave = null;
    services
      .sessionLog(this.login.user, connection.id)
      .info({ session: connection.id }, `Disconnected: ${this.#endReason}`);
  }

  // ---- mailbox changes

  get idling(): boolean {
    return this.#idling;
  }

  /** IDLE (RFC 2177): while `true`, changes are reported as they happen. */
  setIdling(idling: boolean): void {
    this.#idling = idling;
    if (idling) this.onNews();
  }

  /** Reports the changes in the selected mailbox; with `expunge`, sequence numbers may change now. */
  tell(expunge: boolean): void {
    if (this.state.kind !== 'selected') return;
    this.write(this.state.mailbox.report({ expunge, modseq: this.condstore, vanished: this.qresync }));
  }

  /** The selected mailbox has changes: reported at once during IDLE. */
  readonly onNews = (): void => {
    if (!this.#idling || this.#blocked || this.state.kind !== 'selected') return;
    this.tell(true);
    this.#blocked = true;
    void this.connection.drained().then(this.#unblock);
    if (this.state.mailbox.suspect) void this.checkExistence().then(() => this.#endIfLoggedOut(), nothing);
  };

  readonly #unblock = (): void => {
    this.#blocked = false;
    if (this.#idling) this.tell(true);
  };

  /** Ends the session if another session deleted the selected mailbox. */
  async checkExistence(): Promise<void> {
    if (this.state.kind !== 'selected' || !this.state.mailbox.suspect) return;
    const { mailbox } = this.state;
    mailbox.suspect = false;
    try {
      await this.services.store.mailboxes.status(mailbox.id);
    } catch (error) {
      if (error instanceof MailboxError) return this.bye('Selected mailbox was deleted, have to disconnect.');
      if (refusal(error) === null) throw error;
      // Not known now: asked again later.
      mailbox.suspect = true;
    }
  }

  #endIfLoggedOut(): void {
    if (this.state.kind === 'logout') void this.connection.close();
  }
}

function nothing(): void {}
