import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const report = process.env['POSTHORN_TEST_JSON'];

/** One of the project's suites; with POSTHORN_TEST_JSON its result is written to that file too. */
export function suite(test: ViteUserConfig['test']): ViteUserConfig {
  return defineConfig({
    // A plugin imports the author's face by its public name; the package's own exports name the built file.
    resolve: { alias: { 'posthorn/plugin': fileURLToPath(new URL('src/bus/plugin.ts', import.meta.url)) } },
    // The store's threads strip their types at one moment: see bin/runtime.js.
    test: {
      pool: 'forks',
      execArgv: ['--wasm-wrapper-tiering-budget=2147483647'],
      reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
      ...test,
    },
  });
}

/** `npm test`: everything that needs npm only. */
export default suite({
  include: ['test/**/*.test.ts', 'plugins/**/*.test.ts'],
  exclude: ['test/interop/**', 'test/crash/**', 'node_modules/**'],
  testTimeout: 20_000,
  hookTimeout: 30_000,
});
