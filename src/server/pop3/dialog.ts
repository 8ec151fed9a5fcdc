/**
 * The dialog of one POP3 session: reads commands one after another and runs them by the table of its state.
 *
 * Guarantees: one command at a time, replies in order (PIPELINING); a client error is an -ERR and an internal error
 * [SYS/TEMP], and neither ends the process; nothing is removed without QUIT; a client not logged in by `loginTimeout`
 * is disconnected, whatever it does meanwhile.
 */
import { readRefusal } from '../../bus/refusal.ts';
import type { LineConnection } from '../../net/connection.ts';
import { parseCommand, printable } from '../../protocol/pop3/command.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import type { LineSession } from '../line-server.ts';
import type { CommandTable } from './command.ts';
import type { Pop3Services } from './options.ts';
import { Session, UNAVAILABLE } from './session.ts';

export class Dialog implements LineSession {
  readonly #connection: LineConnection;
  readonly #services: Pop3Services;
  readonly #commands: CommandTable;
  readonly #session: Session;
  #badCommands = 0;
  /** A command is running: the final reply has to wait. */
  #busy = false;

  constructor(connection: LineConnection, services: Pop3Services, commands: CommandTable) {
    this.#connection = connection;
    this.#services = services;
    this.#commands = commands;
    this.#session = new Session(connection, services);
    this.#session.onAccountEnd = (why) => this.#endWith(why, '[SYS/PERM]');
  }

  async run(): Promise<void> {
    const session = this.#session;
    const deadline = setTimeout(this.#onDeadline, this.#services.limits.loginTimeout);
    session.ok(`${this.#services.greetingName} ready.`);
    try {
      while (!session.isOver) {
        const line = await session.readLine();
        if (line === null) break;
        this.#busy = true;
        await this.#answer(line);
        this.#busy = false;
        await this.#connection.drained();
      }
    } finally {
      clearTimeout(deadline);
      await session.over();
      await this.#connection.close();
    }
  }

  /** Ends the session: at once if it is waiting for a command, otherwise after the current one. */
  close(): void {
    this.#endWith('Server shutting down', '[SYS/TEMP]');
  }

  #endWith(why: string, code: string): void {
    this.#session.end(why);
    if (this.#busy) return;
    this.#session.err(`${code} ${why}.`);
    void this.#connection.close();
  }

  readonly #onDeadline = (): void => {
    if (this.#session.state.kind !== 'authorization') return;
    this.#session.onIdle();
    void this.#connection.close();
  };

  async #answer(line: Buffer): Promise<void> {
    const session = this.#session;
    const { verb, argument } = parseCommand(line);
    const command = this.#commands[session.state.kind][verb];
    if (command === undefined) {
      this.#unknown(verb);
      return;
    }
    this.#badCommands = 0;
    try {
      if (await this.#mayRun(verb, argument)) await command(session, argument);
    } catch (error) {
      if (this.#connection.signal.aborted) return;
      if (error instanceof StoreUnavailableError) return session.err(UNAVAILABLE);
      this.#services.log.error(
        { session: this.#connection.id, user: session.login.user, err: error },
        `${verb} failed`,
      );
      session.err('[SYS/TEMP] Internal error occurred, the server has logged it.');
    }
  }

  /** False where a plugin refused it, which the client has heard. */
  async #mayRun(verb: string, argument: string): Promise<boolean> {
    const session = this.#session;
    const { hooks } = this.#services;
    if (session.state.kind !== 'transaction' || !hooks.has('pop3_command')) return true;
    const { id, remote, tls } = this.#connection;
    const verdict = await hooks.run('pop3_command', {
      session: { id, account: session.state.maildrop.account, remoteIp: remote.ip, tls: tls !== null },
      command: verb,
      argument,
    });
    const refusal = readRefusal(verdict);
    if (refusal === null) return true;
    session.err(`[SYS/PERM] ${refusal.reply?.text.replaceAll('\n', ' ') ?? 'Not permitted.'}`);
    if (refusal.disconnect) session.end('Not permitted');
    return false;
  }

  #unknown(verb: string): void {
    const session = this.#session;
    const before = session.state.kind === 'authorization';
    session.err(before || verb === '' ? 'Unknown command.' : `Unknown command: ${printable(verb)}`);
    this.#badCommands += 1;
    const { badCommandsBeforeLogin, badCommands } = this.#services.limits;
    if (this.#badCommands < (before ? badCommandsBeforeLogin : badCommands)) return;
    session.err(before ? 'Too many invalid bad commands.' : 'Too many bad commands.');
    session.end('Too many bad commands');
  }
}
