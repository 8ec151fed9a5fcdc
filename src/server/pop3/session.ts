/**
 * One POP3 session: reads commands one after the other and runs them by the table of its state.
 *
 * Guarantees: one command at a time, replies in their order (PIPELINING); a client's fault is an -ERR and a fault
 * of ours [SYS/TEMP], never the process's end; nothing is removed unless QUIT was said.
 */
import type { Log } from '../../log.ts';
import type { Account } from '../../mail/account.ts';
import { InputTooLongError, type LineConnection } from '../../net/connection.ts';
import { parseCommand, printable } from '../../protocol/pop3/command.ts';
import { COMMANDS } from './commands.ts';
import { LoginRecord, summary, type Traffic } from './login-record.ts';
import type { Maildrop } from './maildrop.ts';
import type { Pop3Services } from './options.ts';

export type State =
  | { readonly kind: 'authorization' /** As USER gave it. */; readonly user: string | null }
  | {
      readonly kind: 'transaction';
      readonly account: Account;
      readonly maildrop: Maildrop;
      readonly log: Log;
      /** Gives back the place among the account's sessions. */
      readonly leave: () => void;
    };

export class Session {
  readonly connection: LineConnection;
  readonly services: Pop3Services;
  readonly login: LoginRecord;
  readonly traffic: Traffic = { top: 0, topOctets: 0, retr: 0, retrOctets: 0 };
  state: State = { kind: 'authorization', user: null };

  #badCommands = 0;
  #busy = false;
  /** Why the session ends; null while it goes on. */
  #end: string | null = null;
  #removed = 0;

  constructor(connection: LineConnection, services: Pop3Services) {
    this.connection = connection;
    this.services = services;
    this.login = new LoginRecord(connection, services.loginLog, services.clock());
  }

  /** A password may be sent on this connection. */
  get mayLogin(): boolean {
    return this.connection.tls !== null || this.services.plaintextAuth(this.connection);
  }

  ok(text = ''): void {
    this.connection.write(text === '' ? '+OK\r\n' : `+OK ${text}\r\n`);
  }

  err(text: string): void {
    this.connection.write(`-ERR ${text}\r\n`);
  }

  /** The session ends when the present command has been answered. `why` is for the log. */
  end(why: string, removed = 0): void {
    this.#end ??= why;
    this.#removed = removed;
  }

  async run(): Promise<void> {
    const { connection, services } = this;
    connection.setIdleTimeout(services.limits.loginTimeout, this.onIdle);
    this.ok(`${services.greetingName} ready.`);
    try {
      while (this.#end === null) {
        const line = await this.readLine();
        if (line === null) break;
        this.#busy = true;
        await this.#answer(line);
        this.#busy = false;
        await connection.drained();
      }
    } finally {
      await this.#leave();
      await connection.close();
    }
  }

  readonly onIdle = (): void => {
    this.err('Disconnected for inactivity.');
    this.end('Disconnected for inactivity');
  };

  /** Ends the session: at once where it waits for a command, else after the one that runs. */
  close(): void {
    this.end('Server shutting down');
    if (this.#busy) return;
    this.err('[SYS/TEMP] Server shutting down.');
    void this.connection.close();
  }

  /** Null where the input has ended, or cannot be followed any more. */
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

  async #answer(line: Buffer): Promise<void> {
    const { verb, argument } = parseCommand(line);
    const command = COMMANDS[this.state.kind][verb];
    if (command === undefined) {
      this.#unknown(verb);
      return;
    }
    this.#badCommands = 0;
    try {
      await command(this, argument);
    } catch (error) {
      if (this.connection.signal.aborted) return;
      this.services.log.error({ session: this.connection.id, user: this.login.user, err: error }, `${verb} failed`);
      this.err('[SYS/TEMP] Internal error occurred, the server has logged it.');
    }
  }

  #unknown(verb: string): void {
    const before = this.state.kind === 'authorization';
    this.err(before || verb === '' ? 'Unknown command.' : `Unknown command: ${printable(verb)}`);
    this.#badCommands += 1;
    const { badCommandsBeforeLogin, badCommands } = this.services.limits;
    if (this.#badCommands < (before ? badCommandsBeforeLogin : badCommands)) return;
    this.err(before ? 'Too many invalid bad commands.' : 'Too many bad commands.');
    this.end('Too many bad commands');
  }

  async #leave(): Promise<void> {
    const why = this.#end ?? 'Connection closed';
    if (this.state.kind === 'authorization') {
      this.login.ended(why === 'Logged out' ? 'Aborted login by logging out' : why, this.services.clock());
      return;
    }
    const { maildrop, log, leave } = this.state;
    leave();
    await maildrop.settled();
    log.info({ session: this.connection.id }, summary(why, this.traffic, maildrop, this.#removed));
  }
}
