/**
 * The address classes (Postfix: ADDRESS_CLASS_README) and which recipients exist in them.
 *
 * mydestination and our own address literals are local; then come virtual_alias_domains, virtual_mailbox_domains
 * together with the directory's domains, and relay_domains; everything else is `default`.
 */

import { AddressResolver } from '../../lookup/address-resolving.ts';
import type { AddressClass, Domains } from '../../lookup/domains.ts';
import type { ListName, ParameterReader } from '../../lookup/parameters.ts';
import type { Tables } from '../../lookup/table.ts';
import { createTransports, type Transports } from '../../lookup/transports.ts';
import { domainOf } from '../../mail/address.ts';
import { isPermanent, type Reply } from '../../mail/status.ts';
import type { Directory } from '../../store/directory.ts';
import { createAccounts, wouldBe } from './accounts.ts';
import { openTables } from './address-tables.ts';
import { createDomainList, type DomainList } from './domain-list.ts';
import { doubleBounceOf } from './double-bounce.ts';
import { recipientTablesOf } from './recipient-tables.ts';
import { createRouter } from './router.ts';

export interface DomainsOptions {
  readonly parameters: ParameterReader;
  /** Of the services: the recipient checks of each may have tables of their own. */
  readonly services?: readonly ParameterReader[];
  readonly tables: Tables;
  /** Those that need no row of master.cf, if absent. */
  readonly transports?: Transports;
  readonly directory: Directory;
  /** IP addresses that receive mail (inet_interfaces and proxy_interfaces resolved): `[address]` is local. */
  readonly addresses: readonly string[];
  /** What else knows an address of ours that no table has: plugins. */
  readonly knows?: (address: string) => Promise<boolean>;
}

/** Throws if a list names a table that cannot be opened. */
export function createDomains(options: DomainsOptions): Domains {
  const { parameters, tables, directory } = options;
  const parents = parameters.list('parent_domain_matches_subdomains');
  const list = (name: ListName): DomainList =>
    createDomainList(parameters.list(name), { tables, subdomains: parents.includes(name) });

  const literals = new Set(options.addresses.map((ip) => `[${ip.includes(':') ? `ipv6:${ip.toLowerCase()}` : ip}]`));
  const classes: readonly (readonly [AddressClass, DomainList])[] = [
    ['local', list('mydestination')],
    ['virtual_alias', list('virtual_alias_domains')],
    ['virtual_mailbox', list('virtual_mailbox_domains')],
  ];
  const relay = list('relay_domains');
  const hasTransports = parameters.list('transport_maps').length > 0;
  // Without a transport of error or retry, no recipient costs a look-up more.
  const mayRefuse =
    hasTransports ||
    (['default_transport', 'local_transport', 'relay_transport', 'virtual_transport'] as const).some((name) =>
      /^(?:error|retry)\b/.test(parameters.string(name)),
    );

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

  // A query must not create an account.
  const transports = options.transports ?? createTransports({ parameters });
  const accounts = wouldBe(createAccounts({ directory, parameters, tables }));
  const router = createRouter({ parameters, tables, transports, domains: { classify }, accounts });
  const recipientTables = recipientTablesOf(
    {
      parameters,
      tables,
      directory,
      relocated: openTables(parameters.list('relocated_maps'), tables),
      hasLuserRelay: parameters.string('luser_relay') !== '',
      hasTransports,
      isDoubleBounce: doubleBounceOf(parameters, { classify }),
      leadsSomewhere: async (address) => {
        const route = await router.route(address, '');
        return route.kind !== 'error' || !isPermanent(route.reply);
      },
    },
    options.services ?? [],
  );

  async function recipientExists(address: string, service?: ParameterReader): Promise<boolean> {
    const kind = await classify(domainOf(address));
    if (kind === 'default' || (await recipientTables(service).exists(address, kind))) return true;
    return options.knows === undefined ? false : options.knows(address);
  }

  async function undeliverable(address: string, service?: ParameterReader): Promise<Reply | null> {
    if (!mayRefuse) return null;
    const kind = await classify(domainOf(address));
    if (kind === 'virtual_alias') return null;
    const route = await router.route(address, '');
    if (route.kind !== 'error' || route.meant !== true) return null;
    // Another address may stand for it.
    return (await recipientTables(service).isRewritten(address, kind)) ? null : route.reply;
  }

  return { classify, recipientExists, undeliverable, resolve: (address) => resolver.resolve(address) };
}
