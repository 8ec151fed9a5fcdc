/** The name servers that plugins ask, for all of Node's resolvers in this process. */
import { createRequire } from 'node:module';

type ResolverClass = new (options?: object) => { setServers(servers: readonly string[]): void };

interface Dns {
  Resolver: ResolverClass;
  setServers(servers: readonly string[]): void;
}

/** Before Haraka is loaded: its plugins make resolvers of their own. */
export function useNameservers(servers: readonly string[]): void {
  if (servers.length === 0) return;
  const dns = createRequire(import.meta.url)('node:dns') as Dns & { promises: Dns };
  for (const module of [dns, dns.promises]) {
    module.setServers(servers);
    module.Resolver = class extends module.Resolver {
      constructor(options?: object) {
        super(options);
        this.setServers(servers);
      }
    };
  }
}
