/**
 * Asks the tables of checks about each header field and line of a message while it passes, and changes it as they say.
 * Streaming: what was looked at goes on at once; memory is bounded for any message.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeHeaderText } from '../../protocol/mime/header-text.ts';
import { fieldKind, type MimeFault, MimeReader, type Piece } from '../../protocol/mime/mime-reader.ts';
import { type Act, type Effect, type Finding, parseAction } from './action.ts';
import { type ContentRules, findAction, type Subject } from './rules.ts';

/** Patterns are matched for this long, ms, before others get their turn. */
const LONGEST_TURN = 5;

export interface ContentFilterOptions {
  readonly rules: ContentRules;
  readonly act: Act;
  /** Changes a field of the message's own header, after its checks. */
  rewrite?(field: string): string | Promise<string>;
  /** A fault of the structure that is reported. Nothing that follows is looked at. */
  onFault(fault: MimeFault, text: string): void;
}

/** A field that is too long is cut at a line end if that leaves this part of the limit, otherwise within a line. */
const NICE_CUT = 0.9;

export class ContentFilter {
  readonly #options: ContentFilterOptions;
  readonly #reader: MimeReader;
  #looks = true;

  constructor(options: ContentFilterOptions) {
    this.#options = options;
    this.#reader = new MimeReader(options.rules.reading);
  }

  /** The octets that come out. Rejects with CheckUnavailable. */
  push(chunk: Uint8Array): Promise<Buffer> {
    return this.#pass(this.#reader.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
  }

  end(): Promise<Buffer> {
    return this.#pass(this.#reader.end());
  }

  /** Header fields that stand before the message, as text with CRLF or LF between their lines. */
  async ownFields(fields: readonly string[]): Promise<Buffer> {
    const out: string[] = [];
    for (const field of fields) {
      const text = encodeHeaderText(field).toString('latin1').replaceAll('\r\n', '\n').replace(/\n$/, '');
      out.push(await this.#field(fieldKind(text, 'primary'), text));
    }
    return Buffer.from(out.join(''), 'latin1');
  }

  async #pass(pieces: readonly Piece[]): Promise<Buffer> {
    const out: (Buffer | string)[] = [];
    let began = performance.now();
    for (const piece of pieces) {
      if (piece.kind === 'text') {
        out.push(piece.octets);
        continue;
      }
      if (performance.now() - began > LONGEST_TURN) {
        await nextTurn();
        began = performance.now();
      }
      const text = this.#checked(piece);
      out.push(text instanceof Promise ? await text : text);
    }
    return joined(out);
  }

  #checked(piece: Exclude<Piece, { kind: 'text' }>): string | Promise<string> {
    if (piece.kind === 'field') return this.#field(piece.header, piece.text);
    if (piece.kind === 'line') return this.#line(piece.text, piece.ends ? '\r\n' : '');
    if (this.#looks) {
      this.#looks = false;
      this.#options.onFault(piece.fault, piece.text);
    }
    return '';
  }

  #field(header: Subject, text: string): string | Promise<string> {
    const { rewrite, rules } = this.#options;
    const inLines = (field: string | null): string =>
      field === null ? '' : `${withCrlf(cutField(field, rules.fieldLimit))}\r\n`;
    return after(this.#look(header, text), ({ text: kept, before }) => {
      const rewritten = kept !== null && header === 'primary' && rewrite !== undefined ? rewrite(kept) : kept;
      return after(rewritten, (field) => `${before === undefined ? '' : inLines(before)}${inLines(field)}`);
    });
  }

  #line(text: string, lineEnd: string): string | Promise<string> {
    return after(
      this.#look('body', text),
      ({ text: line, before }) =>
        `${before === undefined ? '' : `${withCrlf(before)}\r\n`}${line === null ? '' : withCrlf(line) + lineEnd}`,
    );
  }

  /** Waits only for tables that need time. */
  #look(subject: Subject, text: string): Effect | Promise<Effect> {
    const rule = this.#options.rules.rules[subject];
    const found = this.#looks ? findAction(rule, text) : undefined;
    return after(found, (value): Effect => {
      if (value === undefined) return { text };
      const where: Finding['where'] = subject === 'body' ? 'body' : 'header';
      const effect = this.#options.act({ where, text, parameter: rule.parameter, ...parseAction(value) });
      if (effect.isLast === true) this.#looks = false;
      return effect;
    });
  }
}

/** At once where nothing has to be waited for: that is so for nearly every field and line. */
const after = <T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> =>
  value instanceof Promise ? value.then(next) : next(value);

function joined(parts: readonly (Buffer | string)[]): Buffer {
  const buffers: Buffer[] = [];
  let text = '';
  const endText = (): void => {
    if (text !== '') buffers.push(Buffer.from(text, 'latin1'));
    text = '';
  };
  for (const part of parts) {
    if (typeof part === 'string') text += part;
    else {
      endText();
      buffers.push(part);
    }
  }
  endText();
  return buffers.length === 1 ? (buffers[0] as Buffer) : Buffer.concat(buffers);
}

const withCrlf = (text: string): string => (text.includes('\n') ? text.replace(/\r?\n/g, '\r\n') : text);

/** Not within its name: without the colon, the header would end here. */
export function cutField(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const lineEnd = text.lastIndexOf('\n', limit);
  const end = lineEnd + 1 > NICE_CUT * limit ? lineEnd : limit;
  return text.slice(0, Math.max(end, text.indexOf(':') + 1));
}
