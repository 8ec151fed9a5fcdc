/** EHLO keywords of other servers that are not used: smtp_discard_ehlo_keywords, or what …_address_maps say instead. */
import { messageOf } from '../../errors.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { openTables } from '../route/address-tables.ts';
import type { ClientParameters } from './client-parameters.ts';
import { SessionFault } from './smtp-session-fault.ts';

export interface IgnoredKeywords {
  readonly always: ReadonlySet<string>;
  readonly byAddress: readonly LookupTable[];
}

export const readIgnoredKeywords = (own: ClientParameters, tables: Tables): IgnoredKeywords => ({
  always: wordsOf(own.list('discard_ehlo_keywords')),
  byAddress: openTables(own.list('discard_ehlo_keyword_address_maps'), tables),
});

/** In lower case. `address`: of the server. Rejects with SessionFault if a table cannot answer. */
export async function ignoredKeywordsOf(
  { always, byAddress }: IgnoredKeywords,
  address: string,
): Promise<ReadonlySet<string>> {
  try {
    for (const table of byAddress) {
      const found = await table.get(address);
      if (found !== undefined) return wordsOf(found.split(/[\s,]+/));
    }
  } catch (error) {
    const words = 'lookup problem of EHLO keywords to discard';
    throw new SessionFault('EHLO', { kind: 'policy', enhanced: '4.3.0', words }, messageOf(error));
  }
  return always;
}

const wordsOf = (words: readonly string[]): ReadonlySet<string> =>
  new Set(words.filter(Boolean).map((word) => word.toLowerCase()));
