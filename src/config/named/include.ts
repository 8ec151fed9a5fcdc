/**
 * `include "file";` wherever statements stand: at the top, in `options`, in `zone` (BIND's parser takes it in every
 * block of statements, not in lists of addresses). The name may be a pattern; a relative one is looked for in
 * `directory` once that is given, before that where named.conf is. A fault names the file that was read.
 */

import { isAbsolute, join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { NamedElements } from './elements.ts';
import { parseStatements, type Statement } from './syntax.ts';

/** How files are found and read. */
export interface NamedFiles {
  /** The text of a file, and where it really is. Throws an Error in words for people. */
  read(path: string): { readonly file: string; readonly text: string };
  /** The files that a pattern with `*`, `?` or `[` matches, in order; none where nothing does. */
  match(pattern: string): readonly string[];
}

/** Files that include one another, and files in all: a circle would never end. */
const MAX_DEPTH = 32;
const MAX_FILES = 10_000;

export class NamedIncludes {
  readonly #elements: NamedElements;
  readonly #files: NamedFiles;
  /** Files that are being read, the innermost last. */
  readonly #chain: string[] = [];
  #count = 0;
  /** What relative names are relative to. */
  base: string;

  constructor(elements: NamedElements, files: NamedFiles, base: string) {
    this.#elements = elements;
    this.#files = files;
    this.base = base;
  }

  /** The statements of a block, those of included files in their places. */
  *expand(statements: readonly Statement[]): Generator<Statement, void, void> {
    for (const statement of statements) {
      const [verb] = statement.words;
      if (verb === undefined) this.#elements.fault(statement, 'a block without a name before it');
      else if (verb.quoted)
        this.#elements.fault(verb, `"${verb.text}": a statement begins with a word that has no quotes`);
      else if (verb.text.toLowerCase() === 'include') yield* this.#include(statement);
      else yield statement;
    }
  }

  /** The statements of a file and of what it includes. `from` is the include statement. */
  *file(path: string, from: { readonly file: string; readonly line: number }): Generator<Statement, void, void> {
    this.#count += 1;
    if (this.#chain.length >= MAX_DEPTH)
      this.#elements.fault(from, `${path}: more than ${MAX_DEPTH} files include one another`);
    else if (this.#count > MAX_FILES) this.#elements.fault(from, `more than ${MAX_FILES} files are included`);
    else {
      const read = this.#read(path, from);
      if (read === null) return;
      if (this.#chain.includes(read.file)) {
        this.#elements.fault(from, `${read.file} includes itself`);
        return;
      }
      this.#chain.push(read.file);
      yield* this.expand(parseStatements(read.text, read.file, this.#elements.faults));
      this.#chain.pop();
    }
  }

  #read(path: string, from: { readonly file: string; readonly line: number }): ReturnType<NamedFiles['read']> | null {
    try {
      return this.#files.read(path);
    } catch (error) {
      const reason = messageOf(error);
      this.#elements.fault(from, reason.startsWith(path) ? reason : `${path}: ${reason}`);
      return null;
    }
  }

  *#include(statement: Statement): Generator<Statement, void, void> {
    const name = this.#elements.quoted(statement, 'include "file";');
    if (name === null) return;
    const path = isAbsolute(name) ? name : join(this.base, name);
    if (!/[*?[]/.test(path)) {
      yield* this.file(path, statement);
      return;
    }
    const found = this.#files.match(path);
    if (found.length === 0) this.#elements.fault(statement, `${path}: no file matches`);
    for (const file of found) yield* this.file(file, statement);
  }
}
