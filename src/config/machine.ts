/** What a configuration leaves to the machine that it runs on. */
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export interface Machine {
  readonly hostname: string;
  /** Every address of every interface, as they are now. */
  readonly interfaces: readonly NetworkInterfaceInfo[];
}

export const thisMachine = (): Machine => ({
  hostname: hostname(),
  interfaces: Object.values(networkInterfaces()).flatMap((list) => list ?? []),
});
