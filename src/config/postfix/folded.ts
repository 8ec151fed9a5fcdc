/** Long lines as `postconf -f` prints them: broken between words, continued with four spaces. */
const LINE = 80;
const INDENT = '    ';

/** `start` stands at the beginning of the first line and is not broken. */
export function folded(start: string, words: readonly string[]): string {
  let text = start;
  let column = start.length;
  for (const word of words) {
    if (column > INDENT.length && column + 1 + word.length > LINE) {
      text += `\n${INDENT}${word}`;
      column = INDENT.length + word.length;
    } else {
      text += `${column > 0 && !text.endsWith(' ') ? ' ' : ''}${word}`;
      column += 1 + word.length;
    }
  }
  return text;
}
