import { suite } from './vitest.config.ts';

/** `npm run test:haraka`. */
export default suite({
  include: ['test/haraka/**/*.test.ts'],
  globalSetup: ['test/haraka/packages.ts'],
  testTimeout: 120_000,
  hookTimeout: 120_000,
});
