/**
 * The words of a line of an alias file (RFC 822 section 3.3), as postalias(1) reads and writes them: quoted text,
 * `[literals]`, (comments), and operators around which there is no white space. Linear; never throws.
 */

export type Word =
  | { readonly kind: 'plain' | 'quoted' | 'literal' | 'comment'; readonly text: string }
  /** One character. */
  | { readonly kind: 'operator'; readonly text: string };

const SPACE = /[ \t\r\n]/;
const OPERATORS = '|%!()<>@,;:\\"[].';
/** A word with one of these is written with quotes. */
const NEEDS_QUOTES = /[\0-\x20\x7f|%!()<>@,;:\\"[\].]/;
/** Words without anything special, which most are. */
const SIMPLE = /[^\0-\x20\x7f|%!()<>@,;:\\"[\].]+/y;

/** The words of a text. Each that is not closed goes to the end. */
export function aliasWords(text: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  /** Reads until `ends` says so; a backslash takes the next character as it is. */
  const collect = (ends: (character: string) => boolean): string => {
    let collected = '';
    for (; at < text.length; at += 1) {
      let character = text.charAt(at);
      if (character === '\\') {
        at += 1;
        character = text.charAt(at);
      } else if (ends(character)) break;
      collected += SPACE.test(character) ? ' ' : character;
    }
    return collected;
  };
  const closed = (kind: 'quoted' | 'literal', end: string): Word => {
    at += 1;
    const word: Word = { kind, text: collect((character) => character === end) };
    at += 1;
    return word;
  };
  while (at < text.length) {
    const character = text.charAt(at);
    SIMPLE.lastIndex = at;
    const simple = SIMPLE.exec(text)?.[0];
    const next = simple === undefined ? '' : text.charAt(at + simple.length);
    if (SPACE.test(character)) at += 1;
    else if (simple !== undefined && (next === '' || next === ' ' || (next !== '\\' && OPERATORS.includes(next)))) {
      words.push({ kind: 'plain', text: simple });
      at += simple.length;
    } else if (character === '"') words.push(closed('quoted', '"'));
    else if (character === '[') words.push(closed('literal', ']'));
    else if (character === '(') {
      const end = endOfComment(text, at);
      words.push({ kind: 'comment', text: text.slice(at, end) });
      at = end;
    } else if (character !== '\\' && OPERATORS.includes(character)) {
      words.push({ kind: 'operator', text: character });
      at += 1;
    } else {
      const collected = collect((one) => SPACE.test(one) || OPERATORS.includes(one));
      words.push({ kind: NEEDS_QUOTES.test(collected) ? 'quoted' : 'plain', text: collected });
    }
  }
  return words;
}

/** Behind the comment that begins at `at`; comments may be inside it. */
function endOfComment(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i += 1) {
    const character = text.charAt(i);
    if (character === '\\') i += 1;
    else if (character === '(') depth += 1;
    else if (character === ')') {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return text.length;
}

/** The words as they are written, with quotes: `a, "b c"@d.example`. */
export const writtenWords = (words: readonly Word[]): string =>
  joined(words, ({ kind, text }) =>
    kind === 'quoted'
      ? `"${text.replaceAll(/["\\\r\n]/g, '\\$&')}"`
      : kind === 'literal'
        ? `[${text.replaceAll(/[\\\r\n]/g, '\\$&')}]`
        : text,
  );

/** The words as they are meant, without quotes: what a name is looked up as. */
export const plainWords = (words: readonly Word[]): string =>
  joined(words, ({ kind, text }) => (kind === 'literal' ? `[${text}]` : text));

function joined(words: readonly Word[], shown: (word: Word) => string): string {
  return words.map((word, index) => `${shown(word)}${between(word, words[index + 1])}`).join('');
}

function between({ kind, text }: Word, next: Word | undefined): string {
  if (kind === 'operator' && text === ',') return ' ';
  if (next?.kind === 'operator' && next.text === '<') return ' ';
  return kind !== 'operator' && next !== undefined && next.kind !== 'operator' ? ' ' : '';
}
