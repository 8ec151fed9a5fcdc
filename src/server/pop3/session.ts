/**
 * A POP3 session as its commands see it: the state they change, the replies they send, and its end. dialog.ts runs the
 * commands.
 */
import { InputTooLongError, type LineConnection } from '../../net/connection.ts';
import type { AccountEnd } from '../login/account-watch.ts';
import { LoginRecord } from '../login/record.ts';
import { mayLogin } from '../mailbox-server.ts';
import type { Maildrop } from './maildrop.ts';
import type { Pop3Services } from './options.ts';

export type State =
  | { readonly kind: 'authorization' /** As USER gave it. */; readonly user: string | null }
  | {
      readonly kind: 'transaction';
      readonly maildrop: Maildrop;
      /** Releases the place among the account's sessions. */
      readonly leave: () => void;
    };

/** The reply while the store cannot be reached: the session stays. */
export const UNAVAILABLE = '[SYS/TEMP] The mail store cannot be reached now, try again later.';

/** What a session fetched: messages and octets. */
interface Traffic {
  top: number;
  topOctets: number;
  retr: number;
  retrOctets: number;
}

export class Session {
  readonly connection: LineConnection;
  readonly services: Pop3Services;
  readonly login: LoginRecord;
  readonly traffic: Traffic = { top: 0, topOctets: 0, retr: 0, retrOctets: 0 };
  state: State = { kind: 'authorization', user: null };
  /** The account may not stay logged in. Set by the dialog, which knows when a final reply may be sent. */
  onAccountEnd: (why: AccountEnd) => void = (why) => this.end(why);

  /** Why the session ends; null while it is open. */
  #end: string | null = null;
  #removed = 0;

  constructor(connection: LineConnection, services: Pop3Services) {
    this.connection = connection;
    this.services = services;
    this.login = new LoginRecord(connection, services);
  }

  /** A password may be sent on this connection. */
  get mayLogin(): boolean {
    return mayLogin(this.connection, this.services);
  }

  ok(text = ''): void {
    this.connection.write(text === '' ? '+OK\r\n' : `+OK ${text}\r\n`);
  }

  err(text: string): void {
    this.connection.write(`-ERR ${text}\r\n`);
  }

  /** Null if the input has ended, or is out of sync. */
  async readLine(): Promise<Buffer | null> {
    try {
      return await this.connection.readLine(this.services.limits.line);
    } catch (error) {
      if (!(error instanceof InputTooLongError)) throw error;
      this.err('Input buffer full, aborting');
      this.end('Input buffer full');
      return null;
    }
  }

  /** Called after login. `leave` releases the place among the account's sessions. */
  enter(maildrop: Maildrop, leave: () => void): void {
    this.state = { kind: 'transaction', maildrop, leave };
    this.connection.setIdleTimeout(this.services.limits.idleTimeout, this.onIdle);
    this.login.succeeded();
  }

  /** The client was idle too long, or did not log in in time. */
  readonly onIdle = (): void => {
    if (this.isOver) return;
    this.err('Disconnected for inactivity.');
    this.end('Inactivity');
  };

  get isOver(): boolean {
    return this.#end !== null;
  }

  /**
   * Ends the session after the current command is answered. `why` is for the log; `removed`: messages that QUIT
   * removed.
   */
  end(why: string, removed = 0): void {
    if (this.#end !== null) return;
    this.#end = why;
    this.#removed = removed;
  }

  /** The connection is closed, by either side: releases everything. */
  async over(): Promise<void> {
    const { services, connection, traffic, login } = this;
    const why = this.#end ?? 'Connection closed';
    if (this.state.kind === 'authorization') {
      login.ended(why === 'Logged out' ? 'Aborted login by logging out' : why, services.clock());
      return;
    }
    const { maildrop, leave } = this.state;
    leave();
    await maildrop.settled();
    const { top, topOctets, retr, retrOctets } = traffic;
    const summary = `top=${top}/${topOctets}, retr=${retr}/${retrOctets}, del=${this.#removed}/${maildrop.total}, size=${maildrop.totalSize}`;
    services.sessionLog(login.user, connection.id).info({ session: connection.id }, `Disconnected: ${why} ${summary}`);
  }
}
