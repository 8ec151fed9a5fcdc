/**
 * smtp_tls_per_site: the older form of smtp_tls_policy_maps, asked for the next hop and for the server's name (TLS_LEGACY_
 * README). The stronger level wins; NONE is stronger than MAY.
 */
import { messageOf } from '../../errors.ts';
import type { LookupTable } from '../../lookup/table.ts';
import { PolicyFault } from './policy-fault.ts';
import type { TlsLevel } from './tls-level.ts';

/** The weakest first. */
const WORDS: ReadonlyMap<string, TlsLevel> = new Map([
  ['MAY', 'may'],
  ['NONE', 'none'],
  ['MUST_NOPEERMATCH', 'encrypt'],
  ['MUST', 'verify'],
]);
const RANKS: readonly TlsLevel[] = [...WORDS.values()];

/** Null if the tables have neither name. Rejects with PolicyFault. */
export async function perSiteLevel(names: readonly string[], tables: readonly LookupTable[]): Promise<TlsLevel | null> {
  let strongest = -1;
  for (const name of new Set(names.map((one) => one.toLowerCase())))
    for (const table of tables) {
      const found = await lookedUp(table, name);
      if (found === undefined) continue;
      const level = WORDS.get(found.trim().toUpperCase());
      if (level === undefined)
        throw new PolicyFault(`${table.name}: "${name}": unknown TLS policy "${found.slice(0, 40)}"`);
      strongest = Math.max(strongest, RANKS.indexOf(level));
      break;
    }
  return RANKS[strongest] ?? null;
}

async function lookedUp(table: LookupTable, name: string): Promise<string | undefined> {
  try {
    return await table.get(name);
  } catch (error) {
    throw new PolicyFault(`${table.name}: lookup error for "${name}": ${messageOf(error)}`, true);
  }
}
