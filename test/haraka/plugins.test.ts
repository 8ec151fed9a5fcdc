/** Each plugin in a real Haraka and on our bus: the same dialogs, and what both make of them. */
import { afterAll, describe, expect, test } from 'vitest';
import { CASES } from './cases.ts';
import { differences } from './difference.ts';
import { startPair } from './pair.ts';

const only = process.env['HARAKA_PLUGIN'];
const rows: string[] = [];

describe.for(CASES.filter(({ plugins }) => only === undefined || plugins.includes(only)))('$plugins', (one) => {
  test(one.does, async () => {
    const pair = await startPair(one);
    const found: string[] = [];
    const refusals: string[] = [];
    try {
      for (const dialog of one.dialogs) {
        const { haraka, ours } = await pair.play(dialog);
        refusals.push(...haraka.replies.filter((reply) => /^[45]/.test(reply)));
        found.push(...differences(haraka, ours, dialog.except).map((text) => `${dialog.say.join(' | ')}\n  ${text}`));
      }
      if (process.env['HARAKA_LOGS'] !== undefined) console.log(pair.logs().haraka, '\n=====\n', pair.logs().ours);
    } finally {
      await pair.stop();
    }
    rows.push(
      `${one.plugins.join(', ').padEnd(30)} ${one.does}: ${one.dialogs.length} dialogs, ${refusals.join('; ')}`,
    );
    expect(found.join('\n')).toBe('');
  });
});

afterAll(() => console.log(rows.join('\n')));
