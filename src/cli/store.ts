/** `posthorn store`: copies a store into another one. */
import { type Command, CommanderError } from 'commander';
import type { CopyReport } from '../app/copy-command.ts';
import type { Log } from '../log.ts';
import type { Comparison, Difference } from '../maintenance/copy/comparison.ts';
import type { Tally } from '../maintenance/copy/tally.ts';
import { printJson, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { duration, Progress } from './progress.ts';

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
  const store = program.command('store').description('the store of the mail: copy it into another one');
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
