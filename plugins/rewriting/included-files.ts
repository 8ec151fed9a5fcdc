/**
 * The files that one alias includes (aliases(5), `:include:`). Whoever may write a list may name files in it, itself too,
 * many times: what is read for one message is limited for all of them together.
 */
import { readFile, stat } from 'node:fs/promises';
import { type Member, parseInclude } from '../../src/protocol/members.ts';

const DEEPEST = 10;
/** Octets of all files. */
const LARGEST = 1024 * 1024;
/** What a file counts at least, or a short one could be read without an end. */
const LEAST = 1024;

/** The file cannot be read now: mail for the alias waits until it can, as in Postfix. */
export class UnreadableInclude extends Error {}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  ENOTDIR: 'Not a directory',
};

function unreadable(file: string, error: NodeJS.ErrnoException): never {
  const { code = '' } = error;
  throw new UnreadableInclude(`cannot open include file ${file}: ${WORDS[code] ?? code}`, { cause: error });
}

export class IncludedFiles {
  readonly #alias: string;
  #left = LARGEST;

  /** `alias`: for messages. */
  constructor(alias: string) {
    this.#alias = alias;
  }

  /** `path` as written, `file` where it is. Rejects with an Error for people. */
  async read(path: string, file: string, depth: number): Promise<readonly Member[]> {
    const alias = `alias ${this.#alias}`;
    if (!path.startsWith('/')) throw new Error(`${alias}: :include:${path} needs an absolute path`);
    if (depth >= DEEPEST) throw new Error(`${alias}: files are included more than ${DEEPEST} deep`);
    const about = await stat(file).catch((error: NodeJS.ErrnoException) => unreadable(file, error));
    // A pipe might never end.
    if (!about.isFile()) throw new Error(`${alias}: ${file} is not a regular file`);
    this.#left -= Math.max(LEAST, about.size);
    if (this.#left < 0)
      throw new Error(
        `${alias}: with ${file}, the included files are larger than ${LARGEST} octets (each counts ${LEAST} at least)`,
      );
    return parseInclude(await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => unreadable(file, error)));
  }
}
