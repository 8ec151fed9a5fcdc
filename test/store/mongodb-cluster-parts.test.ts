import { describe, expect, test } from 'vitest';
import { DEAD_AFTER, ProcessSilence } from '../../src/store/backend/mongodb/cluster/process-silence.ts';
import { KEYS_PER_TOPIC, PublishedCounts, sumOf } from '../../src/store/backend/mongodb/cluster/published-counts.ts';

describe('a process is dead', () => {
  /** Looks once a second; what each look returned. */
  function watch(seconds: number, beatAt: (second: number) => number) {
    const silence = new ProcessSilence();
    const gone = Array.from({ length: seconds }, (_, second) =>
      silence.look(second * 1000, [{ _id: 'a', beat: beatAt(second) }]),
    );
    return { silence, gone };
  }

  test('when its heartbeat has stood still for ten seconds, whatever it was before', () => {
    const { silence, gone } = watch(12, () => 7);
    expect(gone.findIndex((ids) => ids.includes('a')) * 1000).toBe(DEAD_AFTER);
    expect(gone.flat()).toEqual(['a']);
    expect(silence.isAlive('a')).toBe(false);
  });

  test('not while it beats, and no longer when it beats again', () => {
    expect(watch(60, (second) => Math.floor(second / 8)).gone.flat()).toEqual([]);
    const { silence } = watch(12, () => 7);
    silence.look(12_000, [{ _id: 'a', beat: 8 }]);
    expect(silence.isAlive('a')).toBe(true);
  });

  test('when its document was removed, and where it was never heard of', () => {
    const { silence } = watch(2, () => 7);
    expect(silence.look(2000, [])).toEqual(['a']);
    expect(silence.isAlive('a')).toBe(false);
    expect(silence.isAlive('nobody')).toBe(false);
  });

  test('not because the observer did not look for an hour', () => {
    const { silence } = watch(2, () => 7);
    expect(silence.look(3_600_000, [{ _id: 'a', beat: 7 }])).toEqual([]);
    expect(silence.isAlive('a')).toBe(true);
  });
});

describe('counts in a document', () => {
  const toldFirst = (topics: ReadonlyMap<string, ReadonlyMap<string, number>>): Readonly<Record<string, unknown>> =>
    new PublishedCounts().changes(topics)?.changes.set ?? {};
  const one = (key: string, count: number) => new Map([['t', new Map([[key, count]])]]);

  test('are told once, and then what has changed', () => {
    const counts = new PublishedCounts();
    const first = counts.changes(one('192.0.2.1', 1));
    expect(first?.changes).toEqual({ set: { 'counts.=t': { '=192%2e0%2e2%2e1': 1 } }, unset: {} });
    // Not written: the same again.
    expect(counts.changes(one('192.0.2.1', 1))?.changes).toEqual(first?.changes);
    first?.told();
    expect(counts.changes(one('192.0.2.1', 1))).toBeNull();
    expect(counts.changes(one('192.0.2.1', 2))?.changes.set).toEqual({ 'counts.=t.=192%2e0%2e2%2e1': 2 });
    expect(counts.changes(one('b', 1))?.changes).toEqual({
      set: { 'counts.=t.=b': 1 },
      unset: { 'counts.=t.=192%2e0%2e2%2e1': '' },
    });
    expect(counts.changes(new Map())?.changes).toEqual({ set: {}, unset: { 'counts.=t': '' } });
  });

  test('keep any key, also one that JavaScript or MongoDB would treat specially', () => {
    const keys = ['', '__proto__', '$where', 'a.b', '100%', '=', '%2e', 'maomao 2001:db8::/64'];
    const set = toldFirst(new Map([['a.$', new Map(keys.map((key) => [key, 3]))]]));
    const [[path = '', stored] = []] = Object.entries(set);
    const document = { [path.replace('counts.', '')]: stored as Record<string, number> };
    expect(path.split('.')).toHaveLength(2);
    expect(sumOf('a.$', [document, document])).toEqual(new Map(keys.map((key) => [key, 6])));
  });

  test('are bounded: the largest of many, and no long keys', () => {
    const many = new Map(Array.from({ length: 30_000 }, (_, i) => [`k${i}`, i]));
    const set = toldFirst(new Map([['t', new Map([...many, ['long'.repeat(100), 1e9]])]]));
    const stored = set['counts.=t'] as Record<string, number>;
    expect(Object.keys(stored)).toHaveLength(KEYS_PER_TOPIC);
    expect(Math.min(...Object.values(stored))).toBe(20_000);
    const topics = new Map(Array.from({ length: 100 }, (_, i) => [`topic${i}`, many]));
    const all = Object.values(toldFirst(topics)) as object[];
    expect(all.reduce((sum, each) => sum + Object.keys(each).length, 0)).toBe(50_000);
  });
});
