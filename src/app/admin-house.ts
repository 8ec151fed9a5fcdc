/** The store for an administrator's command while no server runs. */
import { hostname, networkInterfaces } from 'node:os';
import type { AdminHouse } from '../admin/operation.ts';
import { loadConfiguration } from '../config/load.ts';
import type { Log } from '../log.ts';
import { hashPassword } from '../server/password.ts';
import { openSqliteStore } from '../store/backend/sqlite/open.ts';
import { choosePrivileges } from './privileges.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Rejects where another process has the store open. A faulty configuration does not hinder: only its domain is asked for. */
export async function openAdminHouse(configDirectory: string, dataDirectory: string): Promise<{ house: AdminHouse; close(): Promise<void> }> {
  const loaded = await loadConfiguration({
    directory: configDirectory,
    hostname: hostname(),
    interfaces: Object.values(networkInterfaces()).flatMap((list) => list ?? []),
  });
  // What root's command makes in the store belongs to mail_owner, whose server could not open it else.
  const { parameters } = loaded.configuration;
  const privileges = choosePrivileges(parameters.isSet('mail_owner') ? parameters.string('mail_owner') : null);
  privileges.give(dataDirectory);
  privileges.drop();
  const store = await openSqliteStore({ directory: dataDirectory, log: silent });
  const house: AdminHouse = {
    store,
    defaultDomain: parameters.string('myorigin'),
    hashPassword,
    flush: (filter) => store.queue.flush(filter, Date.now()),
    wake: () => {},
    server: null,
    clock: Date.now,
  };
  return { house, close: () => store.close() };
}
