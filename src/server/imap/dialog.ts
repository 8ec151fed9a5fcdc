/**
 * The dialog of one IMAP session: reads commands one after another, runs them by the table, reports changes.
 *
 * Guarantees: one command at a time; every command ends with one tagged response; a client error is a BAD and an
 * internal error a NO, and neither ends the process; writing waits for a client that does not read; a client not logged
 * in by `loginTimeout` is disconnected, whatever it does meanwhile.
 */
import { readRefusal } from '../../bus/refusal.ts';
import { InputTooLongError, type LineConnection } from '../../net/connection.ts';
import type { Scanner } from '../../protocol/imap/scanner.ts';
import { ImapSyntaxError, RefusedArgumentError } from '../../protocol/imap/syntax-error.ts';
import type { LineSession } from '../line-server.ts';
import { type CommandRow, type CommandTable, isAllowed, prepare } from './command.ts';
import { type Received, receiveCommand } from './command-reader.ts';
import { bad, type Completion, formatCompletion, no, refusal } from './completion.ts';
import type { ImapServices } from './options.ts';
import { Session } from './session.ts';

const LONGEST_ARGUMENT = 1_000;

/** What follows the command's name, both words of a UID command, in its text. */
function argumentOf(text: string, name: string): string {
  const words = new RegExp(`^\\S+ ${name.replace(' ', ' +')} ?`, 'i');
  return Buffer.from(text.replace(words, ''), 'latin1').toString().slice(0, LONGEST_ARGUMENT);
}

/** A client that has logged in may send this many times as many consecutive bad commands. */
const TRUST = 5;

export class Dialog implements LineSession {
  readonly #connection: LineConnection;
  readonly #services: ImapServices;
  readonly #commands: CommandTable;
  readonly #session: Session;
  #badCommands = 0;
  /** A command is running: BYE has to wait. */
  #busy = false;
  /** The session ends after the current command, with this BYE. */
  #lastWord: string | null = null;

  constructor(connection: LineConnection, services: ImapServices, commands: CommandTable) {
    this.#connection = connection;
    this.#services = services;
    this.#commands = commands;
    this.#session = new Session(connection, services);
    this.#session.onAccountEnd = (why) => this.#endWith(`${why}.`);
  }

  async run(): Promise<void> {
    const session = this.#session;
    const deadline = setTimeout(this.#onDeadline, this.#services.limits.loginTimeout);
    session.write(`* OK [CAPABILITY ${session.capabilities()}] ${this.#services.greetingName} ready.\r\n`);
    try {
      while (session.state.kind !== 'logout' && this.#lastWord === null) {
        const received = await receiveCommand(
          session.input,
          this.#services.limits,
          this.#lookup,
          session.askForLiteral,
        );
        if (received.kind === 'end') break;
        this.#busy = true;
        await this.#answer(received);
        this.#busy = false;
        await this.#connection.drained();
      }
      if (this.#lastWord !== null) session.bye(this.#lastWord);
    } finally {
      clearTimeout(deadline);
      session.over();
      await this.#connection.close();
    }
  }

  /** Ends the session: at once if it is waiting for a command, otherwise after the current one. */
  close(): void {
    this.#endWith('Server shutting down.');
  }

  #endWith(text: string): void {
    this.#lastWord ??= text;
    if (this.#busy && !this.#session.idling) return;
    this.#session.bye(text);
    void this.#connection.close();
  }

  /** Called periodically: routers on the path drop idle connections. */
  keepAlive(): void {
    if (this.#session.idling) this.#session.write('* OK Still here\r\n');
  }

  readonly #onDeadline = (): void => {
    if (this.#session.state.kind !== 'not-authenticated') return;
    this.#session.onIdle();
    void this.#connection.close();
  };

  readonly #lookup = (name: string): CommandRow | string => {
    const { state } = this.#session;
    const row = this.#commands.get(name);
    if (row === undefined) return `Unknown command ${name.slice(0, 40)}.`;
    if (isAllowed(row, state)) return row;
    if (row.allowed === 'not-authenticated') return `${name}: already logged in.`;
    return state.kind === 'not-authenticated' ? `${name}: log in first.` : `${name}: no mailbox is selected.`;
  };

  async #answer(received: Exclude<Received, { readonly kind: 'end' }>): Promise<void> {
    const session = this.#session;
    const { tag } = received;
    session.tag = tag;
    const completion =
      received.kind === 'refused' ? bad(received.text, received.code) : await this.#run(received.row, received.scanner);
    // The rest of the command must not be read as a new command.
    const input = session.state.kind === 'logout' ? 'ready' : await session.input.finish(this.#services.limits.command);
    if (received.kind === 'command') {
      await session.checkExistence();
      session.tell(received.row.tellsExpunge !== false);
    }
    this.#complete(tag, completion);
    if (input === 'lost') session.bye('The command is too long to be skipped.');
    await completion.after?.();
  }

  async #run(row: CommandRow, scanner: Parameters<CommandRow['command']>[0]): Promise<Completion> {
    const fields = { session: this.#connection.id, user: this.#session.login.user };
    try {
      const act = prepare(row, scanner, this.#session.state);
      const refused = act === null ? bad('Not possible now.') : await this.#askPlugins(row, scanner);
      const completion = refused ?? (await act?.(this.#session)) ?? bad('Not possible now.');
      this.#services.log.debug(fields, `${row.name}: ${completion.status}`);
      return completion;
    } catch (error) {
      if (error instanceof ImapSyntaxError || error instanceof InputTooLongError)
        return bad(`Error in IMAP command ${row.name}: ${error.message}.`);
      if (error instanceof RefusedArgumentError) return no(`${error.message}.`, error.code);
      const refused = refusal(error);
      if (refused !== null) return refused;
      if (!this.#connection.signal.aborted) this.#services.log.error({ ...fields, err: error }, `${row.name} failed`);
      return no('Internal error occurred, the server has logged it.', 'SERVERBUG');
    }
  }

  /** Null: nobody minds. */
  async #askPlugins(row: CommandRow, { text }: Scanner): Promise<Completion | null> {
    const { hooks } = this.#services;
    const { state } = this.#session;
    if (!hooks.has('imap_command') || (state.kind !== 'authenticated' && state.kind !== 'selected')) return null;
    const { id, remote, tls } = this.#connection;
    const verdict = await hooks.run('imap_command', {
      session: { id, account: state.account, remoteIp: remote.ip, tls: tls !== null },
      command: row.name,
      argument: argumentOf(text, row.name),
      mailbox: state.kind === 'selected' ? state.mailbox.opened.name : null,
    });
    const refusal = readRefusal(verdict);
    if (refusal === null) return null;
    const answer = no(refusal.reply?.text.replaceAll('\n', ' ') ?? 'Not permitted.', 'NOPERM');
    if (refusal.disconnect) this.#lastWord ??= 'Not permitted.';
    return answer;
  }

  #complete(tag: string, completion: Completion): void {
    const session = this.#session;
    session.write(`${tag} ${formatCompletion(completion)}\r\n`);
    const stranger = session.state.kind === 'not-authenticated';
    if (completion.status !== 'BAD') {
      // Logged-in clients that occasionally send an unknown command must be able to stay connected for days.
      if (!stranger) this.#badCommands = 0;
      return;
    }
    this.#badCommands += 1;
    const { badCommands } = this.#services.limits;
    if (this.#badCommands >= (stranger ? badCommands : badCommands * TRUST))
      session.bye('Too many invalid IMAP commands.');
  }
}
