/**
 * `check_*_mx_access`, `_ns_access`, `_a_access`: looks up in an access table the servers behind a name: the hosts of
 * its MX or NS records, or the name itself, by name and by address. Such a table may refuse, never permit: anyone may
 * point a record anywhere.
 */
import {
  DUNNO,
  type Outcome,
  type Question,
  ResolveError,
  type Resolver,
  type Restriction,
  type Server,
  type Subject,
} from '../../src/bus/plugin.ts';
import { hostKeys, ipKeys } from '../../src/lookup/address-keys.ts';
import { domainOf } from '../../src/mail/address.ts';
import { askTable, parentsMatch } from './access.ts';
import { inTime } from './patience.ts';
import { clientSubject, heloSubject, recipientOf, recipientSubject, senderSubject } from './session.ts';

const MOST_SERVERS = 20;
const MOST_PARENTS = 20;

interface Named {
  readonly subject: Subject;
  readonly domain: string;
}

const ofClient = (name: string, subject: Subject): Named | null =>
  name === 'unknown' ? null : { domain: name, subject };
const ofAddress = (address: string | null, subject: (address: string) => Subject): Named | null =>
  address === null || address === '' || domainOf(address) === ''
    ? null
    : { domain: domainOf(address), subject: subject(address) };

const PARTIES: Readonly<Record<string, (question: Question) => Named | null>> = {
  client: ({ connection }) => ofClient(connection.remote.name, clientSubject(connection)),
  reverse_client_hostname: ({ connection }) =>
    ofClient(connection.remote.reverseName, { name: connection.remote.reverseName, kind: 'Unverified Client host' }),
  helo: ({ helo }) => (helo === null ? null : { domain: helo.toLowerCase(), subject: heloSubject(helo) }),
  sender: (question) => ofAddress(question.sender, senderSubject),
  recipient: (question) => ofAddress(recipientOf(question), recipientSubject),
};

/** An empty list if the name has no records; throws if the resolver got no answer. */
async function orNone(asked: Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ResolveError && error.reason !== 'tempfail') return [];
    throw error;
  }
}

const SERVERS: Readonly<Record<string, (resolver: Resolver, domain: string) => Promise<readonly string[]>>> = {
  a: async (_resolver, domain) => [domain],
  mx: async (resolver, domain) => {
    const hosts = await orNone(resolver.mx(domain).then((records) => records.map((record) => record.exchange)));
    return hosts.length > 0 ? hosts : [domain];
  },
  ns: async (resolver, domain) => {
    for (
      let name = domain, i = 0;
      name.includes('.') && i < MOST_PARENTS;
      name = name.slice(name.indexOf('.') + 1), i += 1
    ) {
      const hosts = await orNone(resolver.ns(name));
      if (hosts.length > 0) return hosts;
    }
    return [];
  },
};

/** A server's name with its addresses. */
interface FoundHost {
  readonly name: string;
  readonly addresses: readonly string[];
}

async function serversOf(resolver: Resolver, domain: string, kind: string): Promise<readonly FoundHost[]> {
  const names = (await SERVERS[kind]?.(resolver, domain)) ?? [];
  const known = names.filter((name) => name !== '' && name !== '.').slice(0, MOST_SERVERS);
  return Promise.all(known.map(async (name) => ({ name, addresses: await addresses(resolver, name) })));
}

async function addresses(resolver: Resolver, name: string): Promise<readonly string[]> {
  const both = await Promise.allSettled([resolver.a(name), resolver.aaaa(name)]);
  return both.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])).slice(0, MOST_SERVERS);
}

async function check(server: Server, question: Question, { domain, subject }: Named, kind: string): Promise<Outcome> {
  const ask = (keys: readonly string[], whole: string): Outcome | Promise<Outcome> =>
    askTable(server, question, { subject, keys, wholeKeys: [whole] }, 'never');
  const literal = /^\[(?:ipv6:)?([0-9a-f.:]+)\]$/i.exec(domain)?.[1];
  if (literal !== undefined) return kind === 'ns' ? DUNNO : ask(ipKeys(literal), literal);
  let servers: readonly FoundHost[];
  try {
    servers = await inTime(serversOf(server.resolver, domain, kind));
  } catch {
    // Postfix lets mail pass here: only servers that can be found matter.
    server.log.warn({ session: question.connection.id }, `unable to look up ${kind.toUpperCase()} host for ${domain}`);
    return DUNNO;
  }
  const parents = parentsMatch(question);
  for (const { name, addresses } of servers) {
    for (const [keys, whole] of [
      [hostKeys(name, parents), name] as const,
      ...addresses.map((ip) => [ipKeys(ip), ip] as const),
    ]) {
      const found = await ask(keys, whole);
      if (found.kind !== 'dunno') return found;
    }
  }
  return DUNNO;
}

export function serverAccessRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  const rows: [string, Restriction][] = Object.entries(PARTIES).flatMap(([party, name]) =>
    Object.keys(SERVERS).map((kind): [string, Restriction] => [
      `check_${party}_${kind}_access`,
      {
        takesArgument: true,
        check: (question) => {
          const named = name(question);
          return named === null ? DUNNO : check(server, question, named, kind);
        },
      },
    ]),
  );
  return Object.fromEntries(rows);
}
