/**
 * What a client sends, cut into commands and message bodies: the library's parser with its insides replaced.
 *
 * Guarantees: one command is in work at a time; lines are bounded, an endless one costs no memory; bodies
 * are found by `BodyReader`s over the octets as they came; a sink's promise stops the reading (the
 * socket's pipe does the rest); a closed stream swallows what is left without looking at it.
 */

import type { BodyReader } from '../../protocol/smtp/body.ts';
import { SMTPStream } from './library.ts';

/** The longest line that any command may have: AUTH with its initial response (RFC 4954 section 4.1). */
const MAX_LINE = 12_288;
/** A line longer than this is not waited for: the client is let go. */
export const MAX_SKIPPED = 1024 * 1024;
/** Commands in one go before other connections get their turn. */
const MAX_SYNCHRONOUS = 50;

/** Parts of one chunk that are passed on as they are. */
const MANY_PARTS = 16;

const EMPTY = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;

/** Takes one piece of a body; a promise holds up the client. */
export type BodySink = (part: Buffer) => Promise<void> | undefined;

export class SmtpStream extends SMTPStream {
  /** Called instead of `oncommand` for a line over MAX_LINE, with its length so far; `resume` as there. */
  ontoolong: (octets: number, resume: () => void) => void = (_octets, resume) => resume();
  /** Called when all that came is used up and more is wanted, the moment to send what was gathered. `halfLine`: a command has begun. */
  onidle: (halfLine: boolean) => void = () => {};
  /** Called when the client has ended its side and all that it sent is used up. */
  onfinish: () => void = () => {};

  /** `waiting`: a command is in work, or a sink holds us up. */
  #mode: 'waiting' | 'command' | 'body' = 'waiting';
  #input: Buffer = EMPTY;
  #position = 0;
  /** Of the chunk that the writable side counts as being written. */
  #chunkLength = 0;
  #next: ((error?: Error | null) => void) | null = null;
  #skipped = 0;
  #pumping = false;
  #synchronous = 0;
  #body: { readonly reader: BodyReader; readonly sink: BodySink; readonly done: () => void } | null = null;

  constructor() {
    super({ highWaterMark: 64 * 1024 });
  }

  /** Begins to read commands: what came before was kept, unread. */
  start(): void {
    this.#resume();
  }

  /** The line last given to `oncommand` ended without CR. */
  endedWithLf = false;

  /** A whole line waits behind the command in work. */
  get hasLine(): boolean {
    return this.#position < this.#input.length && this.#input.indexOf(LF, this.#position) >= 0;
  }

  /** Anything at all waits behind the command in work. */
  get hasInput(): boolean {
    return this.#position < this.#input.length || this.writableLength > this.#chunkLength;
  }

  /** The command in work wants a body: resolves when its end was found. Never resolves when the client goes away. */
  readBody(reader: BodyReader, sink: BodySink): Promise<void> {
    return new Promise((done) => {
      this.#body = { reader, sink, done };
      this.#mode = 'body';
      this.#pump();
    });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding | 'buffer', next: (error?: Error | null) => void): void {
    this.#input = this.#position < this.#input.length ? Buffer.concat([this.#input.subarray(this.#position), chunk]) : chunk;
    this.#position = 0;
    this.#chunkLength = chunk.length;
    this.#next = next;
    this.#pump();
  }

  /** The client sends no more, and what it sent is used up. A line that it did not end is no command (RFC 5321 section 2.3.8). */
  override _flushData(): void {
    if (!this.isClosed) this.onfinish();
  }

  readonly #resume = (): void => {
    this.#mode = 'command';
    this.#pump();
  };

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#synchronous = 0;
    try {
      while (this.#step());
    } finally {
      this.#pumping = false;
    }
  }

  /** One command or one piece of a body; false where nothing more can be done now. */
  #step(): boolean {
    if (this.isClosed) {
      this.#input = EMPTY;
      this.#position = 0;
      return this.#release();
    }
    if (this.#mode === 'command') return this.#stepCommand();
    return this.#mode === 'body' && this.#stepBody();
  }

  #stepCommand(): boolean {
    const end = this.#input.indexOf(LF, this.#position);
    if (end < 0) return this.#keepPartialLine();
    this.#synchronous += 1;
    if (this.#synchronous > MAX_SYNCHRONOUS) {
      this.#mode = 'waiting';
      setImmediate(this.#resume);
      return false;
    }
    const start = this.#position;
    this.#position = end + 1;
    const length = end - start + this.#skipped;
    this.#skipped = 0;
    this.#mode = 'waiting';
    if (length > MAX_LINE) this.ontoolong(length, this.#resume);
    else {
      this.endedWithLf = end === start || this.#input[end - 1] !== CR;
      this.oncommand(this.#input.subarray(start, this.endedWithLf ? end : end - 1), this.#resume);
    }
    return true;
  }

  #keepPartialLine(): boolean {
    const length = this.#input.length - this.#position;
    if (length + this.#skipped > MAX_LINE) {
      this.#skipped += length;
      this.#position = this.#input.length;
      if (this.#skipped > MAX_SKIPPED) {
        this.#mode = 'waiting';
        this.ontoolong(this.#skipped, this.#resume);
        return false;
      }
    }
    return this.#release();
  }

  #stepBody(): boolean {
    if (this.#position >= this.#input.length) return this.#release();
    const body = this.#body;
    if (body === null) return false;
    const parts: Buffer[] = [];
    const end = body.reader.push(this.#input, this.#position, parts);
    this.#position = end < 0 ? this.#input.length : end;
    // A body of nothing but stuffed dots has a part for each line: they are cheaper copied once than handled one by one.
    const pieces = parts.length > MANY_PARTS ? [Buffer.concat(parts)] : parts;
    const waits = pieces.map(body.sink).filter((wait) => wait !== undefined);
    this.#mode = 'waiting';
    const proceed = (): void => {
      if (end >= 0) {
        this.#body = null;
        body.done();
      } else {
        this.#mode = 'body';
      }
    };
    if (waits.length === 0) {
      proceed();
      return end < 0;
    }
    Promise.all(waits).then(
      () => {
        proceed();
        this.#pump();
      },
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    );
    return false;
  }

  /** Lets the next octets come. */
  #release(): boolean {
    const next = this.#next;
    this.#next = null;
    if (!this.isClosed) this.onidle(this.#mode === 'command' && (this.#position < this.#input.length || this.#skipped > 0));
    next?.();
    // What comes while we are pumping is pumped by us: _write only stores it.
    return this.#next !== null;
  }
}
