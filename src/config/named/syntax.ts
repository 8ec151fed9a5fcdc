/**
 * The grammar of named.conf: statements of words and blocks, ended by semicolons, with three kinds of comments. Knows
 * no options; their meaning is in named-conf.ts.
 */

import type { Fault } from '../fault.ts';

export interface Word {
  readonly text: string;
  readonly quoted: boolean;
  readonly file: string;
  readonly line: number;
}

/** `words [{ block }];` — words may continue after a block (`} port 53;`), as in `inet … allow { … } keys { … };` */
export interface Statement {
  readonly words: readonly Word[];
  readonly block: readonly Statement[] | null;
  readonly file: string;
  readonly line: number;
}

const MAX_DEPTH = 20;
const TOKEN = /\s+|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|[{};]|"((?:\\.|[^"\\\n])*)"|(?:(?!\/\/|\/\*)[^\s{};"#])+/y;

/** Never throws; a syntax error is reported, and parsing continues after it. */
export function parseStatements(text: string, file: string, faults: Fault[]): readonly Statement[] {
  if (text.startsWith('\ufeff')) {
    faults.push({ file, line: 1, message: 'the file begins with a byte order mark: save it as UTF-8 without one' });
    return [];
  }
  const tokens = tokenize(text, file, faults);
  let at = 0;

  const block = (depth: number, opened: number): readonly Statement[] => {
    const statements: Statement[] = [];
    for (;;) {
      const first = tokens[at];
      if (first === undefined) {
        if (depth > 0) faults.push({ file, line: opened, message: '{ was never closed: expected };' });
        return statements;
      }
      if (isMark(first, '}')) {
        at += 1;
        if (depth > 0) return statements;
        faults.push({ file, line: first.line, message: '} without {' });
        continue;
      }
      if (isMark(first, ';')) {
        at += 1;
        faults.push({ file, line: first.line, message: "';' without a statement before it" });
        continue;
      }
      statements.push(statement(depth, first));
    }
  };

  const statement = (depth: number, first: Word): Statement => {
    const words: Word[] = [];
    let inner: readonly Statement[] | null = null;
    for (;;) {
      const token = tokens[at];
      if (token === undefined || isMark(token, '}')) {
        faults.push({
          file,
          line: tokens[at - 1]?.line ?? first.line,
          message: `missing ';' after '${tokens[at - 1]?.text ?? ''}'`,
        });
        break;
      }
      at += 1;
      if (isMark(token, ';')) break;
      if (!isMark(token, '{')) {
        // A word on a later line right after a block starts the next statement: the `;` is missing.
        if (inner !== null && tokens[at - 2]?.line !== token.line) {
          at -= 1;
          faults.push({ file, line: tokens[at - 1]?.line ?? token.line, message: "missing ';' after '}'" });
          break;
        }
        words.push(token);
        continue;
      }
      if (depth >= MAX_DEPTH) {
        faults.push({ file, line: token.line, message: `blocks are nested more than ${MAX_DEPTH} deep` });
        at = tokens.length;
        break;
      }
      const found = block(depth + 1, token.line);
      inner = inner === null ? found : [...inner, ...found];
    }
    return { words, block: inner, file, line: first.line };
  };

  return block(0, 1);
}

/** Whether the words contain a word, in any case. */
export const hasFlag = (words: readonly Word[], flag: string): boolean =>
  words.some((word) => !word.quoted && word.text.toLowerCase() === flag);

const isMark = (token: Word, mark: string): boolean => !token.quoted && token.text === mark;

function tokenize(text: string, file: string, faults: Fault[]): readonly Word[] {
  const words: Word[] = [];
  let line = 1;
  for (let at = 0; at < text.length; ) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text)?.[0];
    if (found === undefined) {
      const comment = text.startsWith('/*', at);
      faults.push({
        file,
        line,
        message: comment
          ? 'a comment /* was never closed: expected */'
          : 'a quotation mark was never closed on its line',
      });
      const end = comment ? -1 : text.indexOf('\n', at);
      if (end < 0) break;
      at = end;
      continue;
    }
    const char = found[0] ?? '';
    const space = /\s/.test(char) || found.startsWith('//') || found.startsWith('/*') || char === '#';
    if (char === '"') words.push({ text: found.slice(1, -1).replace(/\\(.)/g, '$1'), quoted: true, file, line });
    else if (!space) words.push({ text: found, quoted: false, file, line });
    for (let i = 0; i < found.length; i += 1) if (found.charCodeAt(i) === 10) line += 1;
    at += found.length;
  }
  return words;
}
