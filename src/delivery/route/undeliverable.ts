/**
 * Table entries that cannot be delivered: listed recipients without an account, and aliases to users that do not exist.
 * The first are refused at RCPT TO; mail to the second bounces, as in Postfix. The start warns about both.
 *
 * It also warns about whole addresses in alias files, which Postfix never asks for.
 *
 * Only checks tables whose content is known here, and a limited number of their entries.
 */

import { few } from '../../few.ts';
import type { Domains } from '../../lookup/domains.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { domainOf, localPart, qualify } from '../../mail/address.ts';

export interface UndeliverableOptions {
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly domains: Domains;
}

const LISTS = ['virtual_mailbox_maps', 'local_recipient_maps'] as const;
const ALIASES = ['virtual_alias_maps', 'alias_maps'] as const;
const MOST_ENTRIES = 5000;
const MOST_NAMED = 3;
/** A plain address or user name: not a file, command, include, quoted string or comment. */
const PLAIN = /^[^\s"\\/|:<>(),;]+$/;

/** One line per table, with a command to fix it. Never rejects. */
export async function undeliverableNotes(options: UndeliverableOptions): Promise<string[]> {
  const { parameters } = options;
  const aliases = new Set(ALIASES.flatMap((name) => parameters.list(name)));
  const notes: string[] = [];
  for (const parameter of LISTS) {
    // The users of an alias file are not accounts.
    for (const name of parameters.list(parameter).filter((table) => !aliases.has(table))) {
      const { plain, domains } = await withoutAccount(open(name, options.tables), options);
      const place = `${parameter}: ${name}`;
      if (plain.length > 0)
        notes.push(
          `${place}: ${few(plain, MOST_NAMED)} ${plain.length === 1 ? 'has' : 'have'} no account, so mail is refused (550 5.1.1); posthorn user add ${plain[0]}, or auto_create_accounts = yes for all that are listed`,
        );
      for (const domain of domains)
        notes.push(
          `${place}: ${domain} does not accept mail for every name here, only for accounts; posthorn alias set ${domain} ADDRESS sends the rest to one address`,
        );
    }
  }
  for (const parameter of ALIASES) {
    for (const name of parameters.list(parameter)) {
      const entries = open(name, options.tables);
      const whole = parameter === 'alias_maps' ? entries.map(([key]) => key).filter((key) => key.includes('@')) : [];
      if (whole.length > 0)
        notes.push(
          `${parameter}: ${name}: ${few(whole, MOST_NAMED)} ${whole.length === 1 ? 'is' : 'are'} never asked, because aliases have user names; put whole addresses into virtual_alias_maps`,
        );
      const lost = await leadingNowhere(entries, options);
      if (lost.length > 0)
        notes.push(`${parameter}: ${name}: mail to ${few(lost, MOST_NAMED)} bounces: no such address here`);
    }
  }
  return notes;
}

/** The entries of a table that can be listed. */
function open(name: string, tables: Tables): readonly (readonly [string, string])[] {
  let table: LookupTable;
  try {
    table = tables.open(name);
  } catch {
    // The error was reported elsewhere.
    return [];
  }
  const entries: (readonly [string, string])[] = [];
  for (const entry of table.entries?.() ?? []) {
    if (entries.length >= MOST_ENTRIES) break;
    entries.push(entry);
  }
  return entries;
}

async function withoutAccount(
  entries: readonly (readonly [string, string])[],
  options: UndeliverableOptions,
): Promise<{ plain: string[]; domains: string[] }> {
  const plain: string[] = [];
  const domains: string[] = [];
  for (const [key] of entries) {
    if (key.startsWith('@')) {
      if ((await isOurs(key, options)) && !(await exists(`somebody-nobody-has${key}`, options))) domains.push(key);
    } else if (PLAIN.test(key)) {
      const address = addressOf(key, options.parameters);
      if ((await isOurs(address, options)) && !(await exists(address, options))) plain.push(address);
    }
  }
  return { plain, domains: domains.slice(0, MOST_NAMED) };
}

/** The members of aliases that are local addresses without an account, each with its alias. */
async function leadingNowhere(
  entries: readonly (readonly [string, string])[],
  options: UndeliverableOptions,
): Promise<string[]> {
  const lost: string[] = [];
  for (const [key, value] of entries) {
    if (key === '') continue;
    for (const member of value.split(/[\s,]+/).filter((word) => PLAIN.test(word))) {
      // `@other.domain` keeps the user's name.
      if (member.startsWith('@')) continue;
      const address = addressOf(member, options.parameters);
      if (sameUser(key, member) || !(await isOurs(address, options)) || (await exists(address, options))) continue;
      lost.push(`${member} (from ${key})`);
    }
  }
  return lost;
}

const addressOf = (name: string, parameters: ParameterReader): string => qualify(name, parameters.string('myorigin'));
const sameUser = (key: string, member: string): boolean =>
  localPart(key).toLowerCase() === localPart(member).toLowerCase() && !key.startsWith('@');

const MAILBOX_CLASSES: ReadonlySet<string> = new Set(['local', 'virtual_mailbox', 'virtual_alias']);

async function isOurs(address: string, { domains }: UndeliverableOptions): Promise<boolean> {
  try {
    return MAILBOX_CLASSES.has(await domains.classify(domainOf(address)));
  } catch {
    return false;
  }
}

/** True if a table is temporarily unavailable. */
async function exists(address: string, { domains }: UndeliverableOptions): Promise<boolean> {
  try {
    return await domains.recipientExists(address);
  } catch {
    return true;
  }
}
