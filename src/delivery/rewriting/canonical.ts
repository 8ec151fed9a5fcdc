/**
 * canonical_maps, sender_canonical_maps and recipient_canonical_maps (canonical(5)): addresses replaced in envelope and
 * header. A result is looked up again in the same tables, until it changes no more; a loop ends after ten steps.
 */

import type { Log } from '../../log.ts';
import { lookUp, mailboxKeys } from '../../lookup/address-keys.ts';
import type { Rewrite } from '../../lookup/address-rewriting.ts';
import { completeAddress } from '../../lookup/complete-address.ts';
import { delimitersOf } from '../../lookup/delimiters.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { addressKey, type Delimiters, domainOf } from '../../mail/address.ts';
import { CheckUnavailable } from '../checks/rules.ts';

/** Where an address stands. */
export type Place = 'envelope_sender' | 'envelope_recipient' | 'header_sender' | 'header_recipient';

/** The tables in the order in which they are asked. */
const PARAMETERS = [
  ['sender_canonical_maps', 'sender_canonical_classes'],
  ['recipient_canonical_maps', 'recipient_canonical_classes'],
  ['canonical_maps', 'canonical_classes'],
] as const;
/** As in Postfix. */
const DEEPEST = 10;

interface Maps {
  readonly parameter: string;
  readonly tables: readonly LookupTable[];
  readonly places: ReadonlySet<string>;
}

export interface CanonicalOptions {
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly log: Log;
  /** Whether a domain is one of our own (mydestination and the like): its users are also looked up without it. */
  isLocal(domain: string): Promise<boolean>;
}

export class Canonical {
  readonly #options: CanonicalOptions;
  readonly #rewrite: Rewrite;
  readonly #maps: readonly Maps[];
  readonly #origin: string;
  readonly #delimiters: Delimiters;
  readonly #propagates: boolean;

  constructor(options: CanonicalOptions, rewrite: Rewrite) {
    const { parameters, tables } = options;
    this.#options = options;
    this.#rewrite = rewrite;
    this.#maps = PARAMETERS.map(([parameter, classes]) => ({
      parameter,
      tables: parameters.list(parameter).map((name) => tables.open(name)),
      places: new Set(parameters.list(classes).map((name) => name.toLowerCase())),
    })).filter((maps) => maps.tables.length > 0);
    this.#origin = parameters.string('myorigin').toLowerCase();
    this.#delimiters = delimitersOf(parameters);
    this.#propagates = parameters
      .list('propagate_unmatched_extensions')
      .some((name) => name.toLowerCase() === 'canonical');
  }

  /** Rejects with CheckUnavailable if a table cannot answer. */
  async address(given: string, place: Place): Promise<string> {
    let address = given;
    for (const maps of this.#maps) if (maps.places.has(place)) address = await this.#mapped(address, maps);
    return address;
  }

  async #mapped(given: string, { parameter, tables }: Maps): Promise<string> {
    let address = given;
    for (let depth = 0; depth < DEEPEST; depth += 1) {
      const domain = domainOf(address);
      const isOurs = domain === this.#origin || (await this.#options.isLocal(domain));
      const found = await lookUp(tables, mailboxKeys(address, this.#delimiters, isOurs)).catch((error: unknown) => {
        throw new CheckUnavailable(parameter, error);
      });
      if (found === null) return address;
      const extension = this.#propagates ? found.key.extension : '';
      const result = completeAddress(found.value.trim(), address, extension, this.#rewrite);
      if (addressKey(result) === addressKey(address)) return result;
      address = result;
    }
    this.#options.log.warn({ parameter }, `unreasonable ${parameter} map nesting for ${given}`);
    return address;
  }
}
