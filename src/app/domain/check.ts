/** What other servers check about a domain whose mail comes and goes here: each finding says what is seen, and what to do. */
import { spf } from 'mailauth/lib/spf/index.js';
import { keyName, keyRecord, publicPart, publishedPart } from '../../protocol/dkim/key.ts';
import { characterStrings } from '../../protocol/dkim/record-text.ts';
import { ResolveError, type Resolver } from '../../protocol/dns/resolver.ts';
import type { DomainFacts } from './facts.ts';
import { dmarcRecord, spfRecord } from './records.ts';

export interface Finding {
  readonly what: string;
  /** `unknown`: the DNS did not answer now. `advice`: others do without it. */
  readonly state: 'ok' | 'wrong' | 'unknown' | 'advice';
  readonly seen: string;
  /** What to write where; '' if nothing is to be done. */
  readonly todo: string;
}

export interface World {
  readonly resolver: Resolver;
  /** Asks one name server alone. */
  serverAt(address: string): Resolver;
  readonly now: number;
}

type Check = (facts: DomainFacts, world: World) => Promise<readonly Finding[]>;
const MOST_SERVERS = 13;
const PATIENCE_MS = 30_000;

/** A check without an answer of the DNS is a finding too. */
export async function checkDomain(facts: DomainFacts, world: World): Promise<readonly Finding[]> {
  const rows = Object.entries(CHECKS).map(async ([what, check]) => {
    try {
      return await check(facts, world);
    } catch (error) {
      if (!(error instanceof ResolveError)) throw error;
      return [finding(what, 'unknown', `no answer: ${error.message}`, 'try again; is the name server running?')];
    }
  });
  return (await Promise.all(rows)).flat();
}

const finding = (what: string, state: Finding['state'], seen: string, todo = ''): Finding => ({
  what,
  state,
  seen,
  todo,
});

