import { describe, expect, it } from 'vitest';
import { type Circumstances, decideEnding } from '../../src/watchdog/ending.ts';
import { watchdogMode } from '../../src/watchdog/watchdog.ts';

const NOW = 1_800_000_000_000;
const ending = (given: Partial<Circumstances>) =>
  decideEnding({ mode: 'restart', stopping: false, gaveUpRoot: false, restarts: '', now: NOW, ...given });

describe('a process whose event loop is blocked', () => {
  it('restarts in place, and records the time', () => {
    expect(ending({})).toEqual({ kind: 'restart', restarts: `${NOW}`, words: 'restarting' });
    expect(ending({ restarts: `${NOW - 5}` })).toMatchObject({ restarts: `${NOW - 5},${NOW}` });
  });

  it('ends with its exit code if configured so, if it was about to stop, or if root privileges were dropped', () => {
    expect(ending({ stopping: true }).words).toBe('ending with exit code 70, because it was asked to stop');
    expect(ending({ mode: 'exit' })).toEqual({ kind: 'exit', words: 'ending with exit code 70' });
    expect(ending({ gaveUpRoot: true }).words).toMatch(/^ending with exit code 70, for a supervisor/);
  });

  it('ends after five restarts within ten minutes; older and invalid times do not count', () => {
    const at = (...ago: readonly number[]): string => ago.map((ms) => NOW - ms).join(',');
    expect(ending({ restarts: at(5, 4, 3, 2, 1) })).toEqual({
      kind: 'exit',
      words: 'ending with exit code 70: restarted 5 times within 10 minutes already',
    });
    expect(ending({ restarts: at(600_001, 4, 3, 2, 1) }).kind).toBe('restart');
    expect(ending({ restarts: `${'x,'.repeat(9)}${NOW + 1_000},,` })).toMatchObject({
      kind: 'restart',
      restarts: `${NOW}`,
    });
  });
});

it('POSTHORN_WATCHDOG is off, exit or restart', () => {
  expect([undefined, 'off', 'exit', 'restart'].map((value) => watchdogMode(value))).toEqual([
    'restart',
    'off',
    'exit',
    'restart',
  ]);
  expect(() => watchdogMode('no')).toThrow('POSTHORN_WATCHDOG=no: expected off, exit, restart');
});
