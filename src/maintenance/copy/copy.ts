/**
 * A whole copy: passes until one of them was short, then the verification. A source that changes meanwhile cannot be
 * verified: the copy is complete when it was repeated without its server.
 */
import type { StoreSource } from '../../store/source.ts';
import type { Store } from '../../store/store.ts';
import type { Comparison } from './comparison.ts';
import { Contents } from './contents.ts';
import { beginCopy } from './mark.ts';
import { copyPass } from './pass.ts';
import type { Tally } from './tally.ts';
import { verifyCopy } from './verify.ts';

/** A pass that takes no longer is short: what would be left for the last one is not worth another, ms. */
const SHORT_MS = 5_000;

export interface CopyOptions {
  readonly source: StoreSource;
  /** Its server writes it meanwhile. */
  readonly isServed: boolean;
  readonly target: Store;
  /** Names the source for the mark. */
  readonly of: string;
  /** The octets of all messages are read again, also of those that were copied before. */
  readonly thorough: boolean;
  readonly tally: Tally;
  /** Hears of each step before it begins. */
  readonly onStep: (step: string) => void;
}

export interface CopyResult {
  /** How long each pass took, ms. */
  readonly passes: readonly number[];
  readonly tally: Tally;
  /** Null: not verified, for the source is served. */
  readonly comparison: Comparison | null;
  /** Everything is there and equal. */
  readonly isComplete: boolean;
}

export async function copyStore(options: CopyOptions): Promise<CopyResult> {
  const { source, isServed, target, of, thorough, tally, onStep } = options;
  await beginCopy(source, target, of);
  const contents = new Contents(source, target, tally);
  const passes: number[] = [];
  for (let before = Number.POSITIVE_INFINITY; ; ) {
    onStep(`pass ${passes.length + 1}`);
    const begun = performance.now();
    await copyPass({ source, target, contents, tally });
    const took = performance.now() - begun;
    passes.push(took);
    // Where a pass takes as long as the one before it, as much changes meanwhile as it copies.
    if (!isServed || took < SHORT_MS || took > before / 2) break;
    before = took;
  }
  if (isServed) return { passes, tally, comparison: null, isComplete: false };
  onStep('verification');
  const comparison = await verifyCopy(source, target, { tally, thorough });
  const isComplete = comparison.different === 0 && tally.problems.count === 0;
  if (isComplete) await target.transfer.markCopy({ of, complete: true });
  return { passes, tally, comparison, isComplete };
}
