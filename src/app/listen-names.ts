/**
 * Names in inet_interfaces and in rows of master.cf: listening at one that has no address would fail after everything
 * else was opened, so it is a fault of the configuration (as in Postfix, which says "host not found").
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Configuration } from '../config/configuration.ts';
import { type Fault, uniqueFaults } from '../config/fault.ts';

/** Looked up as the system does it when a port is opened. */
export async function listenNameFaults({
  services,
  directory,
}: Pick<Configuration, 'services' | 'directory'>): Promise<Fault[]> {
  const names = new Set(services.flatMap(({ addresses }) => addresses).filter((address) => isIP(address) === 0));
  if (names.size === 0) return [];
  const errors = new Map(
    await Promise.all(
      [...names].map(
        async (name): Promise<[string, string | null]> => [
          name,
          await lookup(name).then(
            () => null,
            (error: NodeJS.ErrnoException) => error.code ?? error.message,
          ),
        ],
      ),
    ),
  );
  const parameter = 'inet_interfaces';
  return uniqueFaults(
    services.flatMap(({ name: service, addresses, parameters, setAt }) =>
      addresses.flatMap((address): Fault[] => {
        const error = errors.get(address);
        if (error == null) return [];
        const expected = `no host has this name (${error}); expected all, loopback-only or addresses: an interface is named by its address`;
        return parameters.list(parameter).includes(address)
          ? [
              {
                ...(setAt(parameter, address) ?? { file: join(directory, 'main.cf'), line: 0 }),
                parameter,
                message: `"${address}": ${expected}`,
              },
            ]
          : [{ file: join(directory, 'master.cf'), line: 0, message: `service ${service}: ${expected}` }];
      }),
    ),
  );
}
