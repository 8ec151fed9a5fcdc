/**
 * The dialog of one SMTP session: greeting, order of commands, errors and their price.
 *
 * Guarantees: one command at a time; no fault of a hook, a plugin or the store reaches the peer as anything
 * but a reply; whatever ends the session, an unfinished message is aborted and `disconnect` is told once.
 */
import type { Socket } from 'node:net';
import { type Reply, reply } from '../../mail/status.ts';
import { type CommandLine, parseCommandLine } from '../../protocol/smtp/command-line.ts';
import * as say from '../../protocol/smtp/replies.ts';
import { findClientName } from './client-name.ts';
import type { Command, CommandTable } from './command.ts';
import { bareLfLine, tlsLine } from './maillog.ts';
import type { SmtpService } from './service.ts';
import { type Answer, SmtpSession } from './session.ts';
import { CommandStatistics } from './statistics.ts';
import { MAX_SKIPPED } from './stream.ts';

/** How long a client's name may take, ms: a client that is not known in time is `unknown`. */
const NAME_DEADLINE = 10_000;

/** The values of smtpd_forbid_bare_newline for which a command's line end counts. */
const NOTICES_BARE_LF: ReadonlySet<string> = new Set(['note', 'reject']);

export class SmtpDialog extends SmtpSession {
  readonly #commands: CommandTable;
  readonly #onLeft: (dialog: SmtpDialog) => void;
  readonly #statistics = new CommandStatistics();
  #denied = false;
  /** The command in work, in lower case as the statistics have it, or null. */
  #command: string | null = null;
  /** Called when the command in work was answered, though the client has left. */
  #onAnswered = (): void => {};

  /** `onLeft` is called once, when the connection is gone. */
  constructor(service: SmtpService, socket: Socket, commands: CommandTable, onLeft: (dialog: SmtpDialog) => void) {
    super(service, socket);
    this.#commands = commands;
    this.#onLeft = onLeft;
  }

  // ---- beginning

