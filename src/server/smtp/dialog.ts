/**
 * The dialog of one SMTP session: greeting, order of commands, errors and their price.
 *
 * Guarantees: one command at a time; no fault of a hook, a plugin or the store reaches the peer as anything
 * but a reply; whatever ends the session, an unfinished message is aborted and `disconnect` is told once.
 */
import { escapeC } from '../../mail/c-escapes.ts';
import { type Reply, reply } from '../../mail/status.ts';
import { InputTooLongError } from '../../net/connection.ts';
import { type CommandLine, parseCommandLine } from '../../protocol/smtp/command-line.ts';
import * as say from '../../protocol/smtp/replies.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import { trace, traced } from '../../tracing.ts';
import { findClientName, nameByPlugins } from './client-name.ts';
import type { Command, CommandTable } from './command.ts';
import { CommandFilterError, replacedCommand } from './command-filter.ts';
import { inputStart, MOST_SHOWN, shownCommand } from './logged-input.ts';
import { meetMilters } from './milters.ts';
import { PeerTrace } from './peer-trace.ts';
import type { SmtpService } from './service.ts';
import { type Answer, SmtpSession } from './session.ts';
import { CommandStatistics } from './statistics.ts';
import type { KnownClient, Wire } from './wire.ts';

/** Without what may be a password: that of AUTH, or one sent where nobody asked for it. */
function commandWords(command: Command | undefined, verb: string, argument: string): string {
  if (command === undefined) return '(a command that is not known)';
  return verb === 'AUTH' ? `AUTH ${argument.split(' ', 1)[0]} …` : `${verb} ${argument}`.trimEnd();
}

/** With its initial response, one that may be longer (RFC 4954 section 4.1). */
const LONG_COMMAND = /^\s*auth\s/i;

/** How long a client's name may take, ms: a client that is not known in time is `unknown`. */
const NAME_DEADLINE = 10_000;

export class SmtpDialog {
  readonly #service: SmtpService;
  readonly #wire: Wire;
  readonly #commands: CommandTable;
  readonly #session: SmtpSession;
  readonly #statistics = new CommandStatistics();
  #peerTrace: PeerTrace | null = null;
  /** The command in work, in lower case as the statistics have it, or null. */
  #command: string | null = null;

  constructor(service: SmtpService, wire: Wire, commands: CommandTable, known: KnownClient = {}) {
    this.#service = service;
    this.#wire = wire;
    this.#commands = commands;
    this.#session = new SmtpSession(service, wire, known);
  }

  /** Resolves when the connection is gone and its last line is logged. Never rejects. */
  run(): Promise<void> {
    const { debugPeers, log } = this.#service;
    if (debugPeers === null) return this.#play();
    this.#peerTrace = new PeerTrace(debugPeers, log);
    return traced(this.#peerTrace, () => this.#play());
  }

  async #play(): Promise<void> {
    const session = this.#session;
    try {
      if (await this.#greet()) await this.#converse();
    } catch (error) {
      this.#fault(error);
      session.end(say.unavailable(session.settings.host));
    }
    await this.#takeLeave();
  }

  /** The server closes: a transaction under way may finish. */
  shutDown(): void {
    if (this.#session.connection.transaction === null) this.#session.end(say.shuttingDown(this.#service.settings.host));
  }

  /** The server waits no longer. */
  cutOff(): void {
    this.#session.end(say.shuttingDown(this.#service.settings.host));
    this.#wire.destroy();
  }

  // ---- beginning

  /** False where there is nothing to talk about. */
  async #greet(): Promise<boolean> {
    const session = this.#session;
    const { settings, hooks, limits, lmtp } = this.#service;
    const { ip } = session.connection.remote;
    const unwanted = hooks.has('connect_init')
      ? await session.refused('connect_init', { connection: session.connection }, 'CONNECT', session.client)
      : undefined;
    if (unwanted !== undefined) return this.#turnAway(unwanted);
    session.naming = this.#findName(ip).finally(() => {
      session.naming = null;
    });
    if (!limits.open(ip)) {
      await session.naming;
      session.end(say.tooManyConnections(settings.host, ip), `too many connections from ${session.client}`);
      return false;
    }
    session.logTls();
    session.judgeCertificate();
    if (session.certificateFault !== null) {
      await session.naming;
      session.end(say.certificateRefused(settings.host, session.certificateFault));
      return false;
    }
    if (hooks.has('connect')) {
      await session.naming;
      const refusal = await session.refused('connect', { connection: session.connection }, 'CONNECT', session.client);
      if (refusal !== undefined) return this.#turnAway(refusal);
      if (this.#wire.isGone) return false;
    }
    const unwelcome = await meetMilters(session);
    if (this.#wire.isGone) return false;
    if (this.#service.rightsOf !== null) {
      await session.naming;
      session.rights = await this.#service.rightsOf(session.connection);
      if (this.#wire.isGone) return false;
    }
    const outOfStep = this.#wire.hasInput ? this.#notePipelining() : undefined;
    if (outOfStep !== undefined) {
      session.end(outOfStep);
      return false;
    }
    if (unwelcome?.code === 421) {
      session.end(unwelcome);
      return false;
    }
    session.say(unwelcome ?? reply(220, '', lmtp ? `${settings.host} LMTP` : settings.banner));
    return true;
  }

  /** The client may stay only to hear it at every command. */
  #turnAway(refusal: Reply | null): boolean {
    this.#session.denied = true;
    if (refusal !== null) this.#session.say(refusal);
    return !this.#session.ending;
  }

  async #findName(ip: string): Promise<void> {
    const { connection } = this.#session;
    const { resolver, settings, hooks } = this.#service;
    const told = hooks.has('lookup_rdns') ? await nameByPlugins(hooks, connection) : null;
    if (told !== null) connection.remote = { ...connection.remote, ...told };
    else if (resolver !== null && settings.lookUpNames)
      connection.remote = { ...connection.remote, ...(await findClientName(resolver, ip, NAME_DEADLINE)) };
    this.#session.info(`connect from ${this.#session.client}`);
    await this.#peerTrace?.meet(connection);
  }

