/** Lists of networks, compiled once for each service. */
import type { Server } from '../../src/bus/plugin.ts';
import { compileNetworks, type NetworkMatcher } from '../../src/lookup/network.ts';
import type { ParameterReader } from '../../src/lookup/parameters.ts';

/** Services may have their own networks; a reader lives as long as the configuration. */
export function networksOf(
  server: Server,
  parameter: 'mynetworks' | 'permit_mx_backup_networks',
): (parameters: ParameterReader) => NetworkMatcher {
  const compiled = new WeakMap<ParameterReader, NetworkMatcher>();
  return (parameters) => {
    const known = compiled.get(parameters);
    if (known !== undefined) return known;
    const parentMatches = parameters.list('parent_domain_matches_subdomains').includes(parameter);
    const networks = compileNetworks(parameters.list(parameter), { tables: server.tables, parentMatches });
    compiled.set(parameters, networks);
    return networks;
  };
}
