/**
 * The milters of one SMTP session (or of one message of the sendmail command), asked in their order: the first that does
 * not say "continue" has the word. Between messages the connections stay open, as milters expect.
 */
import type { Connection } from '../../bus/hook.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Change } from '../../protocol/milter/answers.ts';
import { BODY_CHUNK, COMMANDS, type Command, encodeConnect, strings } from '../../protocol/milter/commands.ts';
import { encodePacket } from '../../protocol/milter/packet.ts';
import type { HeaderFields } from './header-fields.ts';
import type { Judgement } from './judgement.ts';
import type { MacroAddress, MacroContext } from './macros.ts';
import type { Milter } from './milter.ts';

/** A message as milters see and change it. */
export interface MilterMessage {
  readonly header: HeaderFields;
  /** From its first octet behind the blank line; each milter reads what the one before left. */
  body(): AsyncIterable<Buffer>;
  /** `hasLeadingSpace`: values of header fields have the white space behind the colon. */
  change(change: Change, hasLeadingSpace: boolean): Promise<void>;
  /** A milter has said all. `isChanged`: what it changed counts. */
  settle(isChanged: boolean): Promise<void>;
}

/** What the client said of an address, and the arguments behind it. */
export interface MilterAddress {
  /** As a milter sees it: `<a@b>`. */
  readonly words: readonly string[];
  readonly macro: MacroAddress;
}

export class MilterSession {
  readonly #milters: readonly Milter[];
  readonly #connection: Connection | null;
  readonly #parameters: ParameterReader;

  constructor(milters: readonly Milter[], connection: Connection | null, parameters: ParameterReader) {
    this.#milters = milters;
    this.#connection = connection;
    this.#parameters = parameters;
  }

  connect(name: string, ip: string, port: number): Promise<Judgement | null> {
    const packet = encodeConnect(name, ip, port);
    return this.#first((milter) => milter.connect(packet, this.#context('')));
  }

  helo(name: string): Promise<Judgement | null> {
    return this.#tell(COMMANDS.helo, [name], this.#context(''));
  }

  mail({ words, macro }: MilterAddress, queueId: string): Promise<Judgement | null> {
    return this.#tell(COMMANDS.mail, words, { ...this.#context(queueId), sender: macro });
  }

  rcpt({ words, macro }: MilterAddress, queueId: string): Promise<Judgement | null> {
    return this.#tell(COMMANDS.rcpt, words, { ...this.#context(queueId), recipient: macro });
  }

  /** A recipient that is refused anyway: for those that want to know. */
  async rejected({ words, macro }: MilterAddress, queueId: string): Promise<void> {
    const context = { ...this.#context(queueId), recipient: macro };
    for (const milter of this.#milters)
      if (milter.wantsRejected) await milter.tell(COMMANDS.rcpt, encodePacket('R', strings(...words)), context);
  }

  data(queueId: string): Promise<Judgement | null> {
    return this.#tell(COMMANDS.data, [], this.#context(queueId));
  }

  unknown(verb: string): Promise<Judgement | null> {
    return this.#tell(COMMANDS.unknown, [verb], this.#context(''));
  }

  /**
   * Shows the message to each in turn and makes the changes that it asks for. A judgement of `hold` does not end it.
   * Rejects as the message does.
   */
  async message(message: MilterMessage, queueId: string): Promise<readonly Judgement[]> {
    const judgements: Judgement[] = [];
    const context = this.#context(queueId);
    for (const milter of this.#milters) {
      const judgement = milter.isListening ? await this.#show(milter, message, context) : milter.standing;
      if (judgement === null) continue;
      judgements.push(judgement);
      if (judgement.kind !== 'hold') break;
    }
    return judgements;
  }

  /** The transaction is over. */
  abort(): void {
    for (const milter of this.#milters) milter.abort();
  }

  close(): void {
    for (const milter of this.#milters) milter.close();
  }

  #context(queueId: string): MacroContext {
    return { connection: this.#connection, parameters: this.#parameters, queueId };
  }

  #tell(command: Command, words: readonly string[], context: MacroContext): Promise<Judgement | null> {
    const packet = encodePacket(command.letter, strings(...words));
    return this.#first((milter) => milter.tell(command, packet, context));
  }

  async #first(ask: (milter: Milter) => Promise<Judgement | null>): Promise<Judgement | null> {
    for (const milter of this.#milters) {
      const judgement = await ask(milter);
      if (judgement !== null) return judgement;
    }
    return null;
  }

  async #show(milter: Milter, message: MilterMessage, context: MacroContext): Promise<Judgement | null> {
    const judgement = await this.#showContent(milter, message, context);
    // A milter that has heard enough is not asked at the end either.
    if (judgement !== null || !milter.isListening) return judgement ?? milter.standing;
    const said = await milter.endOfMessage(context, (change) => message.change(change, milter.seesLeadingSpace));
    await message.settle(milter.standing === null);
    return said;
  }

  async #showContent(milter: Milter, message: MilterMessage, context: MacroContext): Promise<Judgement | null> {
    const tell = (command: Command, ...parts: (string | Uint8Array)[]): Promise<Judgement | null> =>
      milter.tell(command, encodePacket(command.letter, ...parts), context);
    for (const { name, value } of message.header.seen()) {
      const seen = milter.seesLeadingSpace ? value : value.replace(/^ /, '');
      const judgement = await tell(COMMANDS.header, Buffer.from(strings(name, seen), 'latin1'));
      if (judgement !== null || !milter.isListening) return judgement;
    }
    const judgement = await tell(COMMANDS.endOfHeader);
    if (judgement !== null || !milter.isListening || !milter.wantsBody) return judgement;
    for await (const chunk of inChunks(message.body(), BODY_CHUNK)) {
      const said = await tell(COMMANDS.body, chunk);
      if (said !== null || !milter.isListening) return said;
      if (!milter.wantsBody) break;
    }
    return null;
  }
}

/** The same octets in pieces of this length; the last may be shorter. */
async function* inChunks(body: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    held.push(piece);
    size += piece.length;
    if (size < length) continue;
    const all = Buffer.concat(held, size);
    const whole = size - (size % length);
    for (let at = 0; at < whole; at += length) yield all.subarray(at, at + length);
    held = [all.subarray(whole)];
    size -= whole;
  }
  if (size > 0) yield Buffer.concat(held, size);
}
