/**
 * Whether a client may send mail to foreign domains: the final decision, whatever plugins and restriction lists
 * returned.
 *
 * Guarantee: only clients in mynetworks, authenticated clients, and clients permitted by a relay rule found at start
 * (config/postfix/check-relay.ts). An OK that names no such rule, from any plugin, never permits relaying for an
 * unknown client.
 */
import type { Connection, Verdict } from '../../bus/hook.ts';

export interface RelayPolicy {
  /** Whether a client is in this service's `mynetworks`. Rejects if a table is temporarily unavailable. */
  trusts(ip: string, name: string): boolean | Promise<boolean>;
  /**
   * The restriction lists that refuse other clients, each with the rules that may permit relaying: such a client has to
   * pass all of the lists.
   */
  readonly rules: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Authenticated clients only. */
export const NO_STRANGERS: RelayPolicy = { trusts: () => false, rules: new Map() };

/** Rejects if a table in `mynetworks` is temporarily unavailable. */
export async function mayRelay(
  { user, remote }: Pick<Connection, 'user' | 'remote'>,
  verdict: Verdict,
  policy: RelayPolicy,
): Promise<boolean> {
  if (user !== null) return true;
  if (verdict.code !== 'OK') return false;
  return (await policy.trusts(remote.ip, remote.name)) || isListed(verdict.relay, policy.rules);
}

/** `named` comes from a plugin and may be anything. */
function isListed(named: unknown, rules: RelayPolicy['rules']): boolean {
  if (typeof named !== 'object' || named === null || rules.size === 0) return false;
  const given = new Map<string, unknown>(Object.entries(named));
  for (const [list, allowed] of rules) {
    const rule = given.get(list);
    if (typeof rule !== 'string' || !allowed.has(rule)) return false;
  }
  return true;
}
