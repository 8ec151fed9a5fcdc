/** What the configuration lets some clients do, by their addresses. Asked once for each connection. */
import type { Connection } from '../../bus/hook.ts';
import { createDomainList } from '../../delivery/route/domain-list.ts';
import { compileNetworks, type NetworkMatcher } from '../../lookup/network.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { splitTexts } from '../../lookup/split-list.ts';
import type { Tables } from '../../lookup/table.ts';
import { MECHANISM_NAMES } from '../../protocol/sasl/table.ts';

export interface ClientRights {
  /** smtpd_authorized_xclient_hosts */
  readonly xclient: boolean;
  /** smtpd_authorized_xforward_hosts */
  readonly xforward: boolean;
  /** smtpd_authorized_verp_clients */
  readonly verp: boolean;
  /** In place of smtpd_discard_ehlo_keywords (smtpd_discard_ehlo_keyword_address_maps); null for those. */
  readonly discardedKeywords: ReadonlySet<string> | null;
  /** smtpd_sasl_exceptions_networks: AUTH is answered, but not announced. */
  readonly hearsOfAuth: boolean;
  /** Those that are announced (smtpd_sasl_mechanism_filter); null for all. */
  readonly announcedMechanisms: ReadonlySet<string> | null;
}

export const NO_RIGHTS: ClientRights = {
  xclient: false,
  xforward: false,
  verp: false,
  discardedKeywords: null,
  hearsOfAuth: true,
  announcedMechanisms: null,
};

/** The default of smtpd_sasl_mechanism_filter: all that there are here. */
const EVERY_MECHANISM = '!external static:rest';

/** May reject where a table cannot answer. */
export type RightsOf = (connection: Connection) => Promise<ClientRights>;

/** Null where no client has any. */
export function clientRights(parameters: ParameterReader, tables: Tables): RightsOf | null {
  const xclient = parameters.list('smtpd_authorized_xclient_hosts');
  const xforward = parameters.list('smtpd_authorized_xforward_hosts');
  const verp = parameters.list('smtpd_authorized_verp_clients');
  const discarding = parameters.list('smtpd_discard_ehlo_keyword_address_maps').map((name) => tables.open(name));
  const withoutAuth = parameters.list('smtpd_sasl_exceptions_networks');
  const mechanisms = parameters.list('smtpd_sasl_mechanism_filter');
  const announcesAll = mechanisms.length === 0 || mechanisms.join(' ') === EVERY_MECHANISM;
  if (xclient.length + xforward.length + verp.length + discarding.length + withoutAuth.length === 0 && announcesAll)
    return null;
  const isException = compileNetworks(withoutAuth, { tables });
  const isAnnounced = createDomainList(mechanisms, { tables, subdomains: false });
  const announced = async (): Promise<ReadonlySet<string>> => {
    const names = new Set<string>();
    for (const name of MECHANISM_NAMES) if (await isAnnounced.matches(name.toLowerCase())) names.add(name);
    return names;
  };
  const [mayXclient, mayXforward, mayVerp] = [xclient, xforward, verp].map((items) =>
    compileNetworks(items, { tables }),
  ) as [NetworkMatcher, NetworkMatcher, NetworkMatcher];
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
    verp: await mayVerp(ip, name),
    discardedKeywords: await discarded(ip),
    hearsOfAuth: !(await isException(ip, name)),
    announcedMechanisms: announcesAll ? null : await announced(),
  });
}
