/**
 * One milter in one session: asked at each step that it wants, until it has said all.
 *
 * What it answers is bounded and checked. When it fails, milter_default_action stands for the rest of the session, as in
 * Postfix, and the log says why.
 */
import { counters } from '../../counters.ts';
import type { Log } from '../../log.ts';
import { type Answer, answerName, type Change, MilterAnswerError, parseAnswer } from '../../protocol/milter/answers.ts';
import { ABORT, COMMANDS, type Command, encodeMacros, OFFER, QUIT } from '../../protocol/milter/commands.ts';
import { type Agreement, encodeOptions, parseAgreement, STEPS } from '../../protocol/milter/options.ts';
import { encodePacket, MilterPacketError, type Packet } from '../../protocol/milter/packet.ts';
import {
  DISCARD,
  HOLD,
  type Judgement,
  MISCONFIGURED,
  parseReply,
  REJECT,
  SHUTDOWN,
  TEMPFAIL,
  UNREACHABLE,
} from './judgement.ts';
import { type MacroContext, macroValues } from './macros.ts';
import type { MacroNames, MilterSettings } from './settings.ts';
import { MilterWire, MilterWireError } from './wire.ts';

export interface MilterShared {
  readonly macros: MacroNames;
  readonly macroDefaults: ReadonlyMap<string, string>;
  readonly log: Log;
}

/** How many changes of one message a milter may ask for, and how many signs of life it may give. */
const MOST_CHANGES = 10_000;
const MOST_SIGNS = 100_000;

const CHANGES: ReadonlySet<string> = new Set([
  'add-header',
  'insert-header',
  'change-header',
  'replace-body',
  'add-recipient',
  'delete-recipient',
  'change-sender',
  'quarantine',
] satisfies Change['kind'][]);
const isChange = (answer: Answer): answer is Change => CHANGES.has(answer.kind);

/** Why a milter cannot be used any more. */
class Failure extends Error {
  readonly judgement: Judgement | null;
  constructor(message: string, judgement: Judgement | null) {
    super(message);
    this.judgement = judgement;
  }
}

export class Milter {
  readonly #settings: MilterSettings;
  readonly #shared: MilterShared;
  #wire: MilterWire | null = null;
  #agreement: Agreement | null = null;
  /** What stands for all that follows in this session. */
  #standing: Judgement | null = null;
  /** It accepted all that follows: of the message, or of the session. */
  #accepted: 'nothing' | 'message' | 'session' = 'nothing';
  /** It wants no more body of this message. */
  #skipsBody = false;

  constructor(settings: MilterSettings, shared: MilterShared) {
    this.#settings = settings;
    this.#shared = shared;
  }

  /** It has to be told of refused recipients. */
  get wantsRejected(): boolean {
    return this.#wants(STEPS.rejectedRcpt);
  }

  /** It sees values of header fields with the white space before them. */
  get seesLeadingSpace(): boolean {
    return this.#wants(STEPS.leadingSpace);
  }

  /** It is asked about this message. */
  get isListening(): boolean {
    return this.#wire !== null && this.#accepted === 'nothing';
  }

  /** It is told the body of this message, or its next piece. */
  get wantsBody(): boolean {
    return this.#isTold(COMMANDS.body);
  }

  /** What it says to everything that follows in this session. */
  get standing(): Judgement | null {
    return this.#standing;
  }

