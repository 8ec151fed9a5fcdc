/**
 * The address classes (Postfix: ADDRESS_CLASS_README) and which recipients exist in them.
 *
 * mydestination and our own address literals are local; then come virtual_alias_domains, virtual_mailbox_domains
 * together with the directory's domains, and relay_domains; everything else is `default`.
 */

import { type AddressKey, lookUp, mailboxKeys, userKeys } from '../../lookup/address-keys.ts';
import { AddressResolver } from '../../lookup/address-resolving.ts';
import { delimitersOf } from '../../lookup/delimiters.ts';
import type { AddressClass, Domains } from '../../lookup/domains.ts';
import type { ListName, ParameterReader } from '../../lookup/parameters.ts';
import type { Tables } from '../../lookup/table.ts';
import { createTransports, type Transports } from '../../lookup/transports.ts';
import { addressKey, domainOf, localPart } from '../../mail/address.ts';
import { isPermanent, type Reply } from '../../mail/status.ts';
import type { Directory } from '../../store/directory.ts';
import { type Accounts, createAccounts, isAlwaysThere, wouldBe } from './accounts.ts';
import { openTables } from './address-tables.ts';
import { createDomainList, type DomainList } from './domain-list.ts';
import { doubleBounceOf } from './double-bounce.ts';
import { createRouter } from './router.ts';

export interface DomainsOptions {
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  /** Those that need no row of master.cf, if absent. */
  readonly transports?: Transports;
  readonly directory: Directory;
  /** IP addresses that receive mail (inet_interfaces and proxy_interfaces resolved): `[address]` is local. */
  readonly addresses: readonly string[];
}

/** Throws if a list names a table that cannot be opened. */
export function createDomains(options: DomainsOptions): Domains {
  const { parameters, tables, directory } = options;
  const parents = parameters.list('parent_domain_matches_subdomains');
  const list = (name: ListName): DomainList =>
    createDomainList(parameters.list(name), { tables, subdomains: parents.includes(name) });
  const open = (name: ListName): ReturnType<typeof openTables> => openTables(parameters.list(name), tables);

  const literals = new Set(options.addresses.map((ip) => `[${ip.includes(':') ? `ipv6:${ip.toLowerCase()}` : ip}]`));
  const classes: readonly (readonly [AddressClass, DomainList])[] = [
    ['local', list('mydestination')],
    ['virtual_alias', list('virtual_alias_domains')],
    ['virtual_mailbox', list('virtual_mailbox_domains')],
  ];
  const relay = list('relay_domains');
  const delimiters = delimitersOf(parameters);
  const accounts: Accounts = createAccounts({ directory, parameters, tables });
  // Rewriting tables of every class: an address found here exists (Postfix: check_recipient_maps).
  const rewriting = (
    ['recipient_canonical_maps', 'canonical_maps', 'virtual_alias_maps', 'relocated_maps'] as const
  ).flatMap(open);
  const aliasMaps = open('alias_maps');
  const localRecipients = open('local_recipient_maps');
  const anyLocalRecipient =
    parameters.list('local_recipient_maps').length === 0 || parameters.string('luser_relay') !== '';
  const hasTransports = parameters.list('transport_maps').length > 0;
  // Without a transport of error or retry, no recipient costs a look-up more.
  const mayRefuse =
    hasTransports ||
    (['default_transport', 'local_transport', 'relay_transport', 'virtual_transport'] as const).some((name) =>
      /^(?:error|retry)\b/.test(parameters.string(name)),
    );
  const virtualMailboxes = open('virtual_mailbox_maps');
  const relayRecipients = open('relay_recipient_maps');

  const resolver = new AddressResolver({ parameters, isLocal: async (domain) => (await classify(domain)) === 'local' });

  async function classify(name: string): Promise<AddressClass> {
    const domain = name.toLowerCase();
    if (domain === '' || literals.has(domain)) return 'local';
    for (const [kind, domains] of classes) {
      const match = domains.matches(domain);
      if (typeof match === 'boolean' ? match : await match) return kind;
    }
    if ((await directory.domains()).includes(domain)) return 'virtual_mailbox';
    return (await relay.matches(domain)) ? 'relay' : 'default';
  }

  async function isAlias(address: string, local: boolean): Promise<boolean> {
    const aliases = await directory.aliases();
    if (aliases.size === 0) return false;
    if (mailboxKeys(address, delimiters, false).some((key) => aliases.has(key.text))) return true;
    return local && aliases.has(`${addressKey(localPart(address))}@${parameters.string('myorigin').toLowerCase()}`);
  }

  const exists: Readonly<Record<AddressClass, (address: string, keys: readonly AddressKey[]) => Promise<boolean>>> = {
    default: async () => true,
    relay: async (_address, keys) => relayRecipients.length === 0 || (await lookUp(relayRecipients, keys)) !== null,
    virtual_alias: async () => false,
    virtual_mailbox: async (address, keys) => {
      if ((await accounts.find(address, false)) !== null) return !hasTransports || leadsSomewhere(address);
      return (await lookUp(virtualMailboxes, keys)) !== null && leadsSomewhere(address);
    },
    local: async (address, keys) => {
      if ((await accounts.find(address, true)) !== null) return !hasTransports || leadsSomewhere(address);
      // aliases(5) contains only user names, other tables may contain addresses too.
      if ((await lookUp(aliasMaps, userKeys(address, delimiters))) !== null) return true;
      const listed =
        anyLocalRecipient ||
        isAlwaysThere(localPart(address)) ||
        (await lookUp(localRecipients, keys)) !== null ||
        (await isDoubleBounce(address));
      return listed && leadsSomewhere(address);
    },
  };

  // A query must not create an account.
  const transports = options.transports ?? createTransports({ parameters });
  const isDoubleBounce = doubleBounceOf(parameters, { classify });
  const router = createRouter({ parameters, tables, transports, domains: { classify }, accounts: wouldBe(accounts) });

  /** An address in a recipient table must have an account or a transport, or it would bounce after being accepted. */
  async function leadsSomewhere(address: string): Promise<boolean> {
    const route = await router.route(address, '');
    return route.kind !== 'error' || !isPermanent(route.reply);
  }

  async function recipientExists(address: string): Promise<boolean> {
    const kind = await classify(domainOf(address));
    if (kind === 'default') return true;
    const keys = mailboxKeys(address, delimiters, kind === 'local');
    if (await exists[kind](address, keys)) return true;
    return (await lookUp(rewriting, keys)) !== null || (await isAlias(address, kind === 'local'));
  }

  async function undeliverable(address: string): Promise<Reply | null> {
    if (!mayRefuse) return null;
    const kind = await classify(domainOf(address));
    if (kind === 'virtual_alias') return null;
    const route = await router.route(address, '');
    if (route.kind !== 'error' || route.meant !== true) return null;
    // Another address may stand for it.
    const local = kind === 'local';
    const rewritten = (await lookUp(rewriting, mailboxKeys(address, delimiters, local))) !== null;
    return rewritten || (await isAlias(address, local)) ? null : route.reply;
  }

  return { classify, recipientExists, undeliverable, resolve: (address) => resolver.resolve(address) };
}
