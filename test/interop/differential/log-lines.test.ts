/** P19: the same lines of smtpd for the same dialogs, beside a real Postfix. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../program.ts';
import { logLines } from './log-lines.ts';
import { type Sides, startSides } from './sides.ts';

let sides: Sides;
beforeAll(async () => {
  sides = await startSides(logLines.house);
});
afterAll(() => sides?.stop());

/** What smtpd decided, without times, process ids and queue ids. Here a plugin says some of it, with its fields. */
const decisions = (log: string): string[] =>
  log.split('\n').flatMap((line) => {
    const said = /(?:smtpd|restrictions)\[\d+\]: (\w+: (?:permit|reject|discard|client=).*)$/.exec(line)?.[1];
    return said === undefined ? [] : [said.replace(/^(?!NOQUEUE)\w+:/, 'ID:').replace(/ session=\S+ action=\S+$/, '')];
  });
const disconnects = (log: string): number =>
  log.split('\n').filter((line) => line.includes(': disconnect from')).length;

it.each(logLines.dialogs)('P19: $service', async (dialog) => {
  const before = sides.logs();
  await sides.play(dialog);
  await until('both to have logged', async () => {
    const { ours, theirs } = sides.logs();
    return disconnects(ours) > disconnects(before.ours) && disconnects(theirs) > disconnects(before.theirs);
  });
  const { ours, theirs } = sides.logs();
  const said = decisions(theirs.slice(before.theirs.length));
  expect(said.length).toBeGreaterThan(0);
  expect(decisions(ours.slice(before.ours.length))).toEqual(said);
});
