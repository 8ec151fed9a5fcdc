/**
 * The streaming indexer: octets in, a MessageIndex out, independent of how the input is split into chunks.
 *
 * Linear time: bodies are searched for LF and for `\n--` by native code only. Bounded memory: it keeps the
 * header fields it needs (1 MiB per message, 128 KiB per field, however long the headers are), at most 50 open
 * entities, 10,000 parts, and the beginning of a line that might be a boundary. It never throws. Boundaries match by
 * prefix, the longest first (RFC 2046 section 5.1.1); the line end before a boundary belongs to it; an outer boundary
 * ends the parts inside; a boundary may end a header.
 */
import type { MessageIndex } from '../../mail/message.ts';
import { parseDate } from './date.ts';
import { decodeWords } from './encoded-word.ts';
import { contentName, type DefaultType, entityHeader } from './entity.ts';
import { type EnvelopeFields, envelopeFields, formatEnvelope, isEnvelopeField, readAddresses } from './envelope.ts';
import { MAX_HEADER_SIZE, parseFields, startsWithField } from './header.ts';
import { type Draft, OpenEntities } from './open-entities.ts';
import { searchableAddresses } from './searchable-addresses.ts';
import { bodyStructure, isMessage } from './structure.ts';

const MAX_DEPTH = 50;
const MAX_PARTS = 10_000;
/** If the first line is longer than this without being a field, it is not a header. */
const MAX_FIELD_NAME = 998;
const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;
/** Maximum octets kept per field: more than header_size_limit accepts. */
const MAX_FIELD = 128 * 1024;
const DELIMITER = Buffer.from('\n--');
const NOTHING = Buffer.alloc(0);

/** header: in an entity's header; body: anywhere else; delimiter: in the rest of a boundary line. */
type State = 'header' | 'body' | 'delimiter';

/** The index of a whole message. */
export function indexMessage(bytes: Uint8Array): MessageIndex {
  const indexer = new MessageIndexer();
  indexer.write(bytes);
  return indexer.end();
}

export class MessageIndexer {
  #state: State = 'header';
  /** Octets kept from the last chunk, and the offset of the first one. */
  #carry: Buffer = NOTHING;
  #base = 0;
  /** The last two octets consumed. */
  #before = (CR << 8) | LF;
  /** Lines ended so far; exact within entities that need the count, see #counting. */
  #lines = 0;

  readonly #open = new OpenEntities();
  #root: Draft | null = null;
  #rootFields: EnvelopeFields | null = null;
  #parts = 0;
  /** The boundary line being skipped starts a part (otherwise it was the last one). */
  #partFollows = false;

  #headerText = '';
  #headerBudget = MAX_HEADER_SIZE;
  /** Octets of the current field in #headerText; whether the field is needed. */
  #fieldLength = 0;
  #fieldIsRead = false;
  #headerStart = 0;
  #defaultType: DefaultType = 'text/plain';
  /** The kept part of the current header line, and the line's full length in octets. */
  #line = '';
  #lineLength = 0;
  /** This is the entity's first line, not yet known to be a field. */
  #firstLine = true;

  /** The caller may reuse the chunk afterwards. */
  write(chunk: Uint8Array): void {
    const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const data = this.#carry.length === 0 ? octets : Buffer.concat([this.#carry, octets]);
    this.#consume(data, false);
  }

  end(): MessageIndex {
    this.#consume(this.#carry, true);
    if (this.#state === 'header') {
      const body = this.#firstLineIsBody();
      // A last line without a line end is a field too.
      if (!body) this.#takeLine();
      this.#endHeaders(body ? this.#headerStart : this.#base);
    }
    this.#open.closeTo(0, this.#base, this.#lines);
    const root = this.#root;
    const fields = this.#rootFields;
    if (root === null || fields === null) throw new Error('unreachable: a message without a root entity');
    const decoded = (text: string | null): string => decodeWords(text ?? '').toLowerCase();
    const addresses = readAddresses(fields);
    return {
      envelope: formatEnvelope(fields, addresses),
      bodyStructure: bodyStructure(root, true),
      root,
      sentAt: fields.date === null ? null : parseDate(fields.date),
      messageId: /<[^<>]{1,998}>/.exec(fields.messageId ?? '')?.[0] ?? '',
      search: {
        subject: decoded(fields.subject),
        from: decoded(fields.from),
        to: decoded(fields.to),
        cc: decoded(fields.cc),
        bcc: decoded(fields.bcc),
        addresses: {
          from: searchableAddresses(addresses.from),
          to: searchableAddresses(addresses.to),
          cc: searchableAddresses(addresses.cc),
          bcc: searchableAddresses(addresses.bcc),
        },
      },
    };
  }

