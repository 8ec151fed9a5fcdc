/**
 * Whether a local address exists (reject_unlisted_recipient, reject_unlisted_sender, and the check that
 * smtpd_reject_unlisted_recipient adds at the end of every RCPT TO), and whether its owner has moved.
 */

import { DUNNO, type Outcome, type Question, type Server } from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { lookUp, mailboxKeys } from '../../src/lookup/address-keys.ts';
import { delimitersOf } from '../../src/lookup/delimiters.ts';
import type { AddressClass } from '../../src/lookup/domains.ts';
import type { NumberName, ParameterReader } from '../../src/lookup/parameters.ts';
import { domainOf } from '../../src/mail/address.ts';
import { lookupFault, refuse } from './refusal.ts';
import { recipientSubject, senderSubject } from './session.ts';

/** The table in which an address of each class was looked up; the enhanced codes are those of Postfix 3.7. */
const TABLES: Readonly<
  Record<
    Exclude<AddressClass, 'default'>,
    { readonly code: NumberName; readonly table: string; readonly sender: string }
  >
> = {
  local: { code: 'unknown_local_recipient_reject_code', table: 'local recipient', sender: '5.1.0' },
  virtual_alias: { code: 'unknown_virtual_alias_reject_code', table: 'virtual alias', sender: '5.1.1' },
  virtual_mailbox: { code: 'unknown_virtual_mailbox_reject_code', table: 'virtual mailbox', sender: '5.1.0' },
  relay: { code: 'unknown_relay_recipient_reject_code', table: 'relay recipient', sender: '5.1.0' },
};

/** What an address that is not deliverable has where the transport gives no code. */
const GENERAL = { sender: '5.1.0', recipient: '5.1.1' } as const;

export async function unlisted(
  server: Server,
  question: Question,
  address: string,
  party: 'sender' | 'recipient',
): Promise<Outcome> {
  const { parameters } = question.connection;
  const subject = party === 'sender' ? senderSubject(address) : recipientSubject(address);
  try {
    const whole = await server.domains.resolve(address);
    const kind = await server.domains.classify(domainOf(whole));
    const moved = await relocation(server, parameters, whole, kind === 'local');
    if (moved !== null) return refuse(550, '5.1.6', subject, `User has moved to ${moved}`);
    const undeliverable = await server.domains.undeliverable(whole, parameters);
    if (undeliverable !== null) {
      const { code, enhanced, text } = undeliverable;
      const general = enhanced.endsWith('.0.0');
      return refuse(code, general ? GENERAL[party] : enhanced, subject, text);
    }
    if (kind === 'default' || (await server.domains.recipientExists(whole, parameters))) return DUNNO;
    const row = TABLES[kind];
    // Of an alias domain it is the reply of the transport error: by main.cf, whatever the service's row sets.
    const asked = kind === 'virtual_alias' ? server.parameters : parameters;
    const text = asked.boolean('show_user_unknown_table_name') ? `User unknown in ${row.table} table` : 'User unknown';
    return refuse(parameters.number(row.code), party === 'sender' ? row.sender : '5.1.1', subject, text);
  } catch (error) {
    return lookupFault(server, question, `recipient tables: ${messageOf(error)}`, error, address);
  }
}

/** relocated(5): the new address of a user who has moved, or null. */
async function relocation(
  server: Server,
  service: ParameterReader,
  address: string,
  local: boolean,
): Promise<string | null> {
  const maps = server.parameters.list('relocated_maps').map((name) => server.tables.open(name));
  const found = await lookUp(maps, mailboxKeys(address, delimitersOf(server.parameters), local));
  return found === null || (await isRewritten(server.tables, service, address, local)) ? null : found.value;
}

const REWRITING = ['recipient_canonical_maps', 'canonical_maps', 'virtual_alias_maps'] as const;

/** Another address stands for it: it is never delivered to, so that it has moved does not matter. */
async function isRewritten(
  tables: Server['tables'],
  parameters: ParameterReader,
  address: string,
  local: boolean,
): Promise<boolean> {
  const maps = REWRITING.flatMap((name) => parameters.list(name)).map((name) => tables.open(name));
  return (await lookUp(maps, mailboxKeys(address, delimitersOf(parameters), local))) !== null;
}
