/** Postfix's address classes (ADDRESS_CLASS_README): which domains are ours, and of which kind. */
import { type Address, domainOf } from '../mail/address.ts';
import type { Reply } from '../mail/status.ts';
import type { ParameterReader } from './parameters.ts';

export type AddressClass = 'local' | 'virtual_alias' | 'virtual_mailbox' | 'relay' | 'default';

const HERE: ReadonlySet<AddressClass> = new Set(['local', 'virtual_alias', 'virtual_mailbox']);

/** Whether an address is one of ours: for the class relay, this server is only on the way. */
export const isHere = async (domains: Pick<Domains, 'classify'>, address: Address): Promise<boolean> =>
  HERE.has(await domains.classify(domainOf(address)));

export interface Domains {
  /** Where an address leads (address-resolving.ts): what is classified, compared with access tables, and delivered. */
  resolve(address: Address): Address | Promise<Address>;
  /** Accepts a domain or an address literal such as `[127.0.0.1]`. */
  classify(domain: string): Promise<AddressClass>;
  /**
   * Whether an address in one of our classes is deliverable (reject_unlisted_recipient).
   * Always true for the classes relay (without relay_recipient_maps) and default. `service`: the parameters of the
   * service that asks (`connection.parameters`), whose row of master.cf may set other tables; main.cf's without it.
   */
  recipientExists(address: Address, service?: ParameterReader): Promise<boolean>;
  /** What the transport `error` or `retry` says to mail for an address; null if it has another one. */
  undeliverable(address: Address, service?: ParameterReader): Promise<Reply | null>;
}
