/** `posthorn store import wildduck` and `store export wildduck`. */

import type { TransferReport } from '../maintenance/wildduck/report.ts';
import { openWildDuck, type WildDuck } from '../maintenance/wildduck/source.ts';
import { type AdminServices, type Operation, optionalText, text, texts } from './operation.ts';
import { refuseServed } from './unserved.ts';
import { exportWildDuck } from './wildduck-export.ts';
import { importWildDuck } from './wildduck-import.ts';

type Transfer = (services: AdminServices, names: readonly string[], wildDuck: WildDuck) => Promise<TransferReport>;

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
