/**
 * Blind copies (sender_bcc_maps, recipient_bcc_maps), just before a message is made durable.
 */

import { type Connection, NEXT, type Server, type Transaction, type Verdict } from '../../src/bus/plugin.ts';
import { type Found, lookUp, mailboxKeys } from '../../src/lookup/address-keys.ts';
import { delimitersOf } from '../../src/lookup/delimiters.ts';
import type { ListName } from '../../src/lookup/parameters.ts';
import type { LookupTable } from '../../src/lookup/table.ts';
import { domainOf, qualify } from '../../src/mail/address.ts';

export class Copies {
  readonly #server: Server;
  readonly #tables: Readonly<Record<'sender' | 'recipient', readonly LookupTable[]>>;

  /** Throws if a table cannot be opened. */
  constructor(server: Server) {
    const open = (name: ListName): readonly LookupTable[] =>
      server.parameters.list(name).map((table) => server.tables.open(table));
    this.#server = server;
    this.#tables = {
      sender: open('sender_bcc_maps'),
      recipient: open('recipient_bcc_maps'),
    };
  }

  /** Whether there is anything to look up. */
  get wanted(): boolean {
    return Object.values(this.#tables).some((tables) => tables.length > 0);
  }

  /** The `queue` hook. */
  async queue(transaction: Transaction, connection: Connection | null): Promise<Verdict> {
    const parameters = connection?.parameters ?? this.#server.parameters;
    if (parameters.list('receive_override_options').includes('no_address_mappings')) return NEXT;
    const origin = this.#server.parameters.string('myorigin');
    // Our own notifications have the null reverse-path and are never copied.
    if (transaction.reversePath === '') return NEXT;
    const sender = qualify(transaction.reversePath, origin);
    const copies = [await this.#look(this.#tables.sender, sender)];
    for (const { address } of transaction.recipients)
      copies.push(await this.#look(this.#tables.recipient, qualify(address, origin)));
    const targets = copies.flatMap((found) => (found === null ? [] : [qualify(found.value.trim(), origin)]));
    transaction.bcc.push(...new Set(targets));
    return NEXT;
  }

  async #look(tables: readonly LookupTable[], address: string): Promise<Found | null> {
    if (tables.length === 0) return null;
    const { parameters, domains } = this.#server;
    const domain = domainOf(address);
    const bare = domain === parameters.string('myorigin').toLowerCase() || (await domains.classify(domain)) === 'local';
    return lookUp(tables, mailboxKeys(address, delimitersOf(parameters), bare));
  }
}
