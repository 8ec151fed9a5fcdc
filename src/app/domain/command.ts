/** `posthorn domain records` and `domain check`: reads the configuration and the keys; works with and without a server. */
import type { Configuration } from '../../config/configuration.ts';
import { requireConfiguration } from '../../config/load.ts';
import { thisMachine } from '../../config/machine.ts';
import { StubResolver } from '../../net/resolver.ts';
import { isWithin } from '../../protocol/dns/name.ts';
import type { Resolver } from '../../protocol/dns/resolver.ts';
import { listenAddresses } from '../../server/dns/listen.ts';
import { choosePrivileges } from '../privileges.ts';
import { checkDomain, type Finding } from './check.ts';
import { domainName, readFacts } from './facts.ts';
import { domainKeys } from './keys.ts';
import { recordNotes, type WantedRecord, wantedRecords } from './records.ts';

export interface DomainPlace {
  readonly config: string;
  readonly data: string;
  readonly portOffset: number;
}

export interface DomainRecords {
  readonly domain: string;
  readonly records: readonly WantedRecord[];
  readonly notes: readonly string[];
}

/** Rejects with ConfigurationError, OperationError or another readable Error. */
export async function domainRecords(
  place: DomainPlace,
  written: string,
  options: { readonly makeKeys: boolean; readonly now: number },
): Promise<DomainRecords> {
  const domain = domainName(written);
  const configuration = await read(place);
  if (options.makeKeys) {
    // Keys that a root command makes must belong to mail_owner, or the server could not read them.
    const privileges = choosePrivileges(configuration);
    privileges.give(place.data);
    privileges.drop();
  }
  const found = await domainKeys(configuration, domain, options.makeKeys ? { now: options.now } : null);
  const facts = await readFacts(configuration, domain, found.keys);
  return { domain, records: wantedRecords(facts), notes: recordNotes(facts, found) };
}

export async function domainFindings(place: DomainPlace, written: string, now: number): Promise<readonly Finding[]> {
  const domain = domainName(written);
  const configuration = await read(place);
  const { keys } = await domainKeys(configuration, domain, null);
  const facts = await readFacts(configuration, domain, keys);
  const opened: StubResolver[] = [];
  const resolverOf = (servers: readonly string[]): StubResolver => {
    const resolver = new StubResolver({ servers, tries: 2 });
    opened.push(resolver);
    return resolver;
  };
  const port = 53 + place.portOffset;
  try {
    return await checkDomain(facts, {
      now,
      resolver: asTheServerAsks(configuration, port, resolverOf),
      serverAt: (address) => resolverOf([`${address.includes(':') ? `[${address}]` : address}:${port}`]),
    });
  } finally {
    for (const resolver of opened) resolver.close();
  }
}

async function read({ config, data }: DomainPlace): Promise<Configuration> {
  const overrides = { data_directory: data };
  const { configuration } = await requireConfiguration({ directory: config, overrides, ...thisMachine() });
  return configuration;
}

/** Where it answers: itself, whatever it listens on. */
function ownServer(named: Configuration['named']): string {
  const [address = '0.0.0.0'] = (named === null ? [] : listenAddresses(named.listen)).map((one) => one.address);
  return address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
}

/** Names in our own zones are asked of our own name server, all others of resolv.conf's or the system's. */
function asTheServerAsks(
  { named, nameservers }: Configuration,
  port: number,
  resolverOf: (servers: readonly string[]) => StubResolver,
): Resolver {
  const written = (address: string, at: number): string => `${address.includes(':') ? `[${address}]` : address}:${at}`;
  const others = resolverOf(nameservers.map((one) => written(one.address, one.port)));
  const zones = (named?.zones ?? []).map(({ name }) => name).filter((name) => name !== '.');
  if (zones.length === 0) return others;
  const own = resolverOf([written(ownServer(named), port)]);
  const of = (name: string): Resolver =>
    zones.some((zone) => isWithin(`${name.toLowerCase()}.`, zone)) ? own : others;
  return {
    mx: (name) => of(name).mx(name),
    a: (name) => of(name).a(name),
    aaaa: (name) => of(name).aaaa(name),
    txt: (name) => of(name).txt(name),
    ns: (name) => of(name).ns(name),
    cname: (name) => of(name).cname(name),
    ptr: (ip) => others.ptr(ip),
  };
}
