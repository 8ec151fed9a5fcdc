/**
 * tls_server_sni_maps: certificates by the name that a client asks for, looked up as Postfix does: the name, then
 * `.domain` of each domain above it. A value names chain files: a key, then its certificates.
 *
 * The files of tables that can be listed are read at a start, still as root, and at each reload, which their faults
 * refuse; those that a database names are read when the first client asks.
 */
import type { SecureContext } from 'node:tls';
import type { Configuration } from '../config/configuration.ts';
import type { Fault } from '../config/fault.ts';
import { messageOf } from '../errors.ts';
import { splitTexts } from '../lookup/split-list.ts';
import type { LookupTable, Tables } from '../lookup/table.ts';
import { type KeyPair, readKeyPairs } from '../net/certificate-files.ts';
import { serverContext } from '../net/server-context.ts';
import type { TlsContexts } from '../net/tls.ts';
import type { ServerTerms } from '../protocol/tls/terms.ts';

/** Contexts that are kept at one time. */
const MOST_KEPT = 10_000;
/** RFC 1035. */
const LONGEST_NAME = 255;

type ResolvePath = Configuration['resolvePath'];
/** By the value of the table. */
export type SniPairs = ReadonlyMap<string, KeyPair>;

async function readPair(value: string, resolvePath: ResolvePath): Promise<KeyPair> {
  const [pair] = await readKeyPairs({ chainFiles: splitTexts(value).map(resolvePath) });
  if (pair === undefined) throw new Error('no key');
  return pair;
}

export interface SniOptions {
  readonly tables: readonly LookupTable[];
  readonly pairs: SniPairs;
  readonly terms: ServerTerms;
  readonly resolvePath: ResolvePath;
}

export class SniMaps {
  readonly #options: SniOptions;
  readonly #kept = new Map<string, Promise<SecureContext>>();

  constructor(options: SniOptions) {
    this.#options = options;
  }

  /** Asks these maps first. */
  before(contexts: TlsContexts): TlsContexts {
    if (this.#options.tables.length === 0) return contexts;
    return {
      clientCertificates: contexts.clientCertificates,
      context: () => contexts.context(),
      contextForName: async (name) => (await this.#find(name)) ?? contexts.contextForName(name),
    };
  }

  /** Rejects if a table cannot be asked now, or the files of the entry cannot be used. */
  async #find(serverName: string): Promise<SecureContext | undefined> {
    if (serverName.length > LONGEST_NAME) return undefined;
    for (let key = serverName.toLowerCase(); key !== ''; key = above(key)) {
      for (const table of this.#options.tables) {
        const value = await table.get(key);
        if (value !== undefined) return this.#contextOf(value);
      }
    }
    return undefined;
  }

  #contextOf(value: string): Promise<SecureContext> {
    const known = this.#kept.get(value);
    if (known !== undefined) return known;
    const context = this.#make(value);
    // A file that is mended later counts.
    context.catch(() => this.#kept.delete(value));
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(value, context);
    return context;
  }

  async #make(value: string): Promise<SecureContext> {
    const { pairs, terms, resolvePath } = this.#options;
    return serverContext([pairs.get(value) ?? (await readPair(value, resolvePath))], terms);
  }
}

const above = (key: string): string => {
  const dot = key.indexOf('.', 1);
  return dot < 0 ? '' : key.slice(dot);
};

/** What the tables of all services list; an entry whose files cannot be used is a fault. */
export async function readSniPairs(
  { services, resolvePath }: Configuration,
  tables: Tables,
): Promise<{ readonly pairs: SniPairs; readonly faults: readonly Fault[] }> {
  const pairs = new Map<string, KeyPair>();
  const faults = new Map<string, Fault>();
  for (const { parameters, setAt } of services)
    for (const name of parameters.list('tls_server_sni_maps'))
      for (const [key, value] of tables.open(name).entries?.() ?? []) {
        if (pairs.has(value)) continue;
        try {
          pairs.set(value, await readPair(value, resolvePath));
        } catch (error) {
          const place = setAt('tls_server_sni_maps', name) ?? { file: name, line: 0 };
          const message = `${name}: ${key}: ${messageOf(error)}; expected the file of a key, then those of its certificates`;
          faults.set(message, { ...place, parameter: 'tls_server_sni_maps', message });
        }
      }
  return { pairs, faults: [...faults.values()] };
}
