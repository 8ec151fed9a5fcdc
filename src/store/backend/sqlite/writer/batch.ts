/**
 * Group commit: the waiting requests run in one transaction, each inside its own savepoint, and are committed once.
 *
 * A request that fails is rolled back alone. If the transaction itself fails (SQLite ends it when the disk is full,
 * or the commit cannot be written), the whole batch is undone and each request is retried in its own transaction:
 * requests that need no space, or free some, still succeed.
 */
import type { Answer, PackedChange, Request } from '../calls.ts';
import type { Database } from '../database.ts';
import { toFailure } from '../failure.ts';
import type { Writing } from './writing.ts';

export type Run = (writing: Writing, request: Request) => unknown;

export interface BatchResult {
  readonly answers: readonly Answer[];
  /** In the order of the operations; all are durable. */
  readonly changes: readonly PackedChange[];
}

export function runBatch(db: Database, requests: readonly Request[], run: Run): BatchResult {
  try {
    db.run('BEGIN IMMEDIATE');
  } catch (error) {
    // Another program holds the lock: the batch has waited once; do not wait again for each request.
    return allFailed(requests, error);
  }
  try {
    return transaction(db, requests, run);
  } catch (error) {
    if (requests.length === 1) return allFailed(requests, error);
    const alone = requests.map((request) => runBatch(db, [request], run));
    return { answers: alone.flatMap(({ answers }) => answers), changes: alone.flatMap(({ changes }) => changes) };
  }
}

function allFailed(requests: readonly Request[], error: unknown): BatchResult {
  const failure = toFailure(error);
  return { answers: requests.map(({ id }) => ({ id, failure })), changes: [] };
}

/** The transaction has begun; it is always ended here. Throws if it failed as a whole. */
function transaction(db: Database, requests: readonly Request[], run: Run): BatchResult {
  const answers: Answer[] = [];
  const changes: PackedChange[] = [];
  try {
    for (const request of requests) {
      const told = changes.length;
      db.run('SAVEPOINT request');
      try {
        const result = run({ db, tell: (change) => changes.push(change) }, request);
        db.run('RELEASE request');
        answers.push({ id: request.id, result });
      } catch (error) {
        if (!db.inTransaction) throw error;
        db.run('ROLLBACK TO request');
        db.run('RELEASE request');
        changes.length = told;
        answers.push({ id: request.id, failure: toFailure(error) });
      }
    }
    db.run('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.run('ROLLBACK');
    throw error;
  }
  return { answers, changes };
}
