/** The store for an administrator's command while no server runs. */
import type { AdminHouse } from '../admin/operation.ts';
import { loadConfiguration } from '../config/load.ts';
import { thisMachine } from '../config/machine.ts';
import { createDomains } from '../delivery/domains.ts';
import type { Log } from '../log.ts';
import type { Domains } from '../lookup/domains.ts';
import { createTables } from '../lookup/tables.ts';
import { connectTable } from '../net/table-connection.ts';
import { hashPassword } from '../server/password.ts';
import { openSqliteStore } from '../store/backend/sqlite/open.ts';
import { choosePrivileges } from './privileges.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Whether mail for accounts of a domain stays in this house. */
export async function endsHere(domains: Domains, domain: string): Promise<boolean> {
  const kind = await domains.classify(domain);
  return kind === 'local' || kind === 'virtual_mailbox';
}

/** Rejects where another process has the store open. A faulty configuration does not hinder: only its domain is asked for. */
export async function openAdminHouse(configDirectory: string, dataDirectory: string): Promise<{ house: AdminHouse; close(): Promise<void> }> {
  const loaded = await loadConfiguration({
    directory: configDirectory,
    ...thisMachine(),
  });
  // What root's command makes in the store belongs to mail_owner, whose server could not open it else.
  const { parameters } = loaded.configuration;
  const privileges = choosePrivileges(parameters.isSet('mail_owner') ? parameters.string('mail_owner') : null);
  privileges.give(dataDirectory);
  privileges.drop();
  const store = await openSqliteStore({ directory: dataDirectory, log: silent });
  const serves = async (domain: string): Promise<boolean> => {
    try {
      const { resolvePath, aliasTables } = loaded.configuration;
      const tables = createTables({ resolvePath, log: silent, clock: Date.now, aliasTables, connect: connectTable });
      return await endsHere(createDomains({ parameters, tables, directory: store.directory, addresses: [] }), domain);
    } catch {
      // A table that does not open is told by the next start.
      return true;
    }
  };
  const house: AdminHouse = {
    store,
    defaultDomain: parameters.string('myorigin'),
    serves,
    hashPassword,
    flush: (filter) => store.queue.flush(filter, Date.now()),
    wake: () => {},
    server: null,
    clock: Date.now,
  };
  return { house, close: () => store.close() };
}
