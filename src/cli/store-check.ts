/** `posthorn store check`: what was looked at in the store, and what is wrong with it. */
import { CommanderError } from 'commander';
import type { Inspection } from '../store/check.ts';
import { printJson, table } from './output.ts';
import { type PlaceOptions, place } from './place.ts';
import { type Measured, Progress } from './progress.ts';
import { listing, storeLog } from './store-output.ts';

interface CheckOptions extends PlaceOptions {
  readonly repair: boolean;
}

export async function checkStore(options: CheckOptions): Promise<void> {
  const where = place(options);
  const { repair } = options;
  const { runCheck } = await import('../app/check-store-command.ts');
  let progress: Progress | undefined;
  const onStart = (tally: Measured): void => {
    progress = new Progress('checked', () => tally);
  };
  const { isServed, inspections } = await runCheck({
    configDirectory: where.config,
    dataDirectory: where.data,
    repair,
    log: storeLog,
    onStart,
    onStep: (step) => progress?.begin(step),
  }).finally(() => progress?.end());
  const left = inspections.reduce((sum, { wrong, mended }) => sum + wrong - mended, 0);
  if (where.json) printJson({ served: isServed, sound: left === 0, checks: inspections });
  else console.log(checked(inspections, { left, repair }));
  if (left > 0) throw new CommanderError(1, 'posthorn.store', 'not sound');
}

function checked(
  inspections: readonly Inspection[],
  { left, repair }: { readonly left: number; readonly repair: boolean },
): string {
  const rows = inspections.map(({ name, ...counts }) => [
    name,
    ...[counts.checked, counts.wrong, counts.mended].map(String),
  ]);
  const findings = inspections.flatMap(({ name, wrong, findings: first }) =>
    listing(
      wrong,
      `wrong, ${name}`,
      first.map(({ place: where, problem, mended }) => ({
        place: where,
        problem: mended ? `${problem} (mended)` : problem,
      })),
    ),
  );
  const advice = repair
    ? 'What is left cannot be mended from other data: see docs/operations/stores.md.'
    : '"posthorn stop", then "posthorn store check --repair" mends what follows from other data.';
  return [
    table(['checked', 'count', 'wrong', 'mended'], rows),
    ...findings,
    '',
    left === 0 ? 'The store is sound.' : `The store is not sound: ${left} wrong. ${advice}`,
  ].join('\n');
}
