import { suite } from './vitest.config.ts';

/** `npm run test:crash`. One file at a time: the tests use the machine as a whole. */
export default suite({
  include: ['test/crash/**/*.test.ts'],
  testTimeout: 600_000,
  hookTimeout: 600_000,
  fileParallelism: false,
});
