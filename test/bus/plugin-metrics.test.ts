/** What plugins count. */
import { expect, it } from 'vitest';
import { pluginFamilies, pluginMetrics } from '../../src/bus/lent/metrics.ts';
import { formatFamilies } from '../../src/metrics/text.ts';

const shown = (name: string): string =>
  formatFamilies(pluginFamilies().filter((family) => family.name.startsWith(`posthorn_plugin_${name}_`)));

it('is shown with the name of the plugin', () => {
  const metrics = pluginMetrics('grey-list');
  metrics.counter('seen_total', 'Clients seen.', ['kind']).count('new');
  metrics.counter('octets_total', 'Octets.').add(5);
  metrics.gauge('waiting', 'Clients that wait.').set(3);
  metrics.histogram('wait_seconds', 'Waits.', [], [1, 10]).observe(4);
  expect(shown('grey_list')).toBe(
    [
      '# HELP posthorn_plugin_grey_list_seen_total Clients seen.',
      '# TYPE posthorn_plugin_grey_list_seen_total counter',
      'posthorn_plugin_grey_list_seen_total{kind="new"} 1',
      '# HELP posthorn_plugin_grey_list_octets_total Octets.',
      '# TYPE posthorn_plugin_grey_list_octets_total counter',
      'posthorn_plugin_grey_list_octets_total 5',
      '# HELP posthorn_plugin_grey_list_waiting Clients that wait.',
      '# TYPE posthorn_plugin_grey_list_waiting gauge',
      'posthorn_plugin_grey_list_waiting 3',
      '# HELP posthorn_plugin_grey_list_wait_seconds Waits.',
      '# TYPE posthorn_plugin_grey_list_wait_seconds histogram',
      'posthorn_plugin_grey_list_wait_seconds_bucket{le="1"} 0',
      'posthorn_plugin_grey_list_wait_seconds_bucket{le="10"} 1',
      'posthorn_plugin_grey_list_wait_seconds_bucket{le="+Inf"} 1',
      'posthorn_plugin_grey_list_wait_seconds_sum 4',
      'posthorn_plugin_grey_list_wait_seconds_count 1',
      '',
    ].join('\n'),
  );
});

it('goes on after a reload, unless it is made otherwise', () => {
  pluginMetrics('again').counter('x_total', 'X.').count();
  pluginMetrics('again').counter('x_total', 'X.').count();
  expect(shown('again')).toContain('again_x_total 2\n');
  pluginMetrics('again').counter('x_total', 'X.', ['kind']).count('a');
  expect(shown('again')).toContain('again_x_total{kind="a"} 1\n');
});

it('G14: has a bounded number of series, of short values', () => {
  const counter = pluginMetrics('many').counter('x_total', 'X.', ['client']);
  for (let i = 0; i < 1_000; i += 1) counter.count(`client ${i} ${'x'.repeat(1_000)}\0`);
  const lines = shown('many').split('\n').slice(2, -1);
  expect(lines.length).toBeLessThanOrEqual(501);
  expect(lines.at(-1)).toBe('posthorn_plugin_many_x_total{client="other"} 500');
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(200);
});

it('what is wrong is told where it is made or counted', () => {
  const { counter, gauge, histogram } = pluginMetrics('wrong');
  expect(() => counter('seen', 'X.')).toThrow(
    'server.metrics.counter("seen") needs a name that ends with _total, such as seen_total',
  );
  expect(() => counter('Seen_total', 'X.')).toThrow('needs a name of small letters');
  expect(() => gauge('x', '')).toThrow('needs a line that says what it counts');
  expect(() => gauge('x', 'X.', ['le'])).toThrow('needs at most 5 labels');
  expect(() => histogram('x', 'X.', [], [2, 1])).toThrow('rising');
  expect(() => counter('a_total', 'X.').add(-1)).toThrow('a counter only rises');
  expect(() => counter('b_total', 'X.', ['kind']).count(...([] as unknown as ['x']))).toThrow(
    'needs a value for each of its labels (kind), got 0',
  );
  expect(() => gauge('g', 'X.').set(Number.NaN)).toThrow('needs a number, got NaN');
  expect(() => {
    for (let i = 0; i < 60; i += 1) gauge(`g_${i}`, 'X.');
  }).toThrow('a plugin may have 50 metrics');
});
