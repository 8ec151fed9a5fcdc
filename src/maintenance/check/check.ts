/**
 * A whole check of a store: the backend's own checks first, for the others rely on what they mend; then what all
 * backends have in common, read as servers read it.
 */
import type { Inspection } from '../../store/check.ts';
import { checkContents } from './contents.ts';
import type { CheckJob } from './job.ts';
import { checkMailboxes } from './mailboxes.ts';
import { checkQueue } from './queue.ts';

const STEPS: readonly (readonly [name: string, check: (job: CheckJob) => Promise<readonly Inspection[]>])[] = [
  ['accounts', checkMailboxes],
  ['contents', checkContents],
  ['queue', checkQueue],
];

/** `onStep` hears of each step before it begins. */
export async function checkStore(job: CheckJob, onStep: (step: string) => void): Promise<readonly Inspection[]> {
  const inspections: Inspection[] = [];
  onStep('files');
  const { check } = job.repair ?? job.source;
  for await (const inspection of check.inspect({ repair: job.repair !== null })) inspections.push(inspection);
  for (const [name, step] of STEPS) {
    Object.assign(job.tally, { done: 0, of: 0, octets: 0 });
    onStep(name);
    inspections.push(...(await step(job)));
  }
  return inspections;
}
