/** What a plugin is lent, where it runs in a thread of its own. */
import { afterEach, expect, it } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import { pluginFamilies } from '../../src/bus/lent/metrics.ts';
import { loadPlugins } from '../../src/bus/load.ts';
import { faultsOf, loadOptions, plugin, pluginFolder } from './plugin-folder.ts';

let bus: Bus | null = null;
afterEach(async () => {
  await bus?.close();
  bus = null;
});

const IN_WORKER = '{ "worker": true, "deadline": 1 }';

/** A plugin in a worker, at a clock that the test moves. */
async function house(body: string) {
  const directory = pluginFolder({ 'plugins/a/index.ts': plugin('a', body), 'plugins.d/a.json': IN_WORKER });
  let now = 0;
  const options = { ...loadOptions(['a'], directory), clock: () => now };
  bus = await loadPlugins(options);
  const { jobs, routes } = bus;
  jobs.begin();
  return {
    lines: options.lines,
    routes,
    advance(hours: number): Promise<void> {
      now += hours * 3_600_000;
      return jobs.wake();
    },
    get: async (path: string) => {
      const { status, body: text } = await routes.answer('GET', `/plugins/a${path}`, {}, Buffer.alloc(0));
      return `${status} ${text}`;
    },
  };
}

const counted = (name: string): number | undefined =>
  pluginFamilies().find((family) => family.name === `posthorn_plugin_a_${name}`)?.samples[0]?.value;

it('jobs, routes and metrics cross into it', async () => {
  const { advance, get, lines } = await house(`
    const runs = server.metrics.counter('worker_runs_total', 'Runs.', ['kind']);
    const now = server.metrics.gauge('worker_now', 'Now.', []);
    let count = 0;
    server.jobs.every('1 h', 'count', async () => { count += 1; runs.count('job'); now.set(7); });
    server.jobs.every('2 h', 'fail', () => { throw new Error('broken'); });
    server.route('GET', '/count', ({ query, body, headers }) => ({ status: 203, body: [count, query.get('q'), Buffer.isBuffer(body), Object.keys(headers).length].join(' ') }));
    server.route('GET', '/bad', () => (() => {}) as any);
    server.route('GET', '/request', async () => ({ body: await server.http.fetch('http://a.example/').catch((error) => error.message) }));`);
  await advance(1);
  await advance(1);
  expect(await get('/count?q=1')).toBe('203 2 1 true 0');
  expect(await get('/bad')).toBe('503 Service unavailable.\n');
  expect(await get('/request')).toBe('200 GET a.example: no network');
  expect([counted('worker_runs_total'), counted('worker_now')]).toEqual([2, 7]);
  expect(lines.join('\n')).toMatch(/plugin a: job fail failed: broken/);
});

it('a job is told to end when the plugin is closed, and is waited for', async () => {
  const { advance, lines } = await house(`
    server.jobs.every('1 h', 'wait', ({ signal }) => new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => { server.log.info({}, 'told'); resolve(); })));`);
  void advance(1);
  await bus?.close();
  expect(lines.join('\n')).toContain('told');
  expect(lines.join('\n')).not.toContain('still runs');
});

it('a job that never comes back costs its thread, and another one is started', async () => {
  const { advance, get, lines } = await house(`
    server.jobs.every('1 h', 'loop', () => { for (;;) {} });
    server.route('GET', '/alive', () => ({ body: 'yes' }));`);
  await advance(1);
  expect(lines.join('\n')).toMatch(/its worker did not come back within 1 s in job loop; another one is started now/);
  expect(lines.join('\n')).toMatch(/plugin a: job loop failed: /);
  // Its thread may still be starting.
  await expect.poll(() => get('/alive'), { timeout: 15_000 }).toBe('200 yes');
});

it('what is wrong with them is told when they are registered', async () => {
  const directory = pluginFolder({
    'plugins/a/index.ts': plugin('a', "server.metrics.counter('seen', 'X.');"),
    'plugins/b/index.ts': plugin('b', "server.jobs.every(0, 'x', () => {}); server.route('GET', 'y', () => ({}));"),
    'plugins.d/a.json': IN_WORKER,
    'plugins.d/b.json': IN_WORKER,
  });
  expect(await faultsOf(['a', 'b'], directory)).toEqual([
    'plugin a: server.metrics.counter("seen") needs a name that ends with _total, such as seen_total',
    "plugin b: server.jobs.every(…, 'x') needs a time from 1 s to 366 days, such as '1 h'",
    "plugin b: server.route('GET') needs a path such as /status",
  ]);
});
