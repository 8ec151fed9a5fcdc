/** The store for an administrator's command when no server is running. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminServices } from '../admin/operation.ts';
import { isShared } from '../config/front-processes.ts';
import { requireConfiguration } from '../config/load.ts';
import { thisMachine } from '../config/machine.ts';
import { createDomains } from '../delivery/route/domains.ts';
import type { Log } from '../log.ts';
import type { Domains } from '../lookup/domains.ts';
import { SharedTables } from '../lookup/tables.ts';
import { connectTable } from '../net/table-connection.ts';
import { hashPassword } from '../server/login/password.ts';
import { mailStoreOf, openStore } from './open-store.ts';
import { choosePrivileges } from './privileges.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/**
 * Domain queries for operations. A table that cannot be opened or queried does not fail them; the next start, or the
 * log, reports it.
 */
export function askDomains(domains: () => Promise<Domains>): Pick<AdminServices, 'addressClass' | 'recipientExists'> {
  return {
    addressClass: async (domain) => {
      try {
        return await (await domains()).classify(domain);
      } catch {
        return null;
      }
    },
    recipientExists: async (address) => {
      try {
        return await (await domains()).recipientExists(address);
      } catch {
        return true;
      }
    },
  };
}

/**
 * Rejects if another process has the store open, and with ConfigurationError if the configuration is invalid: an
 * account could get a wrong domain. Without `make`, a missing store is not created; `made` says that one was.
 */
export async function openAdminServices(
  configDirectory: string,
  dataDirectory: string,
  { make, progress }: { readonly make: boolean } & Pick<AdminServices, 'progress'>,
): Promise<{ services: AdminServices; made: boolean; close(): Promise<void> }> {
  const loaded = await requireConfiguration({
    directory: configDirectory,
    ...thisMachine(),
  });
  const { parameters } = loaded.configuration;
  const mailStore = mailStoreOf(parameters.string('mail_store'), dataDirectory);
  const missing = !isShared(mailStore) && !existsSync(join(dataDirectory, 'store.sqlite'));
  if (missing && !make)
    throw new Error(
      `there is no mail in ${dataDirectory} yet; the first start or "posthorn user add" creates the store; use --data for another folder`,
    );
  // Files that a root command creates in the store must belong to mail_owner, or the server could not open them.
  const privileges = choosePrivileges(loaded.configuration);
  privileges.give(dataDirectory);
  privileges.drop();
  const store = await openStore(mailStore, { log: silent });
  const { resolvePath, aliasTables } = loaded.configuration;
  const tables = new SharedTables({ resolvePath, log: silent, clock: Date.now, aliasTables, connect: connectTable });
  const domains = async (): Promise<Domains> => {
    return createDomains({ parameters, tables, directory: store.directory, addresses: [] });
  };
  const services: AdminServices = {
    store,
    defaultDomain: parameters.string('myorigin'),
    ...askDomains(domains),
    parameters,
    hashPassword,
    flush: (filter) => store.queue.flush(filter, Date.now()),
    wake: () => {},
    server: null,
    clock: Date.now,
    progress,
  };
  const close = (): Promise<void> => {
    tables.close();
    return store.close();
  };
  return { services, made: missing, close };
}
