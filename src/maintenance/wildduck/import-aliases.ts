/** Addresses of WildDuck that are not accounts: aliases of users, forwarding addresses, domain aliases. */
import type { AddressDocument, DomainAliasDocument, ForwardingTarget, UserDocument } from './layout.ts';
import type { WildDuck } from './source.ts';

export interface AliasPlan {
  readonly address: string;
  readonly targets: readonly string[];
}

export interface AliasPlans {
  readonly aliases: readonly AliasPlan[];
  /** Addresses that have no counterpart. */
  readonly others: number;
}

/** `accounts`: what the address of each user's account is here, by the user's id. `all`: not only those users. */
export async function aliasesOf(
  { users }: WildDuck,
  accounts: ReadonlyMap<string, { readonly user: UserDocument; readonly address: string }>,
  all: boolean,
): Promise<AliasPlans> {
  const aliases: AliasPlan[] = [];
  let others = 0;
  const add = (address: string | null, targets: readonly string[] | null): void => {
    if (address === null || targets === null) others += 1;
    else aliases.push({ address, targets });
  };
  for (const { user, address } of accounts.values()) {
    const forwarding = user.targets ?? [];
    const targets = mailTargets(forwarding);
    // An account among its own targets keeps a copy.
    if (forwarding.length > 0) add(address, targets === null ? null : [address, ...targets]);
  }
  for await (const document of users.collection('addresses').find<AddressDocument>({}).sort({ addrview: 1 })) {
    if (document.user === undefined) {
      if (all) add(keyOf(document.address), document.forwardedDisabled === true ? null : mailTargets(document.targets));
      continue;
    }
    const account = accounts.get(String(document.user));
    if (account !== undefined && document.address.toLowerCase() !== account.address)
      add(keyOf(document.address), [account.address]);
  }
  if (all) {
    for await (const { alias, domain } of users.collection('domainaliases').find<DomainAliasDocument>({}))
      add(`@${alias}`, [`@${domain}`]);
  }
  return { aliases, others };
}

/** `@domain` for a whole domain; null for another pattern. */
function keyOf(address: string): string | null {
  const key = address.startsWith('*@') ? address.slice(1) : address;
  return key.includes('*') ? null : key;
}

/** Null if some are no addresses. */
const mailTargets = (targets: readonly ForwardingTarget[] = []): readonly string[] | null =>
  targets.length > 0 && targets.every(({ type }) => type === 'mail') ? targets.map(({ value }) => value) : null;
