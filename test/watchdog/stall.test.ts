import { describe, expect, it } from 'vitest';
import { readRunning, runningMemory, withLongWork } from '../../src/running.ts';
import { LONG_WORK_MS, LOOK_MS, type Sign, STALL_MS, StallDetector } from '../../src/watchdog/stall.ts';

const STILL: Sign = { beats: 7, plugin: false, longWork: false, debugger: false };

/**
 * The time, within ten minutes, at which a loop that always reports the same state counts as blocked; null if it never
 * does.
 */
function standsAfter(sign: Partial<Sign>, gap: (at: number) => number = () => LOOK_MS): number | null {
  const detector = new StallDetector(0, STILL.beats);
  for (let at = 0; at < 600_000; ) {
    at += gap(at);
    if (detector.look(at, { ...STILL, ...sign }) !== null) return at;
  }
  return null;
}

describe('the event loop counts as blocked', () => {
  it('after 5 s without a sign of life', () => expect(standsAfter({})).toBe(STALL_MS));

  it('not while it gives one, however late', () => {
    const detector = new StallDetector(0, 0);
    for (let at = 0, beats = 0; at < 100_000; at += LOOK_MS) {
      if (at % 4_000 === 0) beats += 1;
      expect(detector.look(at, { ...STILL, beats })).toBeNull();
    }
  });

  it('not if the whole process was suspended, or the machine slept', () => {
    expect(standsAfter({}, (at) => (at % 4_000 === 0 ? 3_600_000 : LOOK_MS))).toBeNull();
    const detector = new StallDetector(0, STILL.beats);
    for (let at = LOOK_MS; at < STALL_MS; at += LOOK_MS) detector.look(at, STILL);
    expect(detector.look(60_000, STILL)).toBeNull();
    expect(detector.look(60_000 + LOOK_MS, STILL)).toBeNull();
  });

  it('not while a debugger is attached', () => expect(standsAfter({ debugger: true })).toBeNull());

  it('later during long work of the server itself, but not during that of a plugin', () => {
    expect(standsAfter({ longWork: true })).toBe(LONG_WORK_MS);
    expect(standsAfter({ longWork: true, plugin: true })).toBe(STALL_MS);
  });
});

it('long work of the server is recorded while it lasts, also if it fails', async () => {
  const announced = (): boolean => readRunning(runningMemory()).longWork;
  expect(withLongWork(announced)).toBe(true);
  await withLongWork(async () => expect(announced()).toBe(true));
  await withLongWork(() => Promise.reject(new Error('x'))).catch(() => {});
  const bomb = (): never => {
    throw new Error('x');
  };
  expect(() => withLongWork(bomb)).toThrow();
  expect(announced()).toBe(false);
});
