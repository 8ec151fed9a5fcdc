/** Which keys sign a message, by the address in its From field: ours, or those that OpenDKIM's tables name. */
import { readFileSync } from 'node:fs';
import { domainToASCII } from 'node:url';
import type { Server } from '../../src/bus/plugin.ts';
import { readKeyFile } from '../../src/lookup/dkim/key-file.ts';
import { KeyFolder } from '../../src/lookup/dkim/key-folder.ts';
import { openTables, type TablePaths } from '../../src/lookup/dkim/opendkim-tables.ts';
import { isHere } from '../../src/lookup/domains.ts';
import { isHostName } from '../../src/mail/host-name.ts';
import { type KeyType, keyName } from '../../src/protocol/dkim/key.ts';
import type { SigningKey } from '../../src/protocol/dkim/sign.ts';
import { isGroup, parseAddressList } from '../../src/protocol/mime/address-list.ts';
import type { Header } from '../../src/protocol/mime/header.ts';

/** None: it is not ours. Rejects where a key cannot be read or made. */
export type Choice = (from: string) => Promise<readonly SigningKey[]>;

/** Names that mean this machine to everybody: nobody can look up a key there. */
const NOWHERE = /^[^.]*$|(?:^|\.)(?:localhost|localdomain)$/;

export interface OwnKeys {
  readonly folder: string;
  /** Hears of a key that was made. */
  readonly onMade: () => void;
  readonly types: readonly KeyType[];
  /** Domains that are ours beside those of the server, in lower case. */
  readonly also: ReadonlySet<string>;
}

/** Keys of our domains, made when they are first needed. */
export function ownKeys(server: Server<unknown>, { folder: path, onMade, types, also }: OwnKeys): Choice {
  const folder = new KeyFolder(path, types);
  return async (from) => {
    const written = domainOf(from);
    const domain = domainToASCII(written);
    if (!isHostName(domain) || NOWHERE.test(domain)) return [];
    if (!also.has(domain) && !(await isHere(server.domains, `postmaster@${written}`))) return [];
    return folder.signing(domain, server.clock(), ({ selector }) => {
      onMade();
      server.log.info(
        { domain, selector },
        `a key was made for ${domain}; what to publish at ${keyName(domain, selector)} shows: posthorn domain records ${domain}`,
      );
    });
  };
}

/** Throws an Error that says which file, which line and what to do. */
export async function tableKeys(server: Server<unknown>, given: TablePaths): Promise<Choice> {
  const read = new Map<string, Promise<SigningKey['key']>>();
  const keyOf = (path: string): Promise<SigningKey['key']> => {
    const known = read.get(path) ?? readKeyFile(path);
    read.set(path, known);
    known.catch(() => read.delete(path));
    return known;
  };
  const tables = openTables(given, (path) => server.resolvePath(path));
  for (const { path } of tables.all()) await keyOf(path);
  return async (from) => {
    const found = tables.find(from);
    return found === null ? [] : [{ domain: found.domain, selector: found.selector, key: await keyOf(found.path) }];
  };
}

/** The lines of OpenDKIM's file of InternalHosts, for a list of networks. */
export const hostsIn = (path: string): readonly string[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');

/** The first address of From; null: there is none. */
export function senderOf(header: Header): string | null {
  for (const entry of parseAddressList(header.get('From') ?? '')) {
    const [{ local, domain } = { local: '', domain: '' }] = isGroup(entry) ? entry.members : [entry];
    if (domain !== '') return `${local}@${domain}`.toLowerCase();
  }
  return null;
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);
