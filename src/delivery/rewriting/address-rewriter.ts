/**
 * The addresses of a message on their way in (cleanup(8)): standard form, canonical tables, masquerading. The envelope
 * always; a header of local clients, and, to the domain that is set for them, of others. Requirements P10, P11.
 */
import { localRewriting, type Rewrite, remoteRewriting } from '../../lookup/address-rewriting.ts';
import { standardAddress } from '../../mail/local-part.ts';
import { rewriteField } from '../checks/rewrite-field.ts';
import { Canonical, type CanonicalOptions, type Place } from './canonical.ts';
import { Masquerade } from './masquerade.ts';

/** A header field as latin1, with LF between its lines. */
export type RewriteField = (field: string) => string | Promise<string>;

export interface RewriterOptions extends CanonicalOptions {
  /** Only standard form: no canonical tables, no masquerading (receive_override_options = no_address_mappings). */
  readonly standardOnly: boolean;
}

export class AddressRewriter {
  readonly #standardOnly: boolean;
  readonly #local: Rewrite;
  readonly #canonical: Canonical;
  readonly #masquerade: Masquerade;
  /** header_address_token_limit */
  readonly #tokens: number;
  /** For the header of a local client, or of another one; null: it is left alone. */
  readonly header: Readonly<Record<'local' | 'remote', RewriteField | null>>;

  /** Throws for a table that cannot be opened. */
  constructor(options: RewriterOptions) {
    const { parameters, tables } = options;
    this.#standardOnly = options.standardOnly;
    this.#local = localRewriting(parameters);
    this.#canonical = new Canonical(options, this.#local);
    this.#masquerade = new Masquerade(parameters, tables);
    this.#tokens = parameters.number('header_address_token_limit');
    const remote = remoteRewriting(parameters);
    this.header = {
      local: this.#fieldBy(this.#local),
      remote: remote === null ? null : this.#fieldBy(remote),
    };
  }

  /** Rejects with CheckUnavailable if a table cannot answer. */
  envelope(address: string, place: 'envelope_sender' | 'envelope_recipient'): Promise<string> {
    return this.#mapped(this.#local(address), place);
  }

  #fieldBy(rewrite: Rewrite): RewriteField {
    return (field) =>
      rewriteField(field, (address, of) => this.#mapped(rewrite(address), `header_${of}`), this.#tokens);
  }

  async #mapped(written: string, place: Place): Promise<string> {
    if (written === '') return '';
    const address = standardAddress(written);
    if (this.#standardOnly) return address;
    return this.#masquerade.address(await this.#canonical.address(address, place), place);
  }
}
