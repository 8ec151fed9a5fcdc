/**
 * The right side of an alias (aliases(5), virtual(5)): members separated by commas or white space, with quoted words,
 * `<address>`, `:include:/file`, `\name`, `/file/name` and `|command`; (comments) do not count. Takes linear time.
 */
import { endOfComment } from './comment.ts';

export type Member =
  /** An address or a local part. `final`: a mailbox, not to be expanded again (`\name`). */
  | { readonly kind: 'address'; readonly address: string; readonly final: boolean }
  | { readonly kind: 'include'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly command: string };

export function parseMembers(text: string): Member[] {
  return splitOutsideQuotes(text, /,/).flatMap((item) => {
    const bracketed = /<([^<>]*)>\s*$/.exec(item)?.[1];
    if (bracketed !== undefined) return bracketed.trim() === '' ? [] : [memberOf(bracketed.trim())];
    // A command may contain spaces.
    return item.startsWith('|') ? [memberOf(item)] : splitOutsideQuotes(item, /\s/).map(memberOf);
  });
}

/** The lines of an included file: `#` comments, members as above. */
export const parseInclude = (text: string): Member[] =>
  text.split(/\r?\n/).flatMap((line) => (/^\s*#/.test(line) ? [] : parseMembers(line)));

function memberOf(word: string): Member {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/s.exec(word)?.[1];
  const text = quoted === undefined ? word : quoted.replace(/\\(.)/gs, '$1');
  const final = text.startsWith('\\');
  const name = final ? text.slice(1) : text;
  if (name.startsWith('|')) return { kind: 'command', command: name.slice(1) };
  if (name.startsWith('/')) return { kind: 'file', path: name };
  if (name.toLowerCase().startsWith(':include:'))
    return { kind: 'include', path: name.slice(':include:'.length).trim() };
  return { kind: 'address', address: name, final };
}

/** Trimmed non-empty pieces. An unclosed quote extends to the end. */
function splitOutsideQuotes(text: string, separator: RegExp): string[] {
  const pieces: string[] = [];
  let piece = '';
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const character = text.charAt(i);
    if (character === '"') quoted = !quoted;
    if (quoted && character === '\\') {
      piece += character + text.charAt(i + 1);
      i += 1;
    } else if (!quoted && character === '(') {
      // One that is not closed goes to the end.
      i = (endOfComment(text, i) ?? text.length) - 1;
      piece += ' ';
    } else if (!quoted && separator.test(character)) {
      pieces.push(piece.trim());
      piece = '';
    } else {
      piece += character;
    }
  }
  pieces.push(piece.trim());
  return pieces.filter((text) => text !== '');
}
