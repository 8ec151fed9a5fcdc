/** Every operation by name, for the command line and the admin socket. */
import { accountImportOperations } from './account-import.ts';
import { accountOperations } from './accounts.ts';
import { aliasOperations } from './aliases.ts';
import { dovecotMailOperations } from './dovecot-mail.ts';
import { explainOperations } from './explain.ts';
import { forwardingOperations } from './forwarding.ts';
import { mailFileOperations } from './mail-files.ts';
import { type Operation, OperationError, text } from './operation.ts';
import { pluginStateOperations } from './plugin-states.ts';
import { queueOperations } from './queue.ts';
import { searchOperations } from './search.ts';
import { undeleteOperations } from './undelete.ts';
import { wildDuckOperations } from './wildduck.ts';

const serverOperations: Readonly<Record<string, Operation>> = {
  'server.status': async (services) => running(services.server).status(),
  'server.metrics': async (services) => running(services.server).metrics(),
  'server.plugins': async (services) => running(services.server).plugins(),
  /** Null for a store with one process. */
  'server.processes': async ({ server, store }) => {
    running(server);
    return store.cluster === null ? null : await store.cluster.processes();
  },
  'server.reload': async (services) => ({ notes: await running(services.server).reload() }),
  /** Whether a client could log in; the account's address, or null. */
  'login.test': async (services, given) => {
    const { password } = given;
    if (typeof password !== 'string') throw new OperationError('"password" is missing');
    const result = await running(services.server).logIn(text(given, 'login'), Buffer.from(password));
    if (!result.ok && result.reason === 'unavailable')
      throw new OperationError('logins cannot be checked at this moment; see the log');
    return { address: result.ok ? result.account.address : null };
  },
  /** The same, and why. */
  'login.report': async (services, given) => {
    const { password } = given;
    if (typeof password !== 'string') throw new OperationError('"password" is missing');
    return running(services.server).reportLogin(text(given, 'login'), Buffer.from(password));
  },
  'server.stop': async (services) => {
    running(services.server).stop();
    return { stopping: true };
  },
};

function running<T>(server: T | null): T {
  if (server === null)
    throw new OperationError('no server is running on this data folder; "posthorn start" starts one');
  return server;
}

export const operations: ReadonlyMap<string, Operation> = new Map(
  Object.entries({
    ...accountImportOperations,
    ...accountOperations,
    ...aliasOperations,
    ...explainOperations,
    ...forwardingOperations,
    ...mailFileOperations,
    ...dovecotMailOperations,
    ...pluginStateOperations,
    ...queueOperations,
    ...searchOperations,
    ...serverOperations,
    ...undeleteOperations,
    ...wildDuckOperations,
  }),
);
