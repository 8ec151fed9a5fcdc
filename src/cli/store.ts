/** `posthorn store`: copies a store into another one, and checks the store of the data folder. */
import { type Command, CommanderError } from 'commander';
import type { CopyReport } from '../app/copy-command.ts';
import type { Log } from '../log.ts';
import type { Comparison, Difference } from '../maintenance/copy/comparison.ts';
import type { Tally } from '../maintenance/copy/tally.ts';
import type { Inspection } from '../store/check.ts';
import { printJson, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { duration, type Measured, Progress } from './progress.ts';
import { addPlanCommand } from './store-plan.ts';

/** Only what an operator must see while a command works. */
const log: Log = {
  debug() {},
  info() {},
  warn: (_fields, message) => console.error(`warning: ${message}`),
  error: (_fields, message) => console.error(`error: ${message}`),
  child: () => log,
};

interface CopyOptions extends PlaceOptions {
  readonly thorough: boolean;
}

export function addStoreCommands(program: Command): void {
  const store = program.command('store').description('the store of the mail: copy it into another one, check it');
  withPlace(
    store
      .command('copy <from> <to>')
      .description(
        'make one store what another one is: accounts, mailboxes, messages with their UIDs, the queue; a store is sqlite:DIRECTORY; run it again to go on where it was interrupted, and a last time when the server is stopped',
      ),
  )
    .option(
      '--thorough',
      'read all messages of both sides again and compare SHA-256, also of those copied before',
      false,
    )
    .action(copy);
  addPlanCommand(store);
  withPlace(
    store
      .command('check')
      .description(
        'look at every row, reference, count and message of the store, and say what is wrong and where; beside a server too',
      ),
  )
    .option(
      '--repair',
      'mend what follows from other data: counts, sizes, references, indexes; the server is stopped',
      false,
    )
    .action(check);
}

interface CheckOptions extends PlaceOptions {
  readonly repair: boolean;
}

async function check(options: CheckOptions): Promise<void> {
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
    log,
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

async function copy(from: string, to: string, options: CopyOptions): Promise<void> {
  const where = place(options);
  const { runCopy } = await import('../app/copy-command.ts');
  let progress: Progress | undefined;
  const onStart = (tally: Tally): void => {
    progress = new Progress('messages', () => ({ done: tally.seen, of: tally.of, octets: tally.octets }));
  };
  const onStep = (step: string): void => progress?.begin(step);
  const { thorough } = options;
  const report = await runCopy({ from, to, configDirectory: where.config, thorough, log, onStart, onStep }).finally(
    () => progress?.end(),
  );
  if (where.json) printJson(plain(report));
  else console.log(describe(report));
  const isWrong = report.tally.problems.count > 0 || (!report.isServed && !report.isComplete);
  if (isWrong) throw new CommanderError(1, 'posthorn.store', 'not equal');
}

const plain = ({ from, to, isServed, isComplete, passes, tally, comparison }: CopyReport) => ({
  from,
  to,
  served: isServed,
  complete: isComplete,
  passes: passes.map((ms) => Math.round(ms)),
  written: tally.written,
  removed: tally.removed,
  contents: tally.contents,
  octets: tally.octets,
  problems: { count: tally.problems.count, first: tally.problems.first },
  verification:
    comparison === null
      ? null
      : { different: comparison.different, counts: Object.fromEntries(comparison.counts), first: comparison.first },
});

function describe(report: CopyReport): string {
  const { tally, comparison } = report;
  const { problems } = tally;
  return [
    ...passLines(report),
    ...listing(problems.count, 'could not be copied', problems.first),
    ...(comparison === null ? [] : ['', ...verified(comparison)]),
    '',
    conclusion(report),
  ].join('\n');
}

function verified({ counts, different, first }: Comparison): string[] {
  const rows = [...counts].map(([what, count]) => [what, String(count.compared), String(count.different)]);
  return [table(['verified', 'compared', 'different'], rows), ...listing(different, 'different', first)];
}

function passLines({ passes, tally }: CopyReport): string[] {
  const took = passes.reduce((sum, ms) => sum + ms, 0) / 1000;
  const lines = passes.map((ms, i) => `Pass ${i + 1} took ${duration(ms / 1000)}.`);
  const rate = tally.contents > 0 ? `: ${Math.round(tally.contents / took)} messages a second` : '';
  return [
    ...lines,
    `Rows written: ${tally.written}, removed: ${tally.removed}.`,
    `Messages copied and read back: ${tally.contents}, ${(tally.octets / 1e6).toFixed(1)} MB${rate}.`,
  ];
}

function listing(count: number, what: string, first: readonly Pick<Difference, 'place' | 'problem'>[]): string[] {
  if (count === 0) return [];
  const more = count > first.length ? [`… and ${count - first.length} more`] : [];
  return ['', `${count} ${what}:`, ...first.map(({ place, problem }) => `  ${place}: ${problem}`), ...more];
}

function conclusion({ from, to, isServed, isComplete, tally }: CopyReport): string {
  if (isComplete)
    return `${to} is what ${from} is. To use it, set "mail_store = ${to}" in main.cf and start the server.`;
  if (tally.problems.count > 0 || !isServed)
    return `${to} is not what ${from} is. "posthorn store check" says what is wrong with a store; then run this again.`;
  return `${from} is in use, so the copy is not complete: stop its server ("posthorn stop") and run this again, which takes about as long as the last pass.`;
}
