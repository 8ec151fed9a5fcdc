/**
 * Handling of a full disk: mail can always be deleted, and deleting makes space for new mail.
 *
 * Deleting writes too: to the WAL, which restarts only after all of it was written back into the database, and for
 * that the database may have to grow. Two things keep this possible:
 * - New contents are refused while the free space (on the disk, and inside the file where messages were deleted) is
 *   less than what the WAL still has to write back, plus a margin.
 * - A reserve: a file of zeros, removed when another program took the last space, and created again once there is
 *   enough.
 */
import { closeSync, fstatSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { StoreFullError } from '../../../store.ts';
import { type Database, PAGE_SIZE } from '../database.ts';
import type { Report } from './checkpoints.ts';

/** Maximum octets of the reserve and of the margin; on a small disk a fraction of it. */
const RESERVE = 16 * 1024 * 1024;
const MARGIN = 4 * 1024 * 1024;
/** The minimum for a start on a full disk. */
const SMALLEST_RESERVE = 128 * 1024;
const FRACTION = 16;
/** A store with less to write back creates its reserve only when idle: most stores in tests never need one. */
const RESERVED_FROM = 1024 * 1024;
/** The reserve is written in pieces of this many octets. */
const PIECE = 1024 * 1024;
/**
 * While more than this is free, ask the disk only at this interval (octets, ms): a system call per batch would be
 * noticeable.
 */
const PLENTY = 512 * 1024 * 1024;
const ASK_EVERY = 50;

/** Operations that add new contents; the others free space or need little. */
const BRINGING: ReadonlySet<string> = new Set([
  'accept',
  'deliver',
  'writeSpool',
  'putContent',
  'putProbeResult',
  'putPluginState',
]);

export class Room {
  readonly #db: Database;
  readonly #path: string;
  readonly #reserve: string;
  readonly #report: Report;
  readonly #reserveSize: number;
  readonly #margin: number;
  #short = false;
  /** When to ask the disk next, ms since 1970. */
  #askAt = 0;
  #pressing = false;

  constructor(db: Database, directory: string, report: Report) {
    this.#db = db;
    this.#path = join(directory, 'store.sqlite');
    this.#reserve = reserveFile(directory);
    this.#report = report;
    const disk = statfsSync(directory);
    const size = disk.blocks * disk.bsize;
    this.#reserveSize = Math.min(RESERVE, Math.floor(size / FRACTION));
    this.#margin = Math.min(MARGIN, Math.floor(size / FRACTION / 4));
  }

  /** The disk is almost completely full. */
  get isTight(): boolean {
    return this.#diskFree() < this.#margin;
  }

  /** New contents are being refused. */
  get isShort(): boolean {
    return this.#short;
  }

  /** Whether an operation adds new contents. */
  brings(operation: string): boolean {
    return BRINGING.has(operation);
  }

  /** Throws StoreFullError for an operation that adds contents while there is no space for them. */
  admit(operation: string): void {
    if (this.#short && this.brings(operation)) throw new StoreFullError('the disk is full');
  }

  /** Measures the free space: for each batch when there is little. */
  look(now: number): void {
    if (now < this.#askAt) return;
    const free = this.#free();
    this.#askAt = free > PLENTY ? now + ASK_EVERY : 0;
    const owed = this.#owed();
    this.#pressing = this.#short || owed > this.#reserveSize || (free < 4 * RESERVE && owed > this.#reserveSize / 2);
    if (owed > RESERVED_FROM && sizeOf(this.#reserve) === 0) this.restore();
    // Accept again only at twice the margin, so that the next message does not end it at once.
    const short = free + this.#reusable() - owed < this.#margin * (this.#short ? 2 : 1);
    if (short === this.#short) return;
    this.#short = short;
    if (short)
      this.#report(
        'warn',
        {},
        'the disk is full: new mail is refused until there is space again; deleting still works',
      );
    else this.#report('info', {}, 'the disk has free space again: accepting mail');
  }

  /** So little was free at the last measurement that the WAL should be written back now, not when idle. */
  get isPressing(): boolean {
    return this.#pressing;
  }

  /** Called after a write failed: frees the reserve if the disk has no other space. */
  release(): void {
    this.#askAt = 0;
    if (this.isTight) rmSync(this.#reserve, { force: true });
  }

  /** Creates the reserve, of at most half of the free space. */
  restore(): void {
    const wanted = Math.min(this.#reserveSize, Math.floor(this.#diskFree() / 2));
    if (wanted < SMALLEST_RESERVE || sizeOf(this.#reserve) >= wanted) return;
    try {
      writeZeros(this.#reserve, wanted);
    } catch {
      // Another program took the space first.
      rmSync(this.#reserve, { force: true });
    }
  }

  #free(): number {
    return this.#diskFree() + sizeOf(this.#reserve);
  }

  #diskFree(): number {
    const { bavail, bsize } = statfsSync(this.#path);
    return bavail * bsize;
  }

  /** Octets by which the database file will grow when the WAL is written back. */
  #owed(): number {
    const pages = this.#db.get<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0;
    return Math.max(0, pages * PAGE_SIZE - sizeOf(this.#path));
  }

  /** Octets of unused pages inside the file. */
  #reusable(): number {
    return (this.#db.get<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0) * PAGE_SIZE;
  }
}

/** The reserve in a store's directory; it also helps a start on a full disk. */
export const reserveFile = (directory: string): string => join(directory, 'store.reserve');

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function writeZeros(path: string, size: number): void {
  const file = openSync(path, 'a', 0o600);
  try {
    const piece = Buffer.alloc(PIECE);
    for (let at = fstatSync(file).size; at < size; at += PIECE) writeSync(file, piece, 0, Math.min(PIECE, size - at));
  } finally {
    closeSync(file);
  }
}
