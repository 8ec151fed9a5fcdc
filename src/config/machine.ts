/** What a configuration takes from the machine it runs on. */
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export interface Machine {
  readonly hostname: string;
  /** Every current address of every interface. */
  readonly interfaces: readonly NetworkInterfaceInfo[];
}

export const thisMachine = (): Machine => ({
  hostname: hostname(),
  interfaces: Object.values(networkInterfaces()).flatMap((list) => list ?? []),
});