  // ---- commands

  /**
   * Takes commands and answers them, one after the other. What need not wait does not: most commands cost one turn for
   * their line alone.
   */
  async #converse(): Promise<void> {
    const session = this.#session;
    for (;;) {
      let answer: Answer;
      try {
        const line = await session.readLine();
        if (line === null) return;
        session.working = true;
        const outcome = this.#run(line);
        answer = outcome instanceof Promise ? await outcome : outcome;
      } catch (error) {
        answer = error instanceof InputTooLongError ? this.#refuseLongLine(error) : this.#fault(error);
      }
      session.working = false;
      const wait = this.#count(answer);
      if (wait > 0) {
        this.#wire.flush();
        await this.#service.sleep(wait);
      }
      if (answer !== null && answer.code >= 400 && this.#service.footers !== null) await session.findFooter(answer);
      if (!this.#say(answer)) return;
      if (this.#wire.isCrowded) await this.#wire.drained();
    }
  }

  #run(line: Buffer): Answer | Promise<Answer> {
    return this.#service.commandFilter.length === 0 ? this.#read(line) : this.#readFiltered(line);
  }

  async #readFiltered(line: Buffer): Promise<Answer> {
    const session = this.#session;
    const given = line.toString().trimStart();
    try {
      const replaced = await replacedCommand(this.#service.commandFilter, given);
      if (replaced === null) return await this.#read(line);
      session.info(`${session.client}: replacing command "${shownCommand(given)}" with "${shownCommand(replaced)}"`);
      return await this.#read(Buffer.from(replaced));
    } catch (error) {
      if (!(error instanceof CommandFilterError)) throw error;
      this.#service.log.warn({ session: session.id, err: error.cause }, error.message);
      return say.unavailable(session.settings.host);
    }
  }

  /** Of a line that is too long, what is beyond line_length_limit counts for nothing, as in Postfix. */
  #read(whole: Buffer): Answer | Promise<Answer> {
    const { lineLimit } = this.#session.settings;
    const isTooLong = whole.length > lineLimit && !LONG_COMMAND.test(whole.toString('latin1', 0, 10));
    if (isTooLong) this.#warnOfLength(lineLimit);
    const line = isTooLong ? whole.subarray(0, lineLimit) : whole;
    const command = parseCommandLine(line);
    const isText = !command.argument.includes('\ufffd') && !command.verb.includes('\ufffd');
    return isText || !this.#session.settings.smtputf8 ? this.#obey(command) : this.#refuse(say.BAD_UTF8);
  }