  #wants(flag: number): boolean {
    return this.#agreement !== null && (this.#agreement.steps & flag) !== 0;
  }

  /** Connects and agrees on what it is told; then tells it the client. Never rejects. */
  async connect(packet: Buffer, context: MacroContext): Promise<Judgement | null> {
    const { name, endpoint, connectTimeout } = this.#settings;
    try {
      this.#wire = await MilterWire.open(endpoint, connectTimeout);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      return this.#fail(new Failure(`connect to Milter service ${name}: ${words}`, this.#unreachable));
    }
    try {
      await this.#agree(this.#wire);
    } catch (error) {
      const failed = this.#fail(error);
      this.#shared.log.warn({}, `milter ${name}: read error in initial handshake`);
      return failed;
    }
    return this.tell(COMMANDS.connect, packet, context);
  }

  async #agree(wire: MilterWire): Promise<void> {
    const { offer, connectTimeout } = this.#settings;
    await wire.send(encodePacket(OFFER, encodeOptions(offer)), connectTimeout);
    const { letter, data } = await this.#read(wire, 'SMFIC_OPTNEG', connectTimeout);
    const agreement = letter === OFFER ? parseAgreement(data) : undefined;
    const { name } = this.#settings;
    if (agreement === undefined)
      throw new Failure(`milter ${name}: unexpected reply "${shown(letter)}" in initial handshake`, this.#unreachable);
    const { version, actions, steps } = agreement;
    if (version > offer.version || version < 2)
      throw new Failure(
        `milter ${name}: protocol version ${version} conflict with MTA protocol version ${offer.version}`,
        this.#misconfigured,
      );
    const unknown = (steps & ~offer.steps) >>> 0;
    if (unknown !== 0)
      throw new Failure(
        `milter ${name}: protocol step flags 0x${unknown.toString(16)} were not offered`,
        this.#misconfigured,
      );
    const excess = (actions & ~offer.actions) >>> 0;
    if (excess !== 0)
      throw new Failure(`milter ${name}: action flags 0x${excess.toString(16)} were not offered`, this.#misconfigured);
    this.#agreement = agreement;
  }

  /**
   * Tells it a command and asks what it thinks. Null: go on. Never rejects.
   */
  async tell(command: Command, packet: Buffer, context: MacroContext): Promise<Judgement | null> {
    if (!this.#isTold(command)) return this.#tellMacros(command, context);
    const wire = this.#wire as MilterWire;
    const timeout = this.#timeoutOf(command);
    try {
      await this.#send(wire, command, packet, context, timeout);
      return this.#isSilent(command) ? null : await this.#hear(wire, command, timeout);
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** The end of the message: hands over the changes that it asks for, in order. Rejects as `change` does. */
  async endOfMessage(context: MacroContext, change: (change: Change) => Promise<void>): Promise<Judgement | null> {
    const command = COMMANDS.endOfMessage;
    if (!this.#isTold(command)) return this.#standing;
    const wire = this.#wire as MilterWire;
    const timeout = this.#settings.contentTimeout;
    let holds = false;
    let changes = 0;
    try {
      await this.#send(wire, command, encodePacket('E'), context, timeout);
      for (;;) {
        const answer = await this.#answer(wire, command, timeout);
        if (!isChange(answer)) return this.#judge(command, answer) ?? (holds ? HOLD : null);
        changes += 1;
        if (changes > MOST_CHANGES)
          throw new Failure(
            `milter ${this.#settings.name}: more than ${MOST_CHANGES} changes of a message`,
            this.#unreachable,
          );
        if (answer.kind === 'quarantine') holds = true;
        else await change(answer);
      }
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** The message is over, whatever became of it. */
  abort(): void {
    this.#skipsBody = false;
    if (this.#accepted === 'session' || this.#wire === null) return;
    this.#accepted = 'nothing';
    void this.#wire.send(ABORT, this.#settings.commandTimeout).catch(() => {});
  }

  close(): void {
    this.#wire?.close(QUIT);
    this.#wire = null;
  }

  // ---- telling

  #isTold(command: Command): boolean {
    if (this.#wire === null || this.#agreement === null || this.#accepted !== 'nothing') return false;
    if (command === COMMANDS.body && this.#skipsBody) return false;
    return command.since <= this.#agreement.version && !this.#wants(command.declined);
  }

  /** A milter that does not want a step hears its macros all the same. */
  async #tellMacros(command: Command, context: MacroContext): Promise<Judgement | null> {
    const isOpen = this.#wire !== null && this.#accepted === 'nothing';
    if (!isOpen || CONTENT.has(command) || command.since > (this.#agreement?.version ?? 0)) return this.#standing;
    await this.#wire?.send(this.#macrosFor(command, context), this.#settings.commandTimeout).catch(() => {});
    return this.#standing;
  }

  #macrosFor(command: Command, context: MacroContext): Buffer {
    const { macros, macroDefaults } = this.#shared;
    const own = command.symbols === 'unknown' ? undefined : this.#agreement?.symbols.get(command.symbols);
    return encodeMacros(command, macroValues(own ?? macros[command.symbols], context, macroDefaults));
  }

  #isSilent(command: Command): boolean {
    return this.#wants(command.silent) || (command === COMMANDS.header && this.#settings.silentHeader);
  }

  #timeoutOf(command: Command): number {
    const isContent = CONTENT.has(command);
    return isContent ? this.#settings.contentTimeout : this.#settings.commandTimeout;
  }

  async #send(
    wire: MilterWire,
    command: Command,
    packet: Buffer,
    context: MacroContext,
    timeout: number,
  ): Promise<void> {
    if (wire.hasInput && !this.#isSilent(command)) {
      const { letter } = await wire.read(timeout);
      throw this.#unexpected(answerName(letter), command.name, 'before');
    }
    await wire.send(Buffer.concat([this.#macrosFor(command, context), packet]), timeout);
  }

  async #read(wire: MilterWire, name: string, timeout: number): Promise<Packet> {
    try {
      return await wire.read(timeout);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      const prefix = error instanceof MilterPacketError ? '' : `can't read ${name} reply packet header: `;
      throw new Failure(`milter ${this.#settings.name}: ${prefix}${words}`, this.#unreachable);
    }
  }

  /** The next answer that says something. */
  async #answer(wire: MilterWire, command: Command, timeout: number): Promise<Answer> {
    for (let signs = 0; signs < MOST_SIGNS; signs += 1) {
      const packet = await this.#read(wire, command.name, timeout);
      let answer: Answer;
      try {
        answer = parseAnswer(packet);
      } catch (error) {
        if (!(error instanceof MilterAnswerError)) throw error;
        throw new Failure(
          `milter ${this.#settings.name}: ${answerName(packet.letter)}: ${error.message}`,
          this.#unreachable,
        );
      }
      if (answer.kind === 'unknown') throw this.#unexpected(answer.name, command.name);
      if (isChange(answer) && command !== COMMANDS.endOfMessage)
        throw this.#unexpected(answerName(packet.letter), command.name);
      if (answer.kind !== 'progress') return answer;
    }
    throw new Failure(
      `milter ${this.#settings.name}: too many SMFIR_PROGRESS after ${command.name}`,
      this.#unreachable,
    );
  }

  async #hear(wire: MilterWire, command: Command, timeout: number): Promise<Judgement | null> {
    return this.#judge(command, await this.#answer(wire, command, timeout));
  }

  #judge(command: Command, answer: Answer): Judgement | null {
    const isEarly = command === COMMANDS.connect || command === COMMANDS.helo;
    switch (answer.kind) {
      case 'accept':
        this.#accepted = isEarly ? 'session' : 'message';
        if (isEarly) this.#end();
        return null;
      case 'skip':
        if (command === COMMANDS.body) this.#skipsBody = true;
        return null;
      case 'discard':
        if (!isEarly) {
          this.#accepted = 'message';
          return DISCARD;
        }
        this.#shared.log.warn({}, `milter ${this.#settings.name}: DISCARD action is not allowed for connect or helo`);
        return null;
      case 'reject':
        return this.#refuse(REJECT, isEarly);
      case 'tempfail':
        return this.#refuse(TEMPFAIL, isEarly);
      case 'shutdown':
        return this.#refuse(SHUTDOWN, true);
      case 'reply': {
        const judgement = parseReply(answer.text);
        if (judgement === undefined)
          throw new Failure(
            `milter ${this.#settings.name}: malformed reply: ${shown(answer.text)}`,
            this.#misconfigured,
          );
        return this.#refuse(judgement, isEarly);
      }
      default:
        return null;
    }
  }

  /** A client that is refused at its connection or name is refused for the session. */
  #refuse(judgement: Judgement, forSession: boolean): Judgement {
    if (forSession) this.#stand(judgement);
    return judgement;
  }

  // ---- failing

  get #unreachable(): Judgement | null {
    return UNREACHABLE[this.#settings.defaultAction];
  }

  get #misconfigured(): Judgement | null {
    return MISCONFIGURED[this.#settings.defaultAction];
  }

  #unexpected(answer: string, command: string, when: 'after' | 'before' = 'after'): Failure {
    return new Failure(
      `milter ${this.#settings.name}: unexpected filter response ${answer} ${when} event ${command}`,
      this.#unreachable,
    );
  }

  #fail(error: unknown): Judgement | null {
    if (!(error instanceof Failure) && !(error instanceof MilterWireError) && !(error instanceof MilterPacketError))
      throw error;
    const failure =
      error instanceof Failure
        ? error
        : new Failure(`milter ${this.#settings.name}: ${error.message}`, this.#unreachable);
    counters.milterFailures.count(this.#settings.name);
    this.#shared.log.warn({}, failure.message);
    this.#stand(failure.judgement);
    return this.#standing;
  }

  #stand(judgement: Judgement | null): void {
    this.#standing = judgement;
    this.#end();
  }

  #end(): void {
    this.#wire?.close();
    this.#wire = null;
  }
}

const CONTENT: ReadonlySet<Command> = new Set<Command>([
  COMMANDS.header,
  COMMANDS.endOfHeader,
  COMMANDS.body,
  COMMANDS.endOfMessage,
]);

const shown = (text: string): string => text.slice(0, 200).replace(/[^\x20-\x7e]/g, '?');
