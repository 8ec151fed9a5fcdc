/** `posthorn plugin replay`: what a plugin says about mail that is there. */
import type { Command } from 'commander';
import type { ReplayReport } from '../app/replay/replay.ts';
import { counted, printJson, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { Progress } from './progress.ts';
import { sinceWhen } from './since.ts';
import { storeLog } from './store-output.ts';

interface Options extends PlaceOptions {
  readonly since?: number;
  readonly folder?: string;
  readonly account?: string;
}

/** Of the differences, for people. */
const SHOWN = 20;

export function addReplayCommand(plugin: Command): void {
  withPlace(
    plugin
      .command('replay <plugin>')
      .description(
        'ask a plugin, enabled or not, about mail in mailboxes, and show what it would have done; nothing is changed or sent, and the server may run',
      )
      .option(
        '--since <time>',
        'mail that came from this time on: 12h, 3d, 2026-11-27; 7d where it is not given',
        sinceWhen,
      )
      .option('--folder <name>', 'only the mailbox of this name, such as Junk')
      .option('--account <address>', 'only the mail of this account'),
  ).action(async (name: string, { since = sinceWhen('7d'), folder, account, ...options }: Options) => {
    const where = place(options);
    const { runReplay } = await import('../app/replay/replay.ts');
    let now = { done: 0, of: 0 };
    const bar = new Progress('messages', () => now);
    bar.begin('replay');
    const report = await runReplay({
      configDirectory: where.config,
      dataDirectory: where.data,
      plugin: name,
      since,
      folder: folder ?? null,
      account: account ?? null,
      log: storeLog,
      progress: (done, of) => {
        now = { done, of };
      },
    }).finally(() => bar.end());
    if (where.json) printJson(report);
    else console.log(said(report));
  });
}

const GUESSED =
  "Guessed: only this account's recipient was given; the client's reverse name is its name, its login was PLAIN; names are looked up as they are now.";

function said({ plugin, messages, skipped, outcomes, changes, differences, time, sent, notes }: ReplayReport): string {
  const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
  const lines = [
    `${plugin} was asked about ${counted(messages, 'message')}${skipped === 0 ? '' : `; ${skipped} without a Received field were left out`}.`,
  ];
  if (messages > 0)
    lines.push(
      '',
      table(
        ['it says', 'messages', 'elsewhere now'],
        outcomes.map((one) => [one.outcome, String(one.messages), String(one.elsewhere)]),
      ),
    );
  if (changes.length > 0)
    lines.push(
      '',
      table(
        ['it changes', 'messages'],
        changes.map((one) => [one.change, String(one.messages)]),
      ),
    );
  if (differences.length > 0)
    lines.push(
      '',
      table(
        ['account', 'is in', 'UID', 'from', 'subject', 'it says'],
        differences
          .slice(0, SHOWN)
          .map(({ account, folder, uid, from, subject, outcome, words }) =>
            [
              account,
              folder,
              String(uid),
              `<${from}>`,
              subject.slice(0, 40),
              `${outcome}${words === '' ? '' : `: ${words}`}`,
            ].map(printable),
          ),
      ),
    );
  const total = outcomes.reduce((sum, { elsewhere }) => sum + elsewhere, 0);
  if (total > SHOWN) lines.push(`… ${total - SHOWN} more; --json shows up to 1000`);
  lines.push(
    '',
    `Time for a message: ${ms(time.mean)} on average, ${ms(time.median)} median, ${ms(time.p95)} for 95 %, ${ms(time.most)} at most.`,
  );
  if (sent > 0) lines.push(`It would have sent ${counted(sent, 'message')}.`);
  return [...lines, GUESSED, ...notes.map((note) => `Note: ${printable(note)}`)].join('\n');
}

/** Subjects may have any characters, also those that a terminal obeys. */
const printable = (words: string): string => words.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
