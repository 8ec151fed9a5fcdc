/** `posthorn store import wildduck` and `store export wildduck`. */

import type { TransferReport } from '../maintenance/wildduck/report.ts';
import { openWildDuck, type WildDuck } from '../maintenance/wildduck/source.ts';
import { type AdminServices, type Operation, OperationError, optionalText, text, texts } from './operation.ts';
import { exportWildDuck } from './wildduck-export.ts';
import { importWildDuck } from './wildduck-import.ts';

type Transfer = (services: AdminServices, names: readonly string[], wildDuck: WildDuck) => Promise<TransferReport>;

/** Mail must not change meanwhile. */
async function refuseServed({ server, store }: AdminServices): Promise<void> {
  if (server !== null) throw new OperationError('the server is running on this store; stop it first');
  const other = (await store.cluster?.processes())?.find(({ self, dead }) => !self && !dead);
  if (other !== undefined)
    throw new OperationError(`process ${other.pid} on ${other.host} is using this store; stop it first`);
}

const withWildDuck =
  (act: Transfer): Operation =>
  async (services, given) => {
    await refuseServed(services);
    const wildDuck = await openWildDuck({
      uri: text(given, 'uri'),
      users: optionalText(given, 'usersDatabase'),
      gridfs: optionalText(given, 'gridfsDatabase'),
    });
    try {
      return await act(services, texts(given, 'users'), wildDuck);
    } finally {
      await wildDuck.close();
    }
  };

export const wildDuckOperations: Readonly<Record<string, Operation>> = {
  'store.import.wildduck': withWildDuck(importWildDuck),
  'store.export.wildduck': withWildDuck(exportWildDuck),
};
