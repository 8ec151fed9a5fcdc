import { project, suite } from './vitest.config.ts';

/**
 * The tests whose store is made by `openTemporaryStore` or `openLabFiles`: on MongoDB where the run has a server.
 * Not among them: `test/store/pictures.test.ts`, about pictures beside the rows of an SQLite file.
 */
const WITH_A_STORE = [
  'test/admin/{accounts,search}.test.ts',
  'test/delivery/client/remote.test.ts',
  'test/delivery/queue/runner.test.ts',
  'test/delivery/receive/{expand,intake}.test.ts',
  'test/server/imap/**/*.test.ts',
  'test/server/login/account-end.test.ts',
  'test/server/pop3/**/*.test.ts',
  'test/stack/dialogs.test.ts',
];

const patience = { testTimeout: 120_000, hookTimeout: 120_000 };

/** `npm run test:mongodb`. One server for all files, each with a database of its own. */
export default suite({
  globalSetup: ['test/mongodb/setup.ts'],
  projects: [
    project({ name: 'mongodb', include: ['test/mongodb/**/*.test.ts'], ...patience }),
    project({ name: 'on-mongodb', include: WITH_A_STORE, ...patience }),
  ],
});
