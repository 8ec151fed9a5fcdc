/**
 * The content of a message being received: from octets as they came to what is kept. Line ends are mended, checks of
 * header and body are asked and obeyed, our own header lines stand in front, missing fields are added.
 *
 * Once it is discarded, further input goes nowhere.
 */
import type { Connection } from '../../bus/hook.ts';
import { keepHeaderLines } from '../../bus/prepended.ts';
import { encodeHeaderText } from '../../protocol/mime/header-text.ts';
import { LineEndFilter } from '../../protocol/mime/line-end.ts';
import type { ContentFilter } from '../checks/content-filter.ts';
import { isLocalMail } from './client-origin.ts';
import type { Composed } from './composition.ts';
import { Gathering } from './gathering.ts';
import { HeaderGatherer } from './header-gatherer.ts';
import type { Incoming } from './receiver.ts';
import type { ReceiverServices, ReceiverSettings } from './services.ts';
import { missingLines, receivedLine } from './trace.ts';

const CRLF = Buffer.from('\r\n');

export interface MessageContentOptions {
  readonly services: ReceiverServices;
  readonly settings: ReceiverSettings;
  readonly incoming: Incoming;
  readonly arrivedAt: number;
  /** A plugin will read the message before it is kept. */
  readonly reread: boolean;
  /** header_checks and the like, and addresses rewritten; null if nothing looks at the content. */
  readonly filter: ContentFilter | null;
}

export class MessageContent {
  readonly #options: MessageContentOptions;
  readonly #lineEnds: LineEndFilter;
  readonly #header: HeaderGatherer;
  readonly #gathering: Gathering;
  /** The header with our own lines as milters left it, and how many prepended lines are among them. */
  #changedHead: { readonly octets: Buffer; readonly prepended: number } | null = null;
  /** The header without our own lines as plugins left it. */
  #changedBlock: (() => Buffer) | null = null;
  /** With a filter, input is processed in order, because tables may need time. */
  #filtering: Promise<void> | null = null;
  /** Our own header lines as the filter left them, and how many prepended lines are among them. */
  #filteredTrace: { readonly octets: Buffer; readonly prepended: number } | null = null;
  /**
   * The header exceeds what is kept: input is processed in order, because missing fields have to be written at the
   * header's end.
   */
  #inTurn: Promise<void> | null = null;
  /** The end of such a long header has been written, with the missing fields. */
  #longHeaderWritten = false;
  /**
   * Missing fields are added, because it comes from a trusted or local client (local_header_rewrite_clients). Null: not
   * decided yet.
   */
  #completes: boolean | null = null;
  #discarded = false;

