/**
 * A second implementation of restriction lists, after Postfix's smtpd_check.c and independent of our source: which rule
 * of each list permits a stranger's mail to other domains. It supports the few restrictions of the random lists.
 */

export interface ModelClient {
  readonly ip: string;
  readonly sender: string;
  readonly helo: string;
  readonly recipient: string;
  readonly trusted: boolean;
}

export type ModelDecision = { readonly kind: 'permit'; readonly rule: string } | { readonly kind: 'dunno' | 'reject' };

const DUNNO: ModelDecision = { kind: 'dunno' };
const REJECT: ModelDecision = { kind: 'reject' };

/** Restrictions that refuse all mail of a stranger to other domains. */
const REFUSING = ['reject_unauth_destination', 'defer_unauth_destination', 'reject', 'defer', 'defer_if_permit'];

/**
 * `items` with their arguments joined: `check_client_access inline:{a=OK}`. A loop of classes is an error, which
 * refuses.
 */
export function decide(
  items: readonly string[],
  client: ModelClient,
  classes: Readonly<Record<string, readonly string[]>>,
): ModelDecision {
  let deferred = false;
  const walk = (list: readonly string[], warn: boolean, depth: number): ModelDecision => {
    if (depth > 50) return REJECT;
    for (const item of list) {
      const soft = warn || item.startsWith('warn_if_reject ');
      const words = item.replace(/^warn_if_reject /, '');
      const answer = one(words, soft, depth);
      if (answer.kind === 'permit') return { kind: 'permit', rule: words };
      if (answer.kind === 'reject') return answer;
    }
    return DUNNO;
  };
  const one = (words: string, soft: boolean, depth: number): ModelDecision => {
    const [name = '', argument = ''] = words.split(' ');
    if (name === 'defer_if_permit' && !soft) {
      deferred = true;
      return DUNNO;
    }
    if (REFUSING.includes(name)) return soft ? DUNNO : REJECT;
    if (name === 'permit') return { kind: 'permit', rule: words };
    if (name === 'permit_mynetworks') return client.trusted ? { kind: 'permit', rule: words } : DUNNO;
    if (name === 'plugin_permits' || name === 'plugin_permits_with') return { kind: 'permit', rule: words };
    if (name === 'plugin_throws') return REJECT;
    const inner = classes[name];
    if (inner !== undefined) return walk(inner, soft, depth + 1);
    if (!name.startsWith('check_')) return DUNNO;
    const value = foundFor(name, argument, client);
    if (value === undefined || value === 'DUNNO') return DUNNO;
    if (value === 'REJECT') return soft ? DUNNO : REJECT;
    if (value === 'OK') return { kind: 'permit', rule: words };
    return walk([value], soft, depth + 1);
  };
  const decision = walk(items, false, 0);
  return deferred ? REJECT : decision;
}

function foundFor(name: string, table: string, client: ModelClient): string | undefined {
  if (table.startsWith('static:')) return table.slice('static:'.length);
  const [, key, value] = /^inline:\{(.*)=(.*)\}$/.exec(table) ?? [];
  const subject = {
    check_client_access: client.ip,
    check_sender_access: client.sender,
    check_helo_access: client.helo,
    check_recipient_access: client.recipient,
  }[name];
  return key === subject ? value : undefined;
}