  #obey({ verb, argument }: CommandLine): Answer | Promise<Answer> {
    const session = this.#session;
    const command = this.#commands.find(verb, this.#service.lmtp ? 'lmtp' : 'smtp');
    trace()?.add({ kind: 'command', text: commandWords(command, verb, argument) });
    if (command?.junk === true) session.patience.noteJunk();
    session.stage = command === undefined ? 'UNKNOWN' : verb;
    this.#command = session.stage.toLowerCase();
    const refusal = this.#gate(verb, command);
    if (refusal !== undefined) return refusal;
    return command === undefined
      ? this.#commands.unrecognized(session, verb, argument)
      : command.run(session, argument);
  }

  #refuse(answer: Reply): Reply {
    this.#session.stage = 'UNKNOWN';
    this.#command = 'unknown';
    return answer;
  }

  #refuseLongLine({ complete }: InputTooLongError): Reply {
    const session = this.#session;
    this.#warnOfLength(session.settings.lineLimit);
    if (!complete) session.endAfterAnswer();
    return session.takePrompting() ? say.RESPONSE_TOO_LONG : this.#refuse(say.LINE_TOO_LONG);
  }

  #warnOfLength(limit: number): void {
    const session = this.#session;
    this.#service.log.warn({ session: session.id }, `${session.client}: request longer than ${limit}`);
  }

  /** What is said before any command is looked at more closely. */
  #gate(verb: string, command: Command | undefined): Reply | undefined {
    const session = this.#session;
    const { connection } = session;
    const { settings, closing } = this.#service;
    if (closing && connection.transaction === null && verb !== 'QUIT') {
      session.endAfterAnswer();
      return say.shuttingDown(settings.host);
    }
    if (session.certificateFault !== null) return say.certificateRefused(settings.host, session.certificateFault);
    if (session.denied && verb !== 'QUIT') return say.accessDenied(session.client);
    if (command === undefined) return undefined;
    if (settings.tls === 'encrypt' && connection.tls === null && !command.plainText) return say.TLS_REQUIRED;
    const mustWait = command.last || connection.protocol === 'SMTP';
    return mustWait && this.#wire.hasInput ? this.#notePipelining() : undefined;
  }

  /** The client did not wait where it must (RFC 2920, RFC 5321 section 4.3.2): some plugins mind, and some settings. */
  #notePipelining(): Reply | undefined {
    const session = this.#session;
    const early = escapeC(Buffer.from(inputStart(this.#wire.peek(MOST_SHOWN).toString('latin1')), 'latin1'));
    const told = session.stage === 'AUTH' ? '' : `: ${early}`;
    if (!session.connection.pipelined)
      session.info(`improper command pipelining after ${session.stage} from ${session.client}${told}`);
    session.connection.pipelined = true;
    if (!session.settings.forbidsPipelining) return undefined;
    session.endAfterAnswer();
    return say.OUT_OF_STEP;
  }

  /** The command in work is over; returns how long its answer waits, ms. */
  #count(answer: Answer): number {
    const session = this.#session;
    const failed = answer !== null && answer.code >= 400;
    const succeeded = !failed && answer !== say.FORBIDDEN_COMMAND && !session.left;
    if (this.#command !== null) this.#statistics.count(this.#command, succeeded);
    this.#command = null;
    if (answer !== null && say.isOwnFault(answer)) session.patience.forgive();
    return session.left || this.#wire.isGone ? 0 : session.patience.price(failed);
  }

  /** False where the answer was the last. */
  #say(answer: Answer): boolean {
    const session = this.#session;
    const { settings } = session;
    if (session.left || this.#wire.isGone) return false;
    if (answer !== null) session.say(answer);
    // RFC 5321 section 3.8: 421 closes, whoever worded it; so does 521 (RFC 7504), as in Postfix.
    if (session.ending || answer?.code === 421 || answer?.code === 521) {
      session.close();
      return false;
    }
    if (session.patience.isOver) {
      session.end(say.tooManyErrors(settings.host), `too many errors after ${session.stage} from ${session.client}`);
      return false;
    }
    if (this.#service.closing && session.connection.transaction === null) {
      session.end(say.shuttingDown(settings.host));
      return false;
    }
    return true;
  }

  /** A fault of ours: logged with its cause; the client hears a reply without it. The store logs itself that it is away. */
  #fault(error: unknown): Reply {
    const session = this.#session;
    if (error instanceof StoreUnavailableError) return say.LOOKUP_FAILURE;
    this.#service.log.error(
      { session: session.id, err: error },
      `internal error after ${session.stage} from ${session.client}`,
    );
    return say.INTERNAL_ERROR;
  }

  // ---- end

  /** The last lines stand behind `connect from`, whose name may still be looked for. */
  async #takeLeave(): Promise<void> {
    const session = this.#session;
    // A client that leaves behind the end of a message has lost nothing: Postfix does not speak of it either.
    const lost = session.ending || session.stage === 'END-OF-MESSAGE' ? null : session.stageWords;
    session.over();
    await this.#wire.close();
    this.#service.limits.close(this.#wire.remote.ip);
    await session.nameKnown();
    if (lost !== null) session.info(`lost connection after ${lost} from ${session.client}`);
    session.info(`disconnect from ${session.client}${this.#statistics}${session.notesBareLf ? ' notes=bare_lf' : ''}`);
    await session.ask('disconnect', { connection: session.connection }).catch((error: unknown) => this.#fault(error));
  }
}
