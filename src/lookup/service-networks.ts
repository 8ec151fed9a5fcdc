/** Lists of networks in main.cf, compiled once for each service. */
import { compileNetworks, type NetworkMatcher } from './network.ts';
import type { ParameterReader } from './parameters.ts';
import type { Tables } from './table.ts';

/** Services may have their own networks; a reader lives as long as the configuration. */
export function networksOf(
  { tables }: { readonly tables: Pick<Tables, 'open'> },
  parameter: 'mynetworks' | 'permit_mx_backup_networks',
): (parameters: ParameterReader) => NetworkMatcher {
  const compiled = new WeakMap<ParameterReader, NetworkMatcher>();
  return (parameters) => {
    const known = compiled.get(parameters);
    if (known !== undefined) return known;
    const parentMatches = parameters.list('parent_domain_matches_subdomains').includes(parameter);
    const networks = compileNetworks(parameters.list(parameter), { tables, parentMatches });
    compiled.set(parameters, networks);
    return networks;
  };
}
