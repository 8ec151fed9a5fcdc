/**
 * The SMTP and LMTP services that the rows of master.cf switch on, with their addresses, ports and overridden
 * parameters.
 */
import { type PortNames, portNamesOf } from '../../lookup/ports.ts';
import { splitList } from '../../lookup/split-list.ts';
import type { Service } from '../configuration.ts';
import type { Fault } from '../fault.ts';
import type { ProxiedPort } from '../proxied-port.ts';
import { lmtpParameters } from './lmtp-parameters.ts';
import type { Setting } from './main-cf.ts';
import { type MasterRow, parseEndpoint } from './master-cf.ts';
import { listenAddresses } from './own-networks.ts';
import type { MainParameters } from './parameters-reader.ts';
import { READS_OVERRIDES } from './transports.ts';

/**
 * The rows that are served here: smtpd and lmtpd on internet sockets. `postscreen` stands for the `smtpd pass` row
 * behind it; Postfix itself has no lmtpd.
 */
export function serverRows(rows: readonly MasterRow[]): MasterRow[] {
  const behind = rows.find((row) => row.type === 'pass' && row.command === 'smtpd');
  return rows.flatMap((row) => {
    if (row.type !== 'inet') return [];
    if (row.command === 'smtpd' || row.command === 'lmtpd') return [row];
    return row.command === 'postscreen' ? [{ ...row, overrides: behind?.overrides ?? [] }] : [];
  });
}

const SERVERS: ReadonlySet<string> = new Set(['smtpd', 'lmtpd', 'postscreen']);

/** Commands of Postfix's daemons on internet sockets that nothing here does. */
export function otherInternetRows(rows: readonly MasterRow[]): MasterRow[] {
  return rows.filter((row) => row.type === 'inet' && !SERVERS.has(row.command) && row.command !== 'spawn');
}

/**
 * Parameters that all services share: what a domain is, and where mail for it goes, Postfix's smtpd asks
 * trivial-rewrite(8), which reads main.cf.
 */
const SHARED: ReadonlySet<string> = new Set([
  'default_transport',
  'local_transport',
  'luser_relay',
  'mydestination',
  'relay_domains',
  'relay_transport',
  'relocated_maps',
  'smtpd_dns_reply_filter',
  'transport_maps',
  'virtual_alias_domains',
  'virtual_mailbox_domains',
  'virtual_transport',
]);

/** Rows of other daemons whose `-o` values nothing reads, and values of servers that nothing reads in a row. */
export function unreadOverrides(rows: readonly MasterRow[]): Fault[] {
  const shared = rows
    .filter(({ command, overrides }) => SERVERS.has(command) && overrides.some(({ name }) => SHARED.has(name)))
    .map(({ file, line, service, command, overrides }) => ({
      file,
      line,
      message: `${service} (${command}): -o ${overrides
        .map(({ name }) => name)
        .filter((name) => SHARED.has(name))
        .join(', ')}: no effect here: that of main.cf counts for all services`,
    }));
  const others = rows
    .filter((row) => !SERVERS.has(row.command) && !READS_OVERRIDES.has(row.command) && row.overrides.length > 0)
    .map(({ file, line, service, command, overrides }) => {
      const names = overrides.map(({ name }) => name).join(', ');
      return {
        file,
        line,
        message: `${service} (${command}): -o ${names}: no effect here: only those of smtpd, lmtpd, smtp, lmtp and pipe count`,
      };
    });
  return [...shared, ...others];
}

/** Rows whose name is no place to listen at. */
export function endpointFaults(rows: readonly MasterRow[], ports: PortNames): Fault[] {
  return serverRows(rows).flatMap((row) => {
    const endpoint = parseEndpoint(row.service, ports);
    return typeof endpoint === 'string' ? [{ file: row.file, line: row.line, message: endpoint }] : [];
  });
}

/**
 * main.cf must have been checked: a value that does not fit its type throws here. Rows of `endpointFaults` are left
 * out.
 */
export function servicesOf(
  rows: readonly MasterRow[],
  main: MainParameters,
  settings: ReadonlyMap<string, Setting>,
): Service[] {
  const services: Service[] = [];
  const ports = portNamesOf(main);
  for (const row of serverRows(rows)) {
    const endpoint = parseEndpoint(row.service, ports);
    if (typeof endpoint === 'string') continue;
    const lmtp = row.command === 'lmtpd';
    const own = row.overrides.map(({ name, value }) => [name, value] as const);
    const parameters = lmtp ? lmtpParameters(main, own) : main.withOverrides(own);
    const interfaces = endpoint.address === undefined ? parameters.list('inet_interfaces') : [endpoint.address];
    services.push({
      name: row.service,
      lmtp,
      socket: null,
      addresses: listenAddresses(interfaces, parameters.list('inet_protocols')),
      port: endpoint.port,
      wrapperMode: parameters.boolean('smtpd_tls_wrappermode'),
      proxied: proxiedPort(parameters),
      maxSessions: row.maxProcesses ?? parameters.number('default_process_limit'),
      parameters,
      setAt: (name, item) => {
        const override = row.overrides.findLast((candidate) => candidate.name === name);
        if (override !== undefined) return { file: row.file, line: override.line };
        const setting = settings.get(name);
        return setting === undefined
          ? undefined
          : { file: setting.file, line: setting.lineOf(itemOffset(setting.value, item)) };
      },
    });
  }
  return services;
}

/** Postfix has no list of proxies: a firewall has to let nobody else connect. */
function proxiedPort(parameters: MainParameters): ProxiedPort | null {
  if (parameters.string('smtpd_upstream_proxy_protocol') !== 'haproxy') return null;
  return { headerTimeout: parameters.time('smtpd_upstream_proxy_timeout'), trusted: null };
}

/** Where services are set to have clients that are whoever they claim to be, unless a firewall stands before them. */
export function proxyNotes(services: readonly Service[]): Fault[] {
  const parameter = 'smtpd_upstream_proxy_protocol';
  const set = services.flatMap((service) => {
    const believes = service.proxied?.trusted === null && !service.lmtp;
    const place = believes ? service.setAt(parameter, '') : undefined;
    return place === undefined ? [] : [{ name: service.name, place }];
  });
  return [...Map.groupBy(set, ({ place: { file, line } }) => `${file}:${line}`).values()].flatMap((group) => {
    const names = group.map(({ name }) => name).join(', ');
    const message = `whoever connects to ${names} says who the client is, and may name one of mynetworks: let only the proxy connect`;
    return group.slice(0, 1).map(({ place }) => ({ ...place, parameter, message }));
  });
}

/** 0 where the item came out of a `$name`. */
const itemOffset = (value: string, item: string): number =>
  splitList(value).find(({ text }) => text === item)?.offset ?? 0;

/** Two services on one address and port, or of one name. */
export function serviceCollisions(services: readonly Service[], file: string): Fault[] {
  const faults: Fault[] = [];
  const taken = new Map<string, string>();
  const names = new Set<string>();
  for (const service of services) {
    if (names.has(service.name)) faults.push({ file, line: 0, message: `two services are named ${service.name}` });
    names.add(service.name);
    for (const address of service.addresses) {
      const place = `${address} port ${service.port}`;
      const other = taken.get(place);
      if (other !== undefined)
        faults.push({ file, line: 0, message: `services ${other} and ${service.name} both want ${place}` });
      taken.set(place, service.name);
    }
  }
  return faults;
}