const CHECKS: Readonly<Record<string, Check>> = {
  MX: async ({ domain, host }, { resolver }) => {
    const found = await present(resolver.mx(domain));
    const seen = found.map(({ exchange, preference }) => `${preference} ${exchange || '.'}`).join(', ');
    if (found.some(({ exchange }) => exchange === host)) return [finding('MX', 'ok', seen)];
    return [finding('MX', 'wrong', seen || 'none', `in the zone of ${domain}: ${domain}. IN MX 10 ${host}.`)];
  },
  address: async ({ host, addresses, isPublic }, { resolver }) => {
    const alias = await present(resolver.cname(host));
    if (alias.length > 0)
      return [
        finding(
          'address',
          'wrong',
          `${host} is an alias of ${alias[0]}`,
          `give ${host} an A record: MX must not name an alias (RFC 2181 section 10.3)`,
        ),
      ];
    const found = await addressesOf(resolver, host);
    const own = addresses.filter((address) => found.includes(address));
    if (found.length > 0 && (own.length > 0 || !isPublic))
      return [finding('address', 'ok', `${host} ${found.join(' ')}`)];
    const want = addresses.map((one) => `${host}. IN ${one.includes(':') ? 'AAAA' : 'A'} ${one}`).join(' and ');
    return [
      finding(
        'address',
        'wrong',
        found.length === 0 ? `${host} has none` : `${host} ${found.join(' ')}`,
        `in its zone: ${want || `${host}. IN A …`}`,
      ),
    ];
  },
  PTR: async ({ host }, { resolver }) => {
    const addresses = await addressesOf(resolver, host);
    return Promise.all(
      addresses.map(async (address) => {
        const names = await present(resolver.ptr(address));
        const seen = `${address} ${names.join(' ') || 'has no name'}`;
        return names.includes(host)
          ? finding('PTR', 'ok', seen)
          : finding('PTR', 'wrong', seen, `have whoever gave you ${address} set its reverse name to ${host}`);
      }),
    );
  },
  SPF: async (facts, { resolver }) => {
    const { domain, host, addresses, relayhost } = facts;
    const records = (await texts(resolver, domain)).filter((one) => /^v=spf1(?: |$)/i.test(one));
    const want = `in the zone of ${domain}: ${domain}. IN TXT "${spfRecord(facts)}"`;
    if (records.length !== 1)
      return [
        finding(
          'SPF',
          'wrong',
          records.length === 0 ? 'none' : `${records.length} records`,
          records.length === 0 ? want : `keep one; ${want}`,
        ),
      ];
    const [record = ''] = records;
    if (relayhost !== '') return [finding('SPF', 'ok', `${record} (mail leaves by ${relayhost})`)];
    const senders = (await addressesOf(resolver, host)).filter(
      (one) => addresses.length === 0 || !facts.isPublic || addresses.includes(one),
    );
    const results = await Promise.all(
      senders.map(async (ip) => {
        const { status } = await spf({
          ...{ ip, helo: host, sender: `postmaster@${domain}`, mta: host, strict: true, maxElapsedTime: PATIENCE_MS },
          resolver: (name: string, type: string) => asked(resolver, name, type),
        });
        return { ip, result: status.result };
      }),
    );
    return results.map(({ ip, result }) =>
      result === 'pass'
        ? finding('SPF', 'ok', `${record}: ${ip} pass`)
        : finding('SPF', result === 'temperror' ? 'unknown' : 'wrong', `${record}: ${ip} ${result}`, want),
    );
  },
  DKIM: async ({ domain, keys }, world) => {
    if (keys.length === 0)
      return [
        finding(
          'DKIM',
          'wrong',
          'no keys',
          `enable the plugin dkim-sign, then: posthorn domain records ${domain} --make-keys`,
        ),
      ];
    const servers = await nameServers(domain, world.resolver);
    const rows = keys.map(async ({ selector, key }) => {
      const name = keyName(domain, selector);
      const want = `in the zone of ${domain}: ${name}. IN TXT ${characterStrings(keyRecord(key))}`;
      const seen = partsOf(await texts(world.resolver, name));
      if (seen.length === 0) return finding('DKIM', 'wrong', `${name}: none`, want);
      if (seen.length > 1 || seen[0] !== publicPart(key))
        return finding('DKIM', 'wrong', `${name}: ${seen[0] === '' ? 'revoked' : 'another key'}`, want);
      for (const { server, address } of servers) {
        const there = partsOf(await texts(world.serverAt(address), name).catch(() => [`p=${publicPart(key)}`]));
        if (there[0] !== publicPart(key))
          return finding('DKIM', 'wrong', `${name}: not on ${server} (${address})`, want);
      }
      return finding('DKIM', 'ok', name);
    });
    return Promise.all(rows);
  },
  DMARC: async ({ domain }, { resolver }) => {
    const name = `_dmarc.${domain}`;
    const records = (await texts(resolver, name)).filter((one) => /^v=DMARC1\s*(?:;|$)/.test(one));
    const want = `in the zone of ${domain}: ${name}. IN TXT "${dmarcRecord(domain)}"`;
    if (records.length === 1 && /;\s*p\s*=\s*(?:none|quarantine|reject)\s*(?:;|$)/i.test(records[0] ?? ''))
      return [finding('DMARC', 'ok', records[0] ?? '')];
    return [finding('DMARC', 'wrong', records.join(' and ') || 'none', want)];
  },
  certificate: async ({ host, certificates }, { now }) => {
    const [first] = certificates;
    if (first === undefined)
      return [finding('certificate', 'wrong', 'none', 'start the server once: it makes one; see smtpd_tls_cert_file')];
    const fitting = certificates.find((one) => one.checkHost(host) !== undefined);
    const names = first.subjectAltName?.replaceAll('DNS:', '') ?? first.subject;
    if (fitting === undefined)
      return [finding('certificate', 'wrong', names, `smtpd_tls_cert_file needs a certificate for ${host}`)];
    if (Date.parse(fitting.validTo) <= now || Date.parse(fitting.validFrom) > now)
      return [
        finding(
          'certificate',
          'wrong',
          `${host}, valid ${fitting.validFrom} to ${fitting.validTo}`,
          'renew the certificate of smtpd_tls_cert_file',
        ),
      ];
    return fitting.issuer === fitting.subject
      ? [
          finding(
            'certificate',
            'advice',
            `${host}, self-signed`,
            'servers that verify it (MTA-STS) want one of a public authority',
          ),
        ]
      : [finding('certificate', 'ok', `${host}, to ${fitting.validTo}`)];
  },
  'TLS-RPT': async ({ domain }, { resolver }) => {
    const name = `_smtp._tls.${domain}`;
    const found = (await texts(resolver, name)).find((one) => one.startsWith('v=TLSRPTv1'));
    return [
      found === undefined
        ? finding(
            'TLS-RPT',
            'advice',
            'none',
            `in the zone of ${domain}: ${name}. IN TXT "v=TLSRPTv1; rua=mailto:postmaster@${domain}"`,
          )
        : finding('TLS-RPT', 'ok', found),
    ];
  },
  'MTA-STS': async ({ domain, mtaSts }, { resolver }) => {
    if (mtaSts === null) return [];
    const name = `_mta-sts.${domain}`;
    const found = (await texts(resolver, name)).find((one) => one.startsWith('v=STSv1'));
    return [
      found?.replace(/\s/g, '').includes(`id=${mtaSts}`)
        ? finding('MTA-STS', 'ok', found)
        : finding(
            'MTA-STS',
            'wrong',
            found ?? 'none',
            `in the zone of ${domain}: ${name}. IN TXT "v=STSv1; id=${mtaSts}"`,
          ),
    ];
  },
};

