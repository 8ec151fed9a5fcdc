import type { Readable } from 'node:stream';

/** What is behind is left out. */
const LONGEST_LINE = 2_000;

/** Lines of a text, whoever writes it: a long one takes no more memory than a short one. */
export function eachLine(stream: Readable, hear: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(0, LONGEST_LINE);
    for (const line of lines) hear(line.slice(0, LONGEST_LINE));
  });
  stream.on('end', () => {
    if (rest !== '') hear(rest);
  });
}