  constructor(options: MessageContentOptions) {
    const { services, settings, incoming, reread } = options;
    this.#options = options;
    this.#lineEnds = new LineEndFilter({
      strayCr: settings.strayCr,
      foldCrs: incoming.foldsCrs === true,
      endLastLine: true,
    });
    this.#header = new HeaderGatherer(settings.headerLimit, settings.drop);
    this.#gathering = new Gathering({
      content: services.store.content,
      folder: services.temporaryFolder,
      reread,
      head: async () => {
        await this.#decideAdditions();
        return [this.#traceHead(), ...this.headerBlock()];
      },
    });
  }

  /** Number of Received fields in the message as it came. */
  get wasDelivered(): boolean {
    return this.#header.wasDelivered;
  }

  get hops(): number {
    return this.#header.hops;
  }

  /** Undefined if the sender need not wait. Rejects if the octets cannot be kept, or a check cannot be asked. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    return this.#take(this.#lineEnds.push(chunk));
  }

  /** The message ended. */
  async finish(): Promise<void> {
    const { filter } = this.#options;
    await this.#take(this.#lineEnds.end());
    if (filter !== null) await this.#takeThrough(filter, () => filter.end());
    if (this.#discarded) return;
    await this.#takeRest();
    await this.#decideAdditions();
  }

  /**
   * The header as received, the missing fields, and the blank line if the body does not start with one. Of a long
   * header only the kept part: the rest is with the body.
   */
  headerBlock(): Buffer[] {
    if (this.#changedBlock !== null) return [this.#changedBlock()];
    if (this.#changedHead !== null) return [this.#changedHead.octets];
    const block = [...this.#header.kept];
    if (this.#header.overflows) return block;
    const additions = this.#additions();
    if (additions !== '') block.push(Buffer.from(additions));
    // A message that ends with its header has no blank line, as in Postfix.
    if (!this.#header.separated && !this.#gathering.isEmpty) block.push(CRLF);
    return block;
  }

  /** After `finish`, for plugins: the message without our own header lines. Each may read it from the beginning. */
  async *read(): AsyncGenerator<Buffer> {
    yield* this.headerBlock();
    yield* this.#gathering.read();
  }

  /** After `finish`: our own header lines, then the header, as they are now. */
  head(): Buffer {
    return Buffer.concat([this.#traceHead(), ...this.headerBlock()]);
  }

  /** After `finish`: the body, with the blank line before it unless that is at the end of `head`. */
  body(): AsyncGenerator<Buffer> {
    return this.#gathering.read();
  }

  /** `body`: with the blank line, if `head` has none; null: it stays. */
  async change(head: Buffer, body: AsyncIterable<Uint8Array> | null): Promise<void> {
    this.#changedHead = { octets: head, prepended: this.#options.incoming.transaction.prepend.length };
    this.#changedBlock = null;
    if (body !== null) await this.#gathering.replace(body);
  }

  /** The same for what `headerBlock` returns. A body only where that is the whole header (`isHeaderWhole`). */
  async changeBlock(block: () => Buffer, body: AsyncIterable<Uint8Array> | null): Promise<void> {
    this.#changedBlock = block;
    if (body !== null) await this.#gathering.replace(body);
  }

  /** All of the header is in `headerBlock`. */
  get isHeaderWhole(): boolean {
    return !this.#header.overflows;
  }

  compose(): Promise<Composed> {
    return this.#gathering.compose();
  }

  /** Frees what is held. Never rejects. */
  discard(): Promise<void> {
    this.#discarded = true;
    return this.#gathering.discard();
  }

  // ---- on its way through

  #take(octets: Uint8Array): Promise<void> | undefined {
    const { filter } = this.#options;
    return filter === null ? this.#takeFiltered(octets) : this.#takeThrough(filter, () => filter.push(octets));
  }

  /** The filter sees our own header lines first, then the message. */
  #takeThrough(filter: ContentFilter, next: () => Promise<Buffer>): Promise<void> {
    this.#filtering = (this.#filtering ?? this.#filterTrace(filter)).then(async () => {
      if (this.#discarded) return;
      const octets = await next();
      if (!this.#discarded) await this.#takeFiltered(octets);
    });
    return this.#filtering;
  }

  async #filterTrace(filter: ContentFilter): Promise<void> {
    const lines = this.#traceLines();
    this.#filteredTrace = { octets: await filter.ownFields(lines), prepended: lines.length - 1 };
  }

  #takeFiltered(octets: Uint8Array): Promise<void> | undefined {
    if (this.#inTurn !== null)
      return this.#takeInTurn(() => (this.#header.complete ? octets : this.#header.push(octets)));
    if (this.#header.complete) return this.#gathering.write(octets);
    const body = this.#header.push(octets);
    if (this.#header.overflows) return this.#takeInTurn(() => body);
    return body === null ? undefined : this.#gathering.write(body);
  }

  #takeRest(): Promise<void> | undefined {
    if (this.#inTurn !== null) return this.#takeInTurn(() => this.#header.finish());
    const rest = this.#header.finish();
    return this.#header.overflows ? this.#takeInTurn(() => rest) : this.#gathering.write(rest);
  }

  #takeInTurn(next: () => Uint8Array | null): Promise<void> {
    this.#inTurn = (this.#inTurn ?? Promise.resolve()).then(() => this.#passOn(next));
    return this.#inTurn;
  }

  /** Header lines beyond the kept ones go to the body; at the header's end the missing fields follow them. */
  async #passOn(next: () => Uint8Array | null): Promise<void> {
    const body = next();
    if (this.#discarded) return;
    for (const piece of this.#header.takeOverflow()) await this.#gathering.write(piece);
    if (body === null) return;
    if (!this.#longHeaderWritten) {
      this.#longHeaderWritten = true;
      await this.#decideAdditions();
      await this.#gathering.write(Buffer.from(this.#additions()));
      if (!this.#header.separated && body.length > 0) await this.#gathering.write(CRLF);
    }
    await this.#gathering.write(body);
  }

  // ---- what is added

  async #decideAdditions(): Promise<void> {
    const { services, settings, incoming } = this.#options;
    const { connection } = incoming;
    const isTrusted = async (one: Connection): Promise<boolean> =>
      settings.completesTrusted &&
      !incoming.forwarded?.has('SOURCE') &&
      (one.user !== null || (await services.isTrusted(one)));
    this.#completes ??=
      connection === null ||
      settings.completesAll ||
      settings.addressing.header.remote !== null ||
      (await isLocalMail(incoming, settings.isLocal)) ||
      (await isTrusted(connection));
  }

  /** The missing fields, if this message is to be completed. */
  #additions(): string {
    if (this.#completes !== true) return '';
    const { services, settings, incoming, arrivedAt } = this.#options;
    const { transaction, submitter } = incoming;
    const date = services.date(arrivedAt);
    return missingLines(this.#header.present, transaction, arrivedAt, date, settings, submitter?.fullName);
  }

  /** Our own header lines, before the header: PREPEND, then Received. */
  #traceLines(): string[] {
    const { services, settings, incoming, arrivedAt } = this.#options;
    const { connection, transaction, envelope, submitter } = incoming;
    const only = envelope.recipients.length === 1 ? (envelope.recipients[0] ?? null) : null;
    const date = services.date(arrivedAt);
    return [...this.#prepended(), receivedLine(connection, transaction, only, date, settings, submitter?.uid)];
  }

  #prepended(): readonly string[] {
    const { services, incoming } = this.#options;
    const { prepend, queueId } = incoming.transaction;
    // The bus has checked what each handler prepended, but a plugin may prepend after its handler returned.
    for (const fault of keepHeaderLines(prepend))
      services.cleanupLog.warn(
        { queueId },
        `${queueId}: a prepended line is not a header field and is left out: ${fault}`,
      );
    return prepend;
  }

  /** Lines that a plugin prepends after the filter saw the others stand before them; no check is asked about them. */
  #traceHead(): Buffer {
    const known = this.#changedHead ?? this.#filteredTrace;
    if (known === null) return encodeHeaderText(this.#traceLines().join('\r\n'));
    const later = encodeHeaderText(
      this.#prepended()
        .slice(known.prepended)
        .map((line) => `${line}\r\n`)
        .join(''),
    );
    // What milters left has our own lines in the header block.
    return this.#changedHead === null ? Buffer.concat([later, known.octets]) : later;
  }
}

/** A body that begins with the blank line after the header, unless that is at the header's end. */
export async function* withoutBlankLine(body: AsyncIterable<Buffer>, isAtHeadersEnd: boolean): AsyncGenerator<Buffer> {
  let isFirst = !isAtHeadersEnd;
  for await (const piece of body) {
    const from = isFirst && piece[0] === 0x0d ? 2 : 0;
    isFirst = false;
    if (piece.length > from) yield piece.subarray(from);
  }
}
