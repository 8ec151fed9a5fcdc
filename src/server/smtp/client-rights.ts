/** What the configuration lets some clients do, by their addresses. Asked once for each connection. */
import type { Connection } from '../../bus/hook.ts';
import { compileNetworks } from '../../lookup/network.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { splitTexts } from '../../lookup/split-list.ts';
import type { Tables } from '../../lookup/table.ts';

export interface ClientRights {
  /** smtpd_authorized_xclient_hosts */
  readonly xclient: boolean;
  /** smtpd_authorized_xforward_hosts */
  readonly xforward: boolean;
  /** In place of smtpd_discard_ehlo_keywords (smtpd_discard_ehlo_keyword_address_maps); null for those. */
  readonly discardedKeywords: ReadonlySet<string> | null;
}

export const NO_RIGHTS: ClientRights = { xclient: false, xforward: false, discardedKeywords: null };

/** May reject where a table cannot answer. */
export type RightsOf = (connection: Connection) => Promise<ClientRights>;

/** Null where no client has any. */
export function clientRights(parameters: ParameterReader, tables: Tables): RightsOf | null {
  const xclient = parameters.list('smtpd_authorized_xclient_hosts');
  const xforward = parameters.list('smtpd_authorized_xforward_hosts');
  const discarding = parameters.list('smtpd_discard_ehlo_keyword_address_maps').map((name) => tables.open(name));
  if (xclient.length + xforward.length + discarding.length === 0) return null;
  const [mayXclient, mayXforward] = [compileNetworks(xclient, { tables }), compileNetworks(xforward, { tables })];
  const discarded = async (ip: string): Promise<ClientRights['discardedKeywords']> => {
    for (const table of discarding) {
      const words = await table.get(ip);
      if (words !== undefined) return new Set(splitTexts(words).map((word) => word.toUpperCase()));
    }
    return null;
  };
  return async ({ remote: { ip, name } }) => ({
    xclient: await mayXclient(ip, name),
    xforward: await mayXforward(ip, name),
    discardedKeywords: await discarded(ip),
  });
}