  #consume(data: Buffer, final: boolean): void {
    let at = 0;
    while (at < data.length) {
      const next =
        this.#state === 'header'
          ? this.#header(data, at)
          : this.#state === 'body'
            ? this.#body(data, at, final)
            : this.#delimiterLine(data, at);
      if (next === at) break;
      at = next;
    }
    // Copied: the caller may reuse its buffer before the next chunk.
    this.#carry = at === data.length ? NOTHING : Buffer.from(data.subarray(at));
    if (at >= 2) this.#before = (byte(data, at - 2) << 8) | byte(data, at - 1);
    else if (at === 1) this.#before = ((this.#before & 0xff) << 8) | byte(data, 0);
    this.#base += at;
  }

  /** The octet `back` places before `at`, in this chunk or the previous one. */
  #previous(data: Buffer, at: number, back: 1 | 2): number {
    if (at >= back) return byte(data, at - back);
    return back - at === 1 ? this.#before & 0xff : this.#before >> 8;
  }

  /** Processes one header line, or the part of it in this chunk. */
  #header(data: Buffer, at: number): number {
    const lf = data.indexOf(LF, at);
    const end = lf < 0 ? data.length : lf + 1;
    const length = end - at;
    if (this.#lineLength === 0 && !isFold(byte(data, at))) this.#fieldLength = 0;
    const room =
      Math.min(this.#headerBudget - this.#headerText.length, MAX_FIELD - this.#fieldLength) - this.#line.length;
    this.#lineLength += length;
    // Cut after a number of octets, not at the end of a chunk: the index must not depend on how the input is split.
    if (room > 0) this.#line += data.toString('latin1', at, Math.min(end, at + room));
    if (lf < 0) {
      // Do not wait for the end of a long line that is not a field: it is a body.
      if (this.#lineLength > MAX_FIELD_NAME && this.#firstLineIsBody()) this.#endHeaders(this.#headerStart);
      return end;
    }
    const start = this.#base + end - this.#lineLength;
    const found = this.#line.startsWith('--') ? this.#open.match(this.#line) : -1;
    if (found >= 0) {
      const last = this.#line.startsWith('--', this.#open.delimiterLength(found));
      this.#endHeaders(start);
      this.#boundary(found, start, this.#lines, last);
      return this.#delimiterLine(data, lf);
    }
    if (this.#firstLineIsBody()) {
      this.#endHeaders(this.#headerStart);
      if (this.#open.counting) this.#lines += 1;
      return end;
    }
    const blank = this.#lineLength === 1 || (this.#lineLength === 2 && this.#previous(data, lf, 1) === CR);
    this.#lines += 1;
    this.#takeLine();
    this.#lineLength = 0;
    this.#firstLine = false;
    if (blank) this.#endHeader(this.#base + end);
    return end;
  }

  /** A header line is complete: keep it if its field is needed. */
  #takeLine(): void {
    const line = this.#line;
    this.#line = '';
    if (!isFold(line.charCodeAt(0))) this.#fieldIsRead = isRead(line);
    if (!this.#fieldIsRead || line === '') return;
    // Lines are joined once, at the end of the header: inspecting the concatenation after each line would be quadratic.
    const whole = line.endsWith('\n') ? line : `${line}\n`;
    this.#headerText += whole;
    this.#fieldLength += whole.length;
  }

  #firstLineIsBody(): boolean {
    if (!this.#firstLine || this.#line === '' || isBlank(this.#line)) return false;
    this.#firstLine = !startsWithField(this.#line.slice(0, MAX_FIELD_NAME + 2));
    return this.#firstLine;
  }

  #body(data: Buffer, at: number, final: boolean): number {
    if (this.#open.longestDelimiter === 0) return this.#pass(data, at, data.length);
    let from = at;
    let candidate = this.#previous(data, at, 1) === LF && byte(data, at) === DASH ? at : nextDelimiter(data, at);
    for (; candidate >= 0; candidate = nextDelimiter(data, candidate)) {
      const text = data.toString('latin1', candidate, candidate + this.#open.longestDelimiter + 2);
      const found = this.#open.match(text);
      const whole = final || text.length === this.#open.longestDelimiter + 2 || text.includes('\n');
      if (!whole) return this.#pass(data, from, candidate);
      if (found < 0) continue;
      from = this.#pass(data, from, candidate);
      const offset = this.#base + candidate;
      const lineEnd = this.#previous(data, candidate, 2) === CR ? 2 : 1;
      this.#boundary(
        found,
        offset - lineEnd,
        this.#lines - 1,
        text.startsWith('--', this.#open.delimiterLength(found)),
      );
      return candidate + this.#skippable;
    }
    // A single dash at the start of a line may be half of a delimiter.
    const kept =
      !final && byte(data, data.length - 1) === DASH && this.#previous(data, data.length - 1, 1) === LF ? 1 : 0;
    return this.#pass(data, from, data.length - kept);
  }

  /** Counts the lines in octets that belong to bodies. */
  #pass(data: Buffer, from: number, to: number): number {
    if (this.#open.counting) this.#lines += countLines(data, from, to);
    return to;
  }

  #delimiterLine(data: Buffer, at: number): number {
    const lf = data.indexOf(LF, at);
    if (lf < 0) return data.length;
    this.#lines += 1;
    if (this.#partFollows) {
      this.#beginHeader(
        this.#base + lf + 1,
        this.#open.innermost?.subtype === 'digest' ? 'message/rfc822' : 'text/plain',
      );
    } else {
      this.#state = 'body';
    }
    return lf + 1;
  }

  /** Octets of the boundary just found that are certainly in this chunk: its own text. */
  #skippable = 0;

  /** A boundary of the multipart at `level`: all entities inside it end at `offset`. */
  #boundary(level: number, offset: number, lines: number, last: boolean): void {
    this.#skippable = this.#open.delimiterLength(level);
    this.#open.closeTo(level + 1, offset, lines);
    if (last) this.#open.finishDelimiter(level);
    this.#partFollows = !last;
    this.#state = 'delimiter';
  }

  #beginHeader(offset: number, defaultType: DefaultType): void {
    this.#state = 'header';
    this.#headerStart = offset;
    this.#defaultType = defaultType;
    this.#headerText = '';
    this.#line = '';
    this.#lineLength = 0;
    this.#fieldLength = 0;
    this.#fieldIsRead = false;
    this.#firstLine = true;
  }

  /** Ends an incomplete header; enclosed messages then have empty headers, which end too. */
  #endHeaders(bodyStart: number): void {
    do this.#endHeader(bodyStart);
    while (this.#state === 'header');
  }

  /** The header of an entity is complete, and its body begins at `bodyStart`. */
  #endHeader(bodyStart: number): void {
    const absent = bodyStart === this.#headerStart;
    const text = this.#headerText;
    this.#headerBudget -= Math.min(this.#headerBudget, text.length);
    const fields = absent ? [] : parseFields(text);
    const part: Draft = {
      ...entityHeader(fields, this.#defaultType),
      headerStart: this.#headerStart,
      bodyStart,
      bodyEnd: bodyStart,
      lines: 0,
      parts: [],
      envelope: null,
    };
    const parent = this.#open.innermost;
    const enclosing = parent !== undefined && isMessage(parent) ? parent : undefined;
    if (parent === undefined) {
      this.#root = part;
      this.#rootFields = envelopeFields(fields);
    } else {
      parent.parts.push(part);
      if (enclosing !== undefined) enclosing.envelope = formatEnvelope(envelopeFields(fields));
    }
    this.#parts += 1;
    this.#state = 'body';
    const descend = this.#open.depth + 1 < MAX_DEPTH && this.#parts < MAX_PARTS;
    this.#open.push(part, this.#lines, descend && part.type === 'multipart');
    // Beyond the limit, everything that follows is the body of this part.
    if (this.#parts >= MAX_PARTS) this.#open.forgetDelimiters();
    else if (descend && isMessage(part)) this.#beginHeader(bodyStart, 'text/plain');
  }
}

/** The start of the next line after `from` that begins with `--`, or -1. */
function nextDelimiter(data: Buffer, from: number): number {
  const at = data.indexOf(DELIMITER, from);
  return at < 0 ? -1 : at + 1;
}

function countLines(data: Buffer, from: number, to: number): number {
  let lines = 0;
  for (let at = data.indexOf(LF, from); at >= 0 && at < to; at = data.indexOf(LF, at + 1)) lines += 1;
  return lines;
}

/** Whether the field is used for ENVELOPE or MIME. */
function isRead(line: string): boolean {
  const name = line.slice(0, Math.max(0, line.indexOf(':'))).trimEnd();
  return isEnvelopeField(name) || contentName(name) !== null;
}

const isFold = (code: number): boolean => code === 0x20 || code === 0x09;
const isBlank = (line: string): boolean => line === '\n' || line === '\r\n';
const byte = (data: Buffer, at: number): number => data[at] ?? 0;