  protected override begin(): void {
    this.#greet().catch((error: unknown) => {
      this.#fault(error);
      this.end(say.unavailable(this.settings.host));
    });
  }

  async #greet(): Promise<void> {
    const { settings, hooks, limits } = this.service;
    const { ip } = this.connection.remote;
    this.naming = this.#findName(ip).finally(() => {
      this.naming = null;
    });
    if (!limits.open(ip)) {
      await this.naming;
      this.end(say.tooManyConnections(settings.host, this.client), `too many connections from ${this.client}`);
      return;
    }
    if (this.connection.tls !== null) this.#logTls();
    if (hooks.has('connect')) {
      await this.naming;
      const refusal = await this.refused('connect', { connection: this.connection }, 'CONNECT', this.client);
      if (this.ended) return;
      if (refusal !== undefined) {
        this.#denied = true;
        if (refusal !== null) this.say(refusal);
        this.flush();
        if (this.ending) this.close();
        else this.stream?.start();
        return;
      }
    }
    if (this.stream?.hasInput === true) this.#notePipelining();
    this.say(reply(220, '', this.service.lmtp ? `${settings.host} LMTP` : settings.banner));
    this.flush();
    this.stream?.start();
  }

  async #findName(ip: string): Promise<void> {
    const { resolver, settings } = this.service;
    if (resolver !== null && settings.lookUpNames) {
      this.connection.remote = { ...this.connection.remote, ...(await findClientName(resolver, ip, NAME_DEADLINE)) };
    }
    this.info(`connect from ${this.client}`);
  }

  // ---- commands

  protected override takeLine(line: Buffer, resume: () => void): void {
    if (this.stream?.endedWithLf === true && NOTICES_BARE_LF.has(this.settings.bareNewline)) this.#takeBareLine(line, resume);
    else this.#take(line, resume);
  }

  /** The line ended without CR, and smtpd_forbid_bare_newline minds. */
  #takeBareLine(line: Buffer, resume: () => void): void {
    this.working = true;
    Promise.resolve(this.bareNewline()).then(
      (bareNewline) => {
        this.working = false;
        if (this.ended) return;
        if (bareNewline === 'reject') {
          const { bareNewlineRejectCode, host } = this.settings;
          this.end(say.bareLf(bareNewlineRejectCode, host), bareLfLine(this.connection, this.stage));
          return;
        }
        if (bareNewline === 'note') this.noteBareLf();
        this.#take(line, resume);
      },
      (error: unknown) => this.#finish(this.#fault(error), resume),
    );
  }

  #take(line: Buffer, resume: () => void): void {
    if (this.continuation !== null) {
      const continuation = this.continuation;
      this.continuation = null;
      this.working = true;
      continuation(line.toString('latin1'));
      return;
    }
    const command = parseCommandLine(line);
    const answer = command === null ? this.#refuse(say.BAD_UTF8) : this.#answer(command, line.length);
    if (!(answer instanceof Promise)) {
      this.#finish(answer, resume);
      return;
    }
    answer.then(
      (reply) => this.#finish(reply, resume),
      (error: unknown) => this.#finish(this.#fault(error), resume),
    );
  }

  #answer({ verb, argument }: CommandLine, octets: number): Answer | Promise<Answer> {
    if (octets > this.settings.lineLimit && verb !== 'AUTH') return this.#refuse(say.LINE_TOO_LONG);
    const command = this.#commands.find(verb, this.service.lmtp ? 'lmtp' : 'smtp');
    if (command?.junk === true) this.patience.noteJunk();
    this.stage = command === undefined ? 'UNKNOWN' : verb;
    this.#command = this.stage.toLowerCase();
    this.working = true;
    try {
      return this.#gate(verb, command) ?? (command === undefined ? this.#commands.unrecognized(this, verb, argument) : command.run(this, argument));
    } catch (error) {
      return this.#fault(error);
    }
  }

  #refuse(answer: Reply): Reply {
    this.stage = 'UNKNOWN';
    this.#command = 'unknown';
    return answer;
  }

  /** What is said before any command is looked at more closely. */
  #gate(verb: string, command: Command | undefined): Reply | undefined {
    const { settings, closing } = this.service;
    if (closing && this.connection.transaction === null && verb !== 'QUIT') return this.#last(say.shuttingDown(settings.host));
    if (this.#denied && verb !== 'QUIT') return say.accessDenied(this.client);
    if (command === undefined) return undefined;
    if (settings.tls === 'encrypt' && this.connection.tls === null && !command.plainText) return say.TLS_REQUIRED;
    if ((command.last || this.connection.protocol === 'SMTP') && this.stream?.hasInput === true) this.#notePipelining();
    return undefined;
  }

  /** The client did not wait where it must (RFC 2920, RFC 5321 section 4.3.2): some plugins mind. */
  #notePipelining(): void {
    if (!this.connection.pipelined) this.info(`improper command pipelining after ${this.stage} from ${this.client}`);
    this.connection.pipelined = true;
  }

  protected override takeLongLine(octets: number, resume: () => void): void {
    this.service.log.warn({ session: this.id }, `request longer than ${this.settings.lineLimit} from ${this.client}`);
    if (octets > MAX_SKIPPED) this.ending = true;
    this.continuation = null;
    this.#finish(this.#refuse(say.LINE_TOO_LONG), resume);
  }

  #finish(answer: Answer, resume: () => void): void {
    this.working = false;
    const failed = answer !== null && answer.code >= 400;
    if (this.#command !== null) this.#statistics.count(this.#command, !failed);
    this.#command = null;
    if (this.ended) {
      this.#onAnswered();
      resume();
      return;
    }
    const wait = this.patience.price(failed);
    if (wait === 0) {
      this.#conclude(answer, resume);
      return;
    }
    this.flush();
    this.service.sleep(wait).then(
      () => this.#conclude(answer, resume),
      (error: unknown) => this.#fault(error),
    );
  }

  #conclude(answer: Answer, resume: () => void): void {
    if (this.ended) {
      resume();
      return;
    }
    if (answer !== null) this.say(answer);
    // RFC 5321 section 3.8: 421 closes, whoever worded it; so does 521 (RFC 7504), as in Postfix.
    if (this.ending || answer?.code === 421 || answer?.code === 521) {
      this.close();
      return;
    }
    if (this.patience.isOver) {
      this.end(say.tooManyErrors(this.settings.host), `too many errors after ${this.stage} from ${this.client}`);
      return;
    }
    if (this.service.closing && this.connection.transaction === null) {
      this.end(say.shuttingDown(this.settings.host));
      return;
    }
    this._whenWritable(resume);
  }

  /** A fault of ours: logged with its cause; the client hears a reply without it. */
  #fault(error: unknown): Reply {
    this.service.log.error({ session: this.id, err: error }, `internal error after ${this.stage} from ${this.client}`);
    return say.INTERNAL_ERROR;
  }

  #last(answer: Reply): Reply {
    this.ending = true;
    return answer;
  }

  // ---- turning points

  protected override secured(): void {
    this.resetTransaction();
    this.continuation = null;
    this.connection.helo = null;
    this.logOut();
    this.connection.protocol = this.service.lmtp ? 'LMTP' : 'SMTP';
    this.connection.pipelined = false;
    this.#logTls();
  }

  /** Behind `connect from`, whose name may still be looked for where TLS came first. */
  #logTls(): void {
    const { tls } = this.connection;
    if (tls === null || this.settings.tlsLogLevel < 1) return;
    const log = (): void => this.info(tlsLine(this.connection, tls));
    const naming = this.nameKnown();
    if (naming === undefined) log();
    else naming.then(log, log);
  }

  protected override left(): void {
    // A client that leaves behind the end of a message has lost nothing: Postfix does not speak of it either.
    const lost = this.ending || this.stage === 'END-OF-MESSAGE' ? null : this.stageWords;
    this.ending = true;
    this.resetTransaction();
    this.unwatchAccount();
    this.#onLeft(this);
    this.#takeLeave(lost).catch((error: unknown) => this.#fault(error));
  }

  /** The last lines wait for the client's name, so that they stand behind `connect from`, and for the fate of the command in work. */
  async #takeLeave(lost: string | null): Promise<void> {
    await this.nameKnown();
    if (this.#command !== null) {
      if (this.working) {
        await new Promise<void>((resolve) => {
          this.#onAnswered = resolve;
        });
      }
      // The client owed us the rest: of a message, of a login.
      else this.#statistics.count(this.#command, false);
    }
    if (lost !== null) this.info(`lost connection after ${lost} from ${this.client}`);
    this.info(`disconnect from ${this.client}${this.#statistics}${this.notesBareLf ? ' notes=bare_lf' : ''}`);
    await this.ask('disconnect', { connection: this.connection });
  }
}
