import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config';

const report = process.env['POSTHORN_TEST_JSON'];

/** What every suite and project needs. */
const common = {
  // A plugin imports the plugin API by its public name; the package's own exports name the built file.
  resolve: { alias: { 'posthorn/plugin': fileURLToPath(new URL('src/bus/plugin.ts', import.meta.url)) } },
  // The store's threads strip their types at the same moment: see bin/runtime.js.
  test: { pool: 'forks', execArgv: ['--wasm-wrapper-tiering-budget=2147483647'] },
} satisfies ViteUserConfig;

/** A file for each core: vitest leaves one core free, so on two cores it would run one file after the other. */
const CORES = Math.max(2, availableParallelism());

/** One of the project's suites; with POSTHORN_TEST_JSON its results are also written to that file. */
export function suite(test: ViteUserConfig['test']): ViteUserConfig {
  return defineConfig({
    ...common,
    test: {
      ...common.test,
      maxWorkers: CORES,
      reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
      ...test,
    },
  });
}

/**
 * Tests of pure code: no sockets, no threads, no timers, no store, no V8 flags, and no state that a module keeps.
 * They share a process, so each module is loaded once for all of them.
 */
const PURE = [
  'test/*.test.ts',
  'test/{protocol,mail,config}/**/*.test.ts',
  'test/lookup/{address-keys,network,tables,text-table}.test.ts',
  'test/delivery/client/outgoing-text.test.ts',
  'test/delivery/queue/retry.test.ts',
  'test/delivery/receive/{gathering,header-gatherer}.test.ts',
  'test/net/line-buffer.test.ts',
  'test/server/login/{authenticate,record,throttle}.test.ts',
  'test/server/smtp/{client-limits,client-name,stream}.test.ts',
];

/**
 * The store's threads and the processes that tests start compile TypeScript; with this cache only the first of them
 * does. It is code, so it is kept where only the owner of the checkout writes.
 */
const env = { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/posthorn-test', import.meta.url)) };

export const project = (test: NonNullable<TestProjectInlineConfiguration['test']>): TestProjectInlineConfiguration => ({
  ...common,
  test: { ...common.test, env, testTimeout: 20_000, hookTimeout: 30_000, ...test },
});

/** `npm test`: everything that needs npm only. */
export default suite({
  projects: [
    project({ name: 'pure', isolate: false, include: PURE }),
    project({
      name: 'isolated',
      include: ['test/**/*.test.ts', 'plugins/**/*.test.ts'],
      exclude: ['test/interop/**', 'test/crash/**', 'test/mongodb/**', 'test/haraka/**', 'node_modules/**', ...PURE],
    }),
  ],
});
