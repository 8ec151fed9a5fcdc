/**
 * Writes the WAL back into the database: when idle, and under load whenever it has grown so much that the next start
 * would be slow. The writer does this itself between batches, so the whole WAL is written back and can restart from
 * its beginning.
 */
import { type Database, PAGE_SIZE } from '../database.ts';

/**
 * Checkpoint between batches once this many octets are pending; above the second limit, wait for readers so that the
 * WAL can restart.
 */
const BETWEEN_BATCHES = 16 * 1024 * 1024;
const WAIT_FOR_READERS = 256 * 1024 * 1024;
/** While the WAL cannot be written back, report it at most once per interval, ms. */
const REPORT_EVERY = 600_000;
/**
 * Octets of a finished WAL that stay on disk: space in which rows can be deleted when the disk is full, and blocks that
 * need not be allocated again.
 */
const KEPT = 2 * BETWEEN_BATCHES;

interface State {
  readonly busy: number;
  /** Pages in the WAL, and how many of them were written back. */
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

  /** `pressing`: space is short, so leave nothing in the WAL. */
  afterCommit(pressing: boolean): void {
    const { log, checkpointed } = this.#state();
    // A reader in the middle of a page keeps the WAL from restarting; above this length wait for it.
    if (log * PAGE_SIZE > WAIT_FOR_READERS) this.#checkpoint('RESTART');
    else if ((log - checkpointed) * PAGE_SIZE > (pressing ? 0 : BETWEEN_BATCHES)) this.#checkpoint('PASSIVE');
  }

  /**
   * Writes back the whole WAL, waiting for readers, so that it restarts and its space on disk can be reused.
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
      // A full disk: everything is safe in the WAL, and the next checkpoint tries again.
      if (Date.now() - this.#reportedAt < REPORT_EVERY) return;
      this.#reportedAt = Date.now();
      this.#report('warn', { mode }, `the WAL could not be written back: ${(error as Error).message}`);
    }
  }
}
