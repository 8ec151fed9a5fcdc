import { suite } from './vitest.config.ts';

/** `npm run test:interop`. */
export default suite({
  include: ['test/interop/**/*.test.ts'],
  globalSetup: ['test/interop/packages.ts'],
  testTimeout: 600_000,
  hookTimeout: 600_000,
});
