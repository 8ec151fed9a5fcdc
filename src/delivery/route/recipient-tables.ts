/**
 * The tables by which a server's recipient checks know an address (postconf(5), reject_unlisted_recipient). Each service
 * may have its own by `-o` in master.cf: those decide only what is accepted there, where mail goes is main.cf's alone.
 */
import { type AddressKey, lookUp, mailboxKeys, userKeys } from '../../lookup/address-keys.ts';
import { delimitersOf } from '../../lookup/delimiters.ts';
import type { AddressClass } from '../../lookup/domains.ts';
import type { ListName, ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { addressKey, localPart } from '../../mail/address.ts';
import type { Directory } from '../../store/directory.ts';
import { createAccounts, isAlwaysThere } from './accounts.ts';
import { openTables } from './address-tables.ts';
import type { IsDoubleBounce } from './double-bounce.ts';

/** What they read of a service, besides recipient_delimiter. */
const LISTS = [
  'alias_maps',
  'canonical_maps',
  'local_recipient_maps',
  'recipient_canonical_maps',
  'relay_recipient_maps',
  'virtual_alias_maps',
  'virtual_mailbox_maps',
] as const;

const differ = (one: ParameterReader, other: ParameterReader): boolean =>
  one.string('recipient_delimiter') !== other.string('recipient_delimiter') ||
  LISTS.some((name) => one.list(name).join('\n') !== other.list(name).join('\n'));

export interface RecipientTables {
  exists(address: string, kind: AddressClass): Promise<boolean>;
  /** Another address stands for it. */
  isRewritten(address: string, kind: AddressClass): Promise<boolean>;
}

export interface RecipientTablesOptions {
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly directory: Directory;
  /** Names with new addresses, and whether somebody gets the mail of unknown users: never a service's own. */
  readonly relocated: readonly LookupTable[];
  readonly hasLuserRelay: boolean;
  /** transport_maps may send the mail of an account elsewhere. */
  readonly hasTransports: boolean;
  readonly isDoubleBounce: IsDoubleBounce;
  /** An address in a recipient table must have an account or a transport, or it would bounce after being accepted. */
  leadsSomewhere(address: string): Promise<boolean>;
}

/** Those of main.cf, or of a service that has its own. Throws if a list names a table that cannot be opened. */
export function recipientTablesOf(
  main: RecipientTablesOptions,
  services: readonly ParameterReader[],
): (service: ParameterReader | undefined) => RecipientTables {
  const common = createRecipientTables(main);
  const own = new Map(
    services
      .filter((parameters) => differ(parameters, main.parameters))
      .map((parameters) => [parameters, createRecipientTables({ ...main, parameters })]),
  );
  return (service) => (service === undefined ? common : (own.get(service) ?? common));
}

function createRecipientTables(options: RecipientTablesOptions): RecipientTables {
  const { parameters, tables, directory, hasLuserRelay, hasTransports, isDoubleBounce, leadsSomewhere } = options;
  const open = (name: ListName): ReturnType<typeof openTables> => openTables(parameters.list(name), tables);
  const delimiters = delimitersOf(parameters);
  const accounts = createAccounts({ directory, parameters, tables });
  // Rewriting tables of every class: an address found here exists (Postfix: check_recipient_maps).
  const rewriting = [
    ...(['recipient_canonical_maps', 'canonical_maps', 'virtual_alias_maps'] as const).flatMap(open),
    ...options.relocated,
  ];
  const aliasMaps = open('alias_maps');
  const localRecipients = open('local_recipient_maps');
  const anyLocalRecipient = parameters.list('local_recipient_maps').length === 0 || hasLuserRelay;
  const virtualMailboxes = open('virtual_mailbox_maps');
  const relayRecipients = open('relay_recipient_maps');

  async function isAlias(address: string, local: boolean): Promise<boolean> {
    const aliases = await directory.aliases();
    if (aliases.size === 0) return false;
    if (mailboxKeys(address, delimiters, false).some((key) => aliases.has(key.text))) return true;
    return local && aliases.has(`${addressKey(localPart(address))}@${parameters.string('myorigin').toLowerCase()}`);
  }

  const listed: Readonly<Record<AddressClass, (address: string, keys: readonly AddressKey[]) => Promise<boolean>>> = {
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
      const isThere =
        anyLocalRecipient ||
        isAlwaysThere(localPart(address)) ||
        (await lookUp(localRecipients, keys)) !== null ||
        (await isDoubleBounce(address));
      return isThere && leadsSomewhere(address);
    },
  };

  const isRewritten = async (address: string, kind: AddressClass): Promise<boolean> =>
    (await lookUp(rewriting, mailboxKeys(address, delimiters, kind === 'local'))) !== null ||
    (await isAlias(address, kind === 'local'));

  return {
    isRewritten,
    exists: async (address, kind) =>
      (await listed[kind](address, mailboxKeys(address, delimiters, kind === 'local'))) ||
      (await isRewritten(address, kind)),
  };
}
