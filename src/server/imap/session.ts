/**
 * An IMAP session as its commands see it: the state they change, and what they say beside their answer.
 * The dialog that runs them is in dialog.ts.
 *
 * Guarantees: BYE is said once; the news of a mailbox are told only between commands, or while the client
 * idles as fast as it reads.
 */
import type { LineConnection } from '../../net/connection.ts';
import type { AccountEnd } from '../login/account-watch.ts';
import type { Login } from '../login/login.ts';
import { LoginRecord } from '../login/record.ts';
import { mayLogin } from '../mailbox-server.ts';
import { capabilitiesBeforeLogin } from './capabilities.ts';
import { refusal } from './completion.ts';
import { CommandInput } from './input.ts';
import type { ImapServices } from './options.ts';
import type { SessionState } from './state.ts';

export class Session {
  readonly connection: LineConnection;
  /** Through which a command reads what the client sends: it follows literals, the connection does not. */
  readonly input: CommandInput;
  readonly services: ImapServices;
  readonly login: LoginRecord;
  state: SessionState = { kind: 'not-authenticated' };
  /** The client has used MODSEQ (RFC 7162 section 3.1). */
  condstore = false;
  /** The client wants VANISHED instead of EXPUNGE (RFC 7162 section 3.2.10). */
  qresync = false;
  /** Of the command that runs. */
  tag = '';
  /** The account may not stay logged in. Set by the dialog, which knows when BYE may be said. */
  onAccountEnd: (why: AccountEnd) => void = (why) => this.bye(`${why}.`);

  /** Why the session ended, for the log. */
  #endReason = 'Connection closed';
  #idling = false;
  /** The client has not read yet what it was told while it idles. */
  #blocked = false;
  /** Gives back the place among the account's sessions; null before login. */
  #leave: (() => void) | null = null;

  constructor(connection: LineConnection, services: ImapServices) {
    this.connection = connection;
    this.input = new CommandInput(connection);
    this.services = services;
    this.login = new LoginRecord(connection, services.loginLog, services.clock());
  }

  /** A password may be sent on this connection. */
  get mayLogin(): boolean {
    return mayLogin(this.connection, this.services);
  }

  /** What can be done in the present state, names with spaces between. */
  capabilities(): string {
    const { connection, services } = this;
    if (this.state.kind !== 'not-authenticated') return services.capabilities;
    return capabilitiesBeforeLogin({ startTls: services.startTls && connection.tls === null, login: this.mayLogin });
  }

  write(text: string | Uint8Array): void {
    this.connection.write(text);
  }

  /** Lets the client send the literal for which it waits. */
  readonly askForLiteral = (): void => this.write('+ OK\r\n');

  // ---- turning points

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

  /** The session ends when the present command was answered; `reason` is for the log. */
  end(reason: string): void {
    if (this.state.kind === 'logout') return;
    this.deselect();
    this.state = { kind: 'logout' };
    this.#endReason = reason;
  }

  /** Ends the session with a word. */
  bye(text: string, reason = text.replace(/\.$/, '')): void {
    if (this.state.kind !== 'logout') this.write(`* BYE ${text}\r\n`);
    this.end(reason);
  }

  /** The client said nothing for too long, or did not log in in time. */
  readonly onIdle = (): void => this.bye('Disconnected for inactivity.', 'Inactivity');

  /** The connection is at its end, whoever ended it: gives everything back. */
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

  // ---- news

  get idling(): boolean {
    return this.#idling;
  }

  /** IDLE (RFC 2177): from `true` on, news are told as they come. */
  setIdling(idling: boolean): void {
    this.#idling = idling;
    if (idling) this.onNews();
  }

  /** Tells what happened in the selected mailbox; `expunge`: sequence numbers may change now. */
  tell(expunge: boolean): void {
    if (this.state.kind !== 'selected') return;
    this.write(this.state.mailbox.report({ expunge, modseq: this.condstore, vanished: this.qresync }));
  }

  /** The selected mailbox has news: told at once while the client idles. */
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

  /** A selected mailbox that was deleted by another session cannot be worked with. */
  async checkExistence(): Promise<void> {
    if (this.state.kind !== 'selected' || !this.state.mailbox.suspect) return;
    const { mailbox } = this.state;
    mailbox.suspect = false;
    try {
      await this.services.store.mailboxes.status(mailbox.id);
    } catch (error) {
      if (refusal(error) === null) throw error;
      this.bye('Selected mailbox was deleted, have to disconnect.');
    }
  }

  #endIfLoggedOut(): void {
    if (this.state.kind === 'logout') void this.connection.close();
  }
}

function nothing(): void {}
