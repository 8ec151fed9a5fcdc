/**
 * Whether a client may send mail to other people's domains: the last word, whatever plugins and lists have said.
 *
 * Guarantee: only clients in mynetworks, clients that logged in, and those that a rule lets relay which the start
 * listed (config/postfix/check-relay.ts). An OK that names no such rule, of whichever plugin, relays for no stranger.
 */
import type { Connection, Verdict } from '../../bus/hook.ts';

export interface RelayPolicy {
  /** Whether a client is in this service's `mynetworks`. Rejects where a table cannot answer now. */
  trusts(ip: string, name: string): boolean | Promise<boolean>;
  /** The lists that refuse strangers, each with the rules that let some pass: a stranger has to pass all of them. */
  readonly rules: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Those who logged in, and nobody else. */
export const NO_STRANGERS: RelayPolicy = { trusts: () => false, rules: new Map() };

/** Rejects where `mynetworks` has a table that cannot answer now. */
export async function mayRelay(
  { user, remote }: Pick<Connection, 'user' | 'remote'>,
  verdict: Verdict,
  policy: RelayPolicy,
): Promise<boolean> {
  if (user !== null) return true;
  if (verdict.code !== 'OK') return false;
  return (await policy.trusts(remote.ip, remote.name)) || isListed(verdict.relay, policy.rules);
}

/** `named` is a plugin's word: it may be anything. */
function isListed(named: unknown, rules: RelayPolicy['rules']): boolean {
  if (typeof named !== 'object' || named === null || rules.size === 0) return false;
  const given = new Map<string, unknown>(Object.entries(named));
  for (const [list, allowed] of rules) {
    const rule = given.get(list);
    if (typeof rule !== 'string' || !allowed.has(rule)) return false;
  }
  return true;
}
