import { suite } from './vitest.config.ts';

/** `npm run test:mongodb`. One server for all files, each with a database of its own. */
export default suite({
  include: ['test/mongodb/**/*.test.ts'],
  globalSetup: ['test/mongodb/setup.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
});
