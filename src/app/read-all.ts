/** Reads the configuration folder and loads its plugins, for a start and for a reload. */
import type { Configuration } from '../config/configuration.ts';
import { type ResolverOptions, StubResolver } from '../net/resolver.ts';
import { type Lent, layFoundation } from './foundation.ts';
import { type Read, readForStart } from './read.ts';
import type { ServerOptions } from './server-parts.ts';

export interface Lending extends Omit<Lent, 'resolver' | 'http'> {
  /** Our own zones, which are queried before other name servers. */
  readonly resolve: NonNullable<ResolverOptions['local']>;
}

/** Rejects with ConfigurationError; nothing stays open then. */
export function readAll(options: ServerOptions, { resolve, ...lent }: Lending): Promise<Read> {
  const { configDirectory, dataDirectory, address, processes, peerPortOffset = 0, http } = options;
  return readForStart({
    configDirectory,
    dataDirectory,
    address,
    processes,
    async layFoundation(configuration) {
      const resolver = makeResolver(configuration, peerPortOffset, resolve);
      try {
        return await layFoundation(configuration, { ...lent, resolver, http });
      } catch (error) {
        resolver.close();
        throw error;
      }
    },
  });
}

export function makeResolver(
  { nameservers, trustsAd }: Configuration,
  portOffset: number,
  local: Lending['resolve'],
): StubResolver {
  const servers = nameservers.map(
    ({ address, port }) => `${address.includes(':') ? `[${address}]` : address}:${port + portOffset}`,
  );
  return new StubResolver({ servers, local, trustsAd });
}
