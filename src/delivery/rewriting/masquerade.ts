/** masquerade_domains: `user@host.example.com` becomes `user@example.com`, but for the users of masquerade_exceptions. */
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Tables } from '../../lookup/table.ts';
import { domainOf, localPart } from '../../mail/address.ts';
import { createDomainList, type DomainList } from '../route/domain-list.ts';
import type { Place } from './canonical.ts';

export class Masquerade {
  readonly #domains: readonly { readonly name: string; readonly cuts: boolean }[];
  readonly #exceptions: DomainList;
  readonly #places: ReadonlySet<string>;

  constructor(parameters: ParameterReader, tables: Tables) {
    this.#domains = parameters.list('masquerade_domains').map((item) => {
      const name = item.replace(/^!+/, '');
      return { name: name.toLowerCase(), cuts: (item.length - name.length) % 2 === 0 };
    });
    this.#exceptions = createDomainList(parameters.list('masquerade_exceptions'), { tables, subdomains: false });
    this.#places = new Set(parameters.list('masquerade_classes').map((name) => name.toLowerCase()));
  }

  /** Rejects if a table of exceptions cannot answer. */
  async address(address: string, place: Place): Promise<string> {
    if (this.#domains.length === 0 || !this.#places.has(place) || !address.includes('@')) return address;
    const user = localPart(address);
    if (await this.#exceptions.matches(user.toLowerCase())) return address;
    const domain = domainOf(address);
    // The first that fits decides.
    const fitting = this.#domains.find(({ name }) => domain === name || domain.endsWith(`.${name}`));
    return fitting === undefined || !fitting.cuts || domain === fitting.name ? address : `${user}@${fitting.name}`;
  }
}
