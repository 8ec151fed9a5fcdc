/** Clients that plugins about strangers leave alone. */
import { compileNetworks } from './network.ts';
import type { ParameterReader } from './parameters.ts';
import { networksOf } from './service-networks.ts';
import type { Tables } from './table.ts';

interface Client {
  /** Null: it has not logged in. */
  readonly user: unknown;
  readonly parameters: ParameterReader;
  readonly remote: { readonly ip: string; readonly name: string };
}

/** Whether a client has logged in, is in the mynetworks of its service, or is one of `listed` (in the form of mynetworks). */
export function trustedClients(
  services: { readonly tables: Pick<Tables, 'open'> },
  listed: readonly string[],
): (client: Client) => Promise<boolean> {
  const myNetworks = networksOf(services, 'mynetworks');
  const isListed = compileNetworks(listed, services);
  return async ({ user, parameters, remote: { ip, name } }) =>
    user !== null || (await myNetworks(parameters)(ip, name)) || isListed(ip, name);
}