/** What does not exist is an empty list; no answer stays an error. */
async function present<T>(looking: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof ResolveError && error.reason !== 'tempfail') return [];
    throw error;
  }
}

const texts = (resolver: Resolver, name: string): Promise<readonly string[]> => present(resolver.txt(name));

const partsOf = (records: readonly string[]): readonly string[] =>
  records.map(publishedPart).filter((part) => part !== null);

const addressesOf = async (resolver: Resolver, host: string): Promise<readonly string[]> => [
  ...(await present(resolver.a(host))),
  ...(await present(resolver.aaaa(host))),
];

/** Of the domain, or of the one above it whose zone it is in. */
async function nameServers(
  domain: string,
  resolver: Resolver,
): Promise<readonly { readonly server: string; readonly address: string }[]> {
  const labels = domain.split('.');
  for (let at = 0; at < labels.length - 1; at += 1) {
    const found = await present(resolver.ns(labels.slice(at).join('.')));
    if (found.length === 0) continue;
    const servers = found.slice(0, MOST_SERVERS).map(async (server) => {
      const [address] = await present(resolver.a(server));
      return address === undefined ? [] : [{ server, address }];
    });
    return (await Promise.all(servers)).flat();
  }
  return [];
}

/** The library's types do not have them. */
const mailHosts = (found: Awaited<ReturnType<Resolver['mx']>>): string[] =>
  found.map(({ exchange, preference }) => ({ exchange, priority: preference })) as unknown as string[];

/** As the library asks: records as Node gives them. */
async function asked(resolver: Resolver, name: string, type: string): Promise<string[] | string[][]> {
  try {
    switch (type) {
      case 'TXT':
        return (await resolver.txt(name)).map((text) => [text]);
      case 'MX':
        return mailHosts(await resolver.mx(name));
      case 'A':
        return [...(await resolver.a(name))];
      case 'AAAA':
        return [...(await resolver.aaaa(name))];
      default:
        return [];
    }
  } catch (error) {
    const reason = error instanceof ResolveError ? error.reason : 'tempfail';
    const code = { notfound: 'ENOTFOUND', nodata: 'ENODATA', tempfail: 'ESERVFAIL' }[reason];
    throw Object.assign(new Error(`${name}: ${code}`), { code });
  }
}
