import { describe, expect, it } from 'vitest';
import { Counter, Histogram } from '../../src/counter.ts';
import { mergeFamilies } from '../../src/metrics/merge.ts';
import { formatFamilies } from '../../src/metrics/text.ts';
import { traced } from '../../src/tracing.ts';

describe('metrics as text', () => {
  it('G11: counts by label, and escapes what labels and help contain', () => {
    const counter = new Counter('x_total', 'A \\ and\na line.', ['table']);
    counter.count('pcre:/a"b\\c\n');
    counter.count('pcre:/a"b\\c\n');
    expect(formatFamilies([counter.family])).toBe(
      '# HELP x_total A \\\\ and\\na line.\n# TYPE x_total counter\nx_total{table="pcre:/a\\"b\\\\c\\n"} 2\n',
    );
  });

  it('has each value of a histogram in the buckets from its own upwards', () => {
    const histogram = new Histogram('x_seconds', 'How long.', ['hook'], [0.1, 1]);
    for (const value of [0.1, 0.5, 7]) histogram.observe(value, 'rcpt');
    expect(formatFamilies([histogram.family]).split('\n').slice(2)).toEqual([
      'x_seconds_bucket{hook="rcpt",le="0.1"} 1',
      'x_seconds_bucket{hook="rcpt",le="1"} 2',
      'x_seconds_bucket{hook="rcpt",le="+Inf"} 3',
      'x_seconds_sum{hook="rcpt"} 7.6',
      'x_seconds_count{hook="rcpt"} 3',
      '',
    ]);
  });

  it('leaves out what never happened', () => {
    expect(formatFamilies([new Counter('x_total', 'Never.', []).family])).toBe('');
  });

  it('keeps at most 500 combinations of labels, and counts the rest as other', () => {
    const counter = new Counter('x_total', 'Many.', ['a', 'b']);
    for (let i = 0; i < 10_000; i += 1) counter.count(String(i), 'b');
    const { samples } = counter.family;
    expect(samples).toHaveLength(501);
    expect(samples.at(-1)).toEqual({ suffix: '', labels: { a: 'other', b: 'other' }, value: 9_500 });
  });

  it('does not count what posthorn explain tries', () => {
    const counter = new Counter('x_total', 'Tries.', []);
    traced({ hypothetical: true, add: () => {} }, () => counter.count());
    expect(counter.family.samples).toEqual([]);
  });
});

describe('metrics of several processes', () => {
  const counterOf = (...labels: readonly string[]) => {
    const counter = new Counter('x_total', 'Sum.', ['service']);
    for (const label of labels) counter.count(label);
    return counter.family;
  };
  const gauge = (value: number) => ({
    name: 'queue',
    help: 'The same for all.',
    type: 'gauge' as const,
    across: 'max' as const,
    samples: [{ suffix: '', labels: {}, value }],
  });

  it('are the sum of counters, label by label, and the highest of what all share', () => {
    const merged = mergeFamilies([[counterOf('smtp', 'smtp'), gauge(3)], [counterOf('smtp', 'smtps'), gauge(2)], []]);
    expect(merged.map(({ name, samples }) => [name, samples.map(({ labels, value }) => [labels, value])])).toEqual([
      [
        'x_total',
        [
          [{ service: 'smtp' }, 3],
          [{ service: 'smtps' }, 1],
        ],
      ],
      ['queue', [[{}, 3]]],
    ]);
  });
});
