/** Translates bracket expressions `[a-z[:digit:]_]` of regexp and pcre patterns to JavaScript. */
import { PatternError } from './pattern-error.ts';

export interface Bracket {
  readonly text: string;
  /** Number of source characters read. */
  readonly width: number;
}

export interface BracketOptions {
  /** Match both cases of every letter. */
  readonly foldCase: boolean;
  /** pcre has escapes in brackets; in POSIX a backslash is literal. */
  readonly escapes: boolean;
}

/** A member of a bracket expression; `single` is set if it is one character. */
interface Member extends Bracket {
  readonly single?: string;
}

/** POSIX classes, `[:alpha:]`. */
const CLASSES: ReadonlyMap<string, string> = new Map([
  ['alpha', 'a-zA-Z'],
  ['digit', '0-9'],
  ['alnum', 'a-zA-Z0-9'],
  ['upper', 'A-Z'],
  ['lower', 'a-z'],
  ['space', '\\t-\\r '],
  ['blank', ' \\t'],
  ['punct', '!-\\/:-@\\[-`{-~'],
  ['print', ' -~'],
  ['graph', '!-~'],
  ['cntrl', '\\x00-\\x1f\\x7f'],
  ['xdigit', '0-9A-Fa-f'],
  ['word', '\\w'],
]);
const CONTROLS: ReadonlyMap<string, string> = new Map(
  Object.entries({ t: '\t', n: '\n', r: '\r', f: '\f', v: '\v', b: '\b', a: '\x07', e: '\x1b', '0': '\0' }),
);

/** Reads the bracket expression at `start`. A leading `]` is literal. Throws PatternError. */
export function readBracket(source: string, start: number, options: BracketOptions): Bracket {
  let at = start + 1;
  const negated = source.charAt(at) === '^';
  if (negated) at += 1;
  const members: string[] = [];
  for (let first = true; first || source.charAt(at) !== ']'; first = false) {
    const from = readMember(source, at, options);
    at += from.width;
    if (from.single === undefined || source.charAt(at) !== '-' || source.charAt(at + 1) === ']') {
      members.push(from.single === undefined ? from.text : range(from, from, options));
      continue;
    }
    const to = readMember(source, at + 1, options);
    members.push(range(from, to, options));
    at += 1 + to.width;
  }
  return { text: `[${negated ? '^' : ''}${members.join('')}]`, width: at + 1 - start };
}

function readMember(source: string, at: number, options: BracketOptions): Member {
  const ahead = source.slice(at, at + 24);
  if (ahead === '') throw new PatternError('a "[" is never closed');
  const named = /^\[([:.=])(.*?)\1\]/.exec(ahead);
  // An equivalence class or a collating element of one character.
  if (named !== null && named[1] !== ':' && !options.escapes && named[2]?.length === 1)
    return character(named[2], named[0].length);
  if (named !== null) {
    const name = options.foldCase && /^(?:upper|lower)$/.test(named[2] ?? '') ? 'alpha' : (named[2] ?? '');
    const content = named[1] === ':' ? CLASSES.get(name) : undefined;
    if (content === undefined) throw new PatternError(`${named[0]} is not a supported character class`);
    return { text: content, width: named[0].length };
  }
  if (!ahead.startsWith('\\') || !options.escapes) return character(ahead.charAt(0), 1);
  const hex = /^\\x([0-9a-fA-F]{2})/.exec(ahead)?.[1];
  if (hex !== undefined) return character(String.fromCharCode(Number.parseInt(hex, 16)), 4);
  const next = ahead.charAt(1);
  if (next === '') throw new PatternError('a "[" is never closed');
  if ('dDwW'.includes(next)) return { text: `\\${next}`, width: 2 };
  if (next === 's') return { text: '\\t-\\r ', width: 2 };
  if (next === 'S') return { text: '\\0-\\x08\\x0e-\\x1f!-\\xff', width: 2 };
  const control = CONTROLS.get(next);
  if (control === undefined && /[A-Za-z1-9]/.test(next))
    throw new PatternError(`"\\${next}" inside "[ ]" is not supported`);
  return character(control ?? next, 2);
}

function character(single: string, width: number): Member {
  const text = /[\\\]^[-]/.test(single)
    ? `\\${single}`
    : single < ' '
      ? `\\x${single.charCodeAt(0).toString(16).padStart(2, '0')}`
      : single;
  return { text, width, single };
}

/** `a-z`, plus the other case of its letters if case is folded. */
function range(from: Member, to: Member, options: BracketOptions): string {
  const [low, high] = [from.single, to.single];
  if (low === undefined || high === undefined || low > high)
    throw new PatternError(`"${from.text}-${to.text}" is not a range of characters`);
  const text = low === high ? from.text : `${from.text}-${to.text}`;
  return options.foldCase ? text + otherCase(low, high, 'a', 'z', -32) + otherCase(low, high, 'A', 'Z', 32) : text;
}

/** The letters of `from`–`to` between `low` and `high`, in the other case; '' if there are none. */
function otherCase(from: string, to: string, low: string, high: string, shift: number): string {
  const start = from > low ? from : low;
  const end = to < high ? to : high;
  if (start > end) return '';
  const moved = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) + shift);
  return start === end ? moved(start) : `${moved(start)}-${moved(end)}`;
}
