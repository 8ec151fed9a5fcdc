/**
 * `include "file";` wherever statements are allowed: at the top level, in `options`, in `zone` (BIND's parser accepts
 * it in every block of statements, but not in address lists). The name may be a pattern; a relative one is relative to
 * `directory` once that is set, before that to the folder of named.conf. An error names the included file.
 */

import { isAbsolute, join } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { NamedElements } from './elements.ts';
import { parseStatements, type Statement } from './syntax.ts';

/** How files are found and read. */
export interface NamedFiles {
  /** The text of a file, and its actual path. Throws a readable Error. */
  read(path: string): { readonly file: string; readonly text: string };
  /** The files that match a pattern with `*`, `?` or `[`, in order; may be empty. */
  match(pattern: string): readonly string[];
}

/** Limits on nesting and on the number of files, to stop include loops. */
const MAX_DEPTH = 32;
const MAX_FILES = 10_000;

export class NamedIncludes {
  readonly #elements: NamedElements;
  readonly #files: NamedFiles;
  /** Files being read, the innermost last. */
  readonly #chain: string[] = [];
  #count = 0;
  /** The folder for relative names. */
  base: string;

  constructor(elements: NamedElements, files: NamedFiles, base: string) {
    this.#elements = elements;
    this.#files = files;
    this.base = base;
  }

  /** The statements of a block, with includes replaced by the included statements. */
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

  /** The statements of a file and its includes. `from` is the include statement. */
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
