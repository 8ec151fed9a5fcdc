/**
 * Writing the WAL back into the database: in quiet moments, and under load whenever it has grown by so much that the
 * next start would take long. The writer does it itself, between batches, so the whole WAL is written back and begins
 * anew.
 */
import { type Database, PAGE_SIZE } from '../database.ts';

/**
 * Octets not yet written back that are so between batches; octets of the whole WAL from which readers are waited for.
 */
const BETWEEN_BATCHES = 16 * 1024 * 1024;
const WAIT_FOR_READERS = 256 * 1024 * 1024;
/** While it cannot be written back, that is reported once in so long, ms. */
const REPORT_EVERY = 600_000;
/**
 * What a finished WAL keeps on the disk: room in which rows can be deleted when the disk is full, and blocks that need
 * not be found anew.
 */
const KEPT = 2 * BETWEEN_BATCHES;

interface State {
  readonly busy: number;
  /** Pages in the WAL, and how many of them are written back. */
  readonly log: number;
  readonly checkpointed: number;
}

export type Report = (level: 'info' | 'warn', fields: object, message: string) => void;

export class Checkpoints {
  readonly #db: Database;
  readonly #report: Report;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(db: Database, report: Report) {
    this.#db = db;
    this.#report = report;
    db.exec(`PRAGMA journal_size_limit = ${KEPT}`);
  }

  /** `pressing`: room is short, so nothing is left in the WAL. */
  afterCommit(pressing: boolean): void {
    const { log, checkpointed } = this.#state();
    // A reader in the middle of a page keeps the WAL from beginning anew: at some length it is waited for.
    if (log * PAGE_SIZE > WAIT_FOR_READERS) this.#checkpoint('RESTART');
    else if ((log - checkpointed) * PAGE_SIZE > (pressing ? 0 : BETWEEN_BATCHES)) this.#checkpoint('PASSIVE');
  }

  /**
   * All of the WAL, waiting for readers, so that it begins anew: the room that it has on the disk can be used again.
   */
  now(): void {
    this.#checkpoint('RESTART');
  }

  whenQuiet(): void {
    const { log, checkpointed } = this.#state();
    if (log > checkpointed) this.#checkpoint('PASSIVE');
  }

  atEnd(): void {
    this.#checkpoint('TRUNCATE');
  }

  #state(): State {
    return this.#db.get<State>('PRAGMA wal_checkpoint(NOOP)') ?? { busy: 0, log: 0, checkpointed: 0 };
  }

  #checkpoint(mode: 'PASSIVE' | 'RESTART' | 'TRUNCATE'): void {
    try {
      this.#db.get<State>(`PRAGMA wal_checkpoint(${mode})`);
      this.#reportedAt = Number.NEGATIVE_INFINITY;
    } catch (error) {
      // A full disk: everything is safe in the WAL, and the next turn tries again.
      if (Date.now() - this.#reportedAt < REPORT_EVERY) return;
      this.#reportedAt = Date.now();
      this.#report('warn', { mode }, `the WAL could not be written back: ${(error as Error).message}`);
    }
  }
}
