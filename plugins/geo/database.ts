/**
 * A database in MaxMind's format, in memory. A changed file is read anew; one that is broken, or not there, is told once and
 * never replaces what is in use.
 */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Reader, type Response } from 'mmdb-lib';
import { messageOf } from '../../src/errors.ts';

/** Octets. The largest of MaxMind's has a quarter of that. */
const LONGEST = 512 * 1024 * 1024;
/** Addresses that are looked up before a database is used, over all of IPv4 and of what is given of IPv6. */
const PROBES = Array.from({ length: 256 }, (_, i) => `${i}.77.77.77`);
const PROBES_6 = Array.from(
  { length: 32 },
  (_, i) => `${(0x2000 + i * 0x80).toString(16)}:${(i * 977).toString(16)}::1`,
);

type Log = { warn(fields: object, message: string): void; info(fields: object, message: string): void };

export class Database {
  readonly #path: string;
  readonly #log: Log;
  #reader: Reader<Response>;
  #mark: string;

  /** Throws if the file cannot be used. */
  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    const found = statSync(path);
    this.#mark = markOf(found);
    this.#reader = readerOf(path, checkedLength(path, found) ?? readFileSync(path));
  }

  /** What it says of an address; null if that is nothing. Throws where the file is faulty at that place. */
  find(ip: string): unknown {
    return this.#reader.get(ip);
  }

  /** Reads the file if it has changed. Never rejects. */
  async refresh(): Promise<void> {
    let mark = this.#mark;
    try {
      const before = await stat(this.#path);
      mark = markOf(before);
      if (mark === this.#mark) return;
      const octets = checkedLength(this.#path, before) ?? (await readFile(this.#path));
      // Somebody is writing it: it is complete another time.
      if (markOf(await stat(this.#path)) !== mark) return;
      this.#reader = readerOf(this.#path, octets);
      this.#log.info({ file: this.#path }, `${this.#path}: reloaded`);
    } catch (error) {
      if (mark === this.#mark && this.#mark === GONE) return;
      if (mark === this.#mark) mark = GONE;
      this.#log.warn({ file: this.#path }, `${messageOf(error)}: keeping the previous version`);
    }
    this.#mark = mark;
  }
}

const GONE = 'gone';
const markOf = ({ mtimeMs, size, ino }: Stats): string => `${mtimeMs} ${size} ${ino}`;

function checkedLength(path: string, { size }: Stats): null {
  if (size > LONGEST) throw new Error(`${path}: longer than ${LONGEST / 1024 / 1024} MiB`);
  return null;
}

function readerOf(path: string, octets: Buffer): Reader<Response> {
  try {
    const reader = new Reader<Response>(octets);
    for (const ip of reader.metadata.ipVersion === 6 ? [...PROBES, ...PROBES_6] : PROBES) reader.get(ip);
    return reader;
  } catch (error) {
    throw new Error(`${path}: not a complete database in MaxMind's format (.mmdb): ${messageOf(error)}`);
  }
}
