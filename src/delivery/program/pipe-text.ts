/**
 * The octets of a message as a pipe(8) command reads them: lines end as `eol=` says, with the lines of `flags=` before
 * and after. A pass of linear time; memory is that of a chunk.
 */

export interface PipeTextOptions {
  readonly flags: ReadonlySet<string>;
  readonly lineEnd: string;
  /** Lines before the message, without their ends. */
  readonly before: readonly string[];
}

/** The longest beginning of a line that is looked at. */
const FROM = 'From ';

export async function* pipeText(content: AsyncIterable<Buffer>, options: PipeTextOptions): AsyncGenerator<Buffer> {
  const { flags, lineEnd, before } = options;
  const quotesDot = flags.has('.');
  const quotesFrom = flags.has('>');
  const begin = (line: string): string =>
    (quotesDot && line.startsWith('.') ? '.' : quotesFrom && line.startsWith(FROM) ? '>' : '') + line;
  yield Buffer.from(before.map((line) => line + lineEnd).join(''), 'utf8');
  let atStart = true;
  let held = '';
  for await (const chunk of content) {
    const lines = (held + chunk.toString('latin1')).split('\r\n');
    let rest = lines.pop() ?? '';
    let out = '';
    for (const line of lines) {
      out += (atStart ? begin(line) : line) + lineEnd;
      atStart = true;
    }
    // Half of a line end, or too little of a line to know what it begins with.
    held = atStart && rest.length < FROM.length ? rest : rest.endsWith('\r') ? '\r' : '';
    rest = rest.slice(0, rest.length - held.length);
    if (rest !== '') {
      out += atStart ? begin(rest) : rest;
      atStart = false;
    }
    if (out !== '') yield Buffer.from(out, 'latin1');
  }
  const last = held === '' ? '' : atStart ? begin(held) : held;
  const end = (atStart && held === '' ? '' : lineEnd) + (flags.has('B') ? lineEnd : '');
  yield Buffer.from(last + end, 'latin1');
}
