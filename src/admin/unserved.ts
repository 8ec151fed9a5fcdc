/** What an operation needs that writes a store as a whole: nobody else uses it, and nothing undoes it. */
import { type AdminServices, OperationError } from './operation.ts';

/** Mail must not change meanwhile. */
export async function refuseServed({ server, store }: AdminServices): Promise<void> {
  if (server !== null) throw new OperationError('the server is running on this store; stop it first');
  const other = (await store.cluster?.processes())?.find(({ self, dead }) => !self && !dead);
  if (other !== undefined)
    throw new OperationError(`process ${other.pid} on ${other.host} is using this store; stop it first`);
}

/** For what a server may do while it serves an SQLite store, but not one that processes share. */
export async function refuseServedDatabase(services: AdminServices): Promise<void> {
  if (services.store.cluster !== null) await refuseServed(services);
}

/** `posthorn store copy` may remove what its source does not have. */
export async function refuseCopy({ store }: AdminServices): Promise<void> {
  const mark = await store.transfer.copyMark();
  if (mark !== null)
    throw new OperationError(
      `this store is a copy of ${mark.of}: "posthorn store copy" would remove again what is imported; start Posthorn on it once before`,
    );
}
