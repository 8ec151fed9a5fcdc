/**
 * smtp_generic_maps and lmtp_generic_maps (generic(5)): addresses that other servers must not see are replaced in the envelope and in the
 * message's header, only in what is sent. Requirement P11.
 */

import { type AddressKey, lookUp, mailboxKeys } from '../../lookup/address-keys.ts';
import { localRewriting, type Rewrite } from '../../lookup/address-rewriting.ts';
import { completeAddress } from '../../lookup/complete-address.ts';
import { delimitersOf } from '../../lookup/delimiters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { type Delimiters, domainOf, qualify } from '../../mail/address.ts';
import { standardAddress } from '../../mail/local-part.ts';
import type { QueueItem } from '../../store/queue.ts';
import { rewriteField } from '../checks/rewrite-field.ts';
import { CheckUnavailable } from '../checks/rules.ts';
import type { ClientParameters } from './client-parameters.ts';

/** `@a,@b:local@domain` (RFC 5322 section 4.4) */
const SOURCE_ROUTE = /^@[^:]*:/;

export interface GenericOptions {
  readonly own: ClientParameters;
  readonly tables: Tables;
  /** Whether a domain is one of our own (mydestination and the like): its users are also looked up without it. */
  isLocal(domain: string): Promise<boolean>;
}

export class Generic {
  readonly #parameter: string;
  readonly #maps: readonly LookupTable[];
  readonly #origin: string;
  readonly #rewrite: Rewrite;
  readonly #delimiters: Delimiters;
  readonly #propagates: boolean;
  readonly #isLocal: GenericOptions['isLocal'];

  constructor({ own, tables, isLocal }: GenericOptions) {
    const parameters = own.all;
    this.#parameter = own.nameOf('generic_maps');
    this.#maps = own.list('generic_maps').map((name) => tables.open(name));
    this.#origin = parameters.string('myorigin');
    this.#rewrite = localRewriting(parameters);
    this.#delimiters = delimitersOf(parameters);
    this.#propagates = parameters.list('propagate_unmatched_extensions').includes('generic');
    this.#isLocal = isLocal;
  }

  /** The address that others see. Rejects with CheckUnavailable if a table cannot answer. */
  async address(given: string): Promise<string> {
    if (given === '') return '';
    const address = standardAddress(given.replace(SOURCE_ROUTE, ''));
    const keys = await this.#keys(qualify(address, this.#origin));
    const found = await lookUp(this.#maps, keys).catch((error: unknown) => {
      throw new CheckUnavailable(this.#parameter, error);
    });
    if (found === null) return given;
    return completeAddress(found.value.trim(), address, this.#propagates ? found.key.extension : '', this.#rewrite);
  }

  async envelope(item: QueueItem): Promise<QueueItem> {
    return {
      ...item,
      reversePath: await this.address(item.reversePath),
      recipient: await this.address(item.recipient),
      original: item.original === '' ? item.recipient : item.original,
    };
  }

  /** A field of the message's header. */
  field(text: string): string | Promise<string> {
    return rewriteField(text, (address) => this.address(address));
  }

  /** Null if nothing is to be replaced. */
  static of(options: GenericOptions): Generic | null {
    return options.own.list('generic_maps').length === 0 ? null : new Generic(options);
  }

  async #keys(address: string): Promise<readonly AddressKey[]> {
    const domain = domainOf(address);
    const isOurs = domain === this.#origin.toLowerCase() || (await this.#isLocal(domain));
    return mailboxKeys(address, this.#delimiters, isOurs);
  }
}
