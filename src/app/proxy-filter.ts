/** The filter before the queue of one service (smtpd_proxy_filter). */
import type { Connection } from '../bus/hook.ts';
import type { Service } from '../config/configuration.ts';
import { localClients } from '../delivery/rewriting/local-clients.ts';
import type { Log } from '../log.ts';
import { compileNetworks } from '../lookup/network.ts';
import type { Tables } from '../lookup/table.ts';
import type { ProxyService } from '../server/smtp/proxy/service.ts';
import { readProxySettings } from '../server/smtp/proxy/settings.ts';

export interface ProxyParts {
  readonly tables: Tables;
  /** On which we receive mail. */
  readonly addresses: readonly string[];
  readonly temporaryFolder: string;
  readonly log: Log;
}

/** Null where the service has none. */
export function proxyFilter({ parameters, lmtp }: Service, parts: ProxyParts): ProxyService | null {
  const settings = lmtp ? null : readProxySettings(parameters);
  if (settings === null) return null;
  const { tables, addresses, temporaryFolder, log } = parts;
  const trusted = compileNetworks(parameters.list('mynetworks'), { tables });
  const isTrusted = ({ remote }: Connection): boolean | Promise<boolean> => trusted(remote.ip, remote.name);
  return { settings, temporaryFolder, isLocal: localClients({ parameters, tables, addresses, log, isTrusted }) };
}
