/** debug_peer_list and debug_peer_level: of which peers how much is logged. */
import { compileNetworks } from './network.ts';
import type { ParameterReader } from './parameters.ts';
import type { Tables } from './table.ts';

export interface DebugPeers {
  /** 1: the dialog, and what is decided; above: also each key that a table is asked for. */
  readonly level: number;
  /** `name` is a host name or a next hop. Rejects if a table of the list cannot be asked. */
  isListed(ip: string, name: string): boolean | Promise<boolean>;
}

/** Null if the list is empty. Throws TableFault where it names a table that cannot be opened. */
export function readDebugPeers(parameters: ParameterReader, tables: Tables): DebugPeers | null {
  const list = parameters.list('debug_peer_list');
  const level = parameters.number('debug_peer_level');
  if (list.length === 0 || level < 1) return null;
  const parentMatches = parameters.list('parent_domain_matches_subdomains').includes('debug_peer_list');
  return { level, isListed: compileNetworks(list, { tables, parentMatches }) };
}
