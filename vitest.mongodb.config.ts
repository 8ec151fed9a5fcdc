import { project, suite } from './vitest.config.ts';

/** Tests that take long are run in full. */
const whole = process.env['POSTHORN_TEST_WHOLE'] !== undefined;

/**
 * The tests whose store is made by `openTemporaryStore` or `openLabFiles`: on MongoDB where the run has a server.
 * Not among them: `test/store/pictures.test.ts`, about pictures beside the rows of an SQLite file; and, unless
 * POSTHORN_TEST_WHOLE is set, the one of the SMTP client, which opens a store for each answer of a next hop: what it
 * needs of that is in the test of the queue's runner.
 */
const WITH_A_STORE = [
  'test/admin/{accounts,search}.test.ts',
  ...(whole ? ['test/delivery/client/remote.test.ts'] : []),
  'test/delivery/queue/runner.test.ts',
  'test/delivery/receive/{expand,intake}.test.ts',
  'test/maintenance/{export-mail,mail-files}.test.ts',
  'test/server/imap/**/*.test.ts',
  'test/server/login/account-end.test.ts',
  'test/server/pop3/**/*.test.ts',
  'test/stack/dialogs.test.ts',
];

/** Whole servers, and times to keep: one file after the other, when all else is done. */
const SERVERS = ['test/mongodb/{away,lab,processes,racing,server,taken-over,two-processes,without-streams}.test.ts'];

const patience = { testTimeout: 120_000, hookTimeout: 120_000 };

/** `npm run test:mongodb`. One server for all files, each with a database of its own. */
export default suite({
  globalSetup: ['test/mongodb/setup.ts'],
  projects: [
    project({ name: 'mongodb', include: ['test/mongodb/**/*.test.ts'], exclude: SERVERS, ...patience }),
    project({ name: 'on-mongodb', include: WITH_A_STORE, ...patience }),
    project({ name: 'servers', include: SERVERS, maxWorkers: 1, sequence: { groupOrder: 1 }, ...patience }),
  ],
});
