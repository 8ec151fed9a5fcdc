import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkDomain, type Finding } from '../../../src/app/domain/check.ts';
import { type DomainFacts, domainName } from '../../../src/app/domain/facts.ts';
import { bindLines, recordNotes, wantedRecords } from '../../../src/app/domain/records.ts';
import { keyRecord, makeKey } from '../../../src/protocol/dkim/key.ts';
import { parseZoneFile } from '../../../src/protocol/dns/zone-file.ts';
import { temporaryFiles } from '../../kit/identity.ts';
import { type DnsRecords, resolverOf } from '../../kit/resolver.ts';

const DOMAIN = 'example.com';
const HOST = 'mail.example.com';
const IP = '198.51.100.7';
let facts: DomainFacts;
let good: DnsRecords;
beforeAll(async () => {
  const [rsa, ed25519] = [await makeKey('rsa'), await makeKey('ed25519')];
  facts = {
    ...{ domain: DOMAIN, host: HOST, addresses: [IP], isPublic: true, relayhost: '', mtaSts: 'abc' },
    keys: [
      { domain: DOMAIN, selector: 'r', key: rsa },
      { domain: DOMAIN, selector: 'e', key: ed25519 },
    ],
    services: [{ name: 'imaps', port: 993 }],
    certificates: [new X509Certificate(readFileSync((await temporaryFiles([HOST])).certFile))],
  };
  good = {
    [`mx ${DOMAIN}`]: [`10 ${HOST}`],
    [`a ${HOST}`]: [IP],
    [`ptr ${IP}`]: [HOST],
    [`txt ${DOMAIN}`]: ['google-site-verification=x', 'v=spf1 mx -all'],
    [`txt r._domainkey.${DOMAIN}`]: [keyRecord(rsa)],
    [`txt e._domainkey.${DOMAIN}`]: [keyRecord(ed25519)],
    [`txt _dmarc.${DOMAIN}`]: ['v=DMARC1; p=none'],
    [`txt _smtp._tls.${DOMAIN}`]: ['v=TLSRPTv1; rua=mailto:x@example.com'],
    [`txt _mta-sts.${DOMAIN}`]: ['v=STSv1; id=abc;'],
    [`ns ${DOMAIN}`]: ['ns.example.com'],
    'a ns.example.com': ['192.0.2.53'],
  };
});

const found = (
  records: DnsRecords,
  more: Partial<DomainFacts> = {},
  there: DnsRecords = records,
): Promise<readonly Finding[]> =>
  checkDomain(
    { ...facts, ...more },
    { resolver: resolverOf(records), serverAt: () => resolverOf(there), now: Date.now() },
  );
const states = (findings: readonly Finding[]): string[] => findings.map(({ what, state }) => `${what} ${state}`);
/** The findings of one kind, with another record than in the good house; undefined: none. */
async function changed(
  what: string,
  other: Readonly<Record<string, DnsRecords[string] | undefined>>,
): Promise<readonly Finding[]> {
  const records = Object.fromEntries(
    Object.entries({ ...good, ...other }).filter((row): row is [string, DnsRecords[string]] => row[1] !== undefined),
  );
  return (await found(records)).filter((one) => one.what === what);
}

describe('S10: what a domain should publish', () => {
  it('is a zone that BIND would read, with all that is checked', async () => {
    const records = wantedRecords(facts);
    const zone = `$ORIGIN ${DOMAIN}.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\n${bindLines(records)}\n`;
    const { faults, records: read } = parseZoneFile(zone, { file: 'zone', origin: `${DOMAIN}.` });
    expect(faults).toEqual([]);
    expect(read).toHaveLength(2 + records.filter(({ isElsewhere }) => !isElsewhere).length);
    const written = (name: string) =>
      records.filter((one) => one.name === `${name}.`).map(({ type, data }) => `${type} ${data}`);
    expect(written(DOMAIN)).toEqual([`MX 10 ${HOST}.`, 'TXT "v=spf1 mx -all"']);
    expect(written(HOST)).toEqual([`A ${IP}`, 'TXT "v=spf1 a -all"']);
    expect(written('7.100.51.198.in-addr.arpa')).toEqual([`PTR ${HOST}.`]);
    expect(written(`_imaps._tcp.${DOMAIN}`)).toEqual([`SRV 0 1 993 ${HOST}.`]);
    expect(written(`r._domainkey.${DOMAIN}`)[0]).toMatch(/^TXT "v=DKIM1; k=rsa; p=[^"]*" "/);
    expect(bindLines(records)).toContain(';7.100.51.198.in-addr.arpa. 3600 IN PTR');
  });

  it('says what is missing on our side', () => {
    const notes = recordNotes(
      { ...facts, keys: [], isPublic: false, relayhost: '[smtp.isp.example]:587' },
      { isEnabled: false, areGiven: false },
    );
    expect(notes.join('\n')).toMatch(
      /dkim-sign is not enabled[\s\S]*no DKIM keys yet[\s\S]*proxy_interfaces[\s\S]*relayhost/,
    );
    const relayed = wantedRecords({ ...facts, relayhost: '[smtp.isp.example]:587' });
    expect(relayed.map(({ data }) => data)).toContain('"v=spf1 mx a:smtp.isp.example -all"');
    expect(recordNotes(facts, { isEnabled: true, areGiven: false })).toEqual([]);
  });

  it.each(['localhost', 'a b.example', '../x.example', ''])('%j is no domain', (name) => {
    expect(() => domainName(name)).toThrow('is no name of a domain');
  });
  it('a domain is named as people write it', () => {
    expect([domainName('Example.COM.'), domainName('邮件.example')]).toEqual(['example.com', 'xn--5nq051n.example']);
  });
});

describe('S10: what others see of a domain', () => {
  it('is well where all is published', async () => {
    expect(states(await found(good))).toEqual([
      ...[
        'MX ok',
        'address ok',
        'PTR ok',
        'SPF ok',
        'DKIM ok',
        'DKIM ok',
        'DMARC ok',
        'certificate advice',
        'TLS-RPT ok',
      ],
      'MTA-STS ok',
    ]);
  });

  it.each([
    ['MX', `mx ${DOMAIN}`, undefined, 'none', `${DOMAIN}. IN MX 10 ${HOST}.`],
    ['MX', `mx ${DOMAIN}`, ['10 other.example'], '10 other.example', `IN MX 10 ${HOST}.`],
    ['address', `a ${HOST}`, undefined, `${HOST} has none`, `${HOST}. IN A ${IP}`],
    ['address', `a ${HOST}`, ['203.0.113.1'], `${HOST} 203.0.113.1`, `${HOST}. IN A ${IP}`],
    ['address', `cname ${HOST}`, ['x.example'], `${HOST} is an alias of x.example`, 'MX must not name an alias'],
    ['PTR', `ptr ${IP}`, undefined, `${IP} has no name`, `set its reverse name to ${HOST}`],
    ['PTR', `ptr ${IP}`, ['dsl-7.isp.example'], `${IP} dsl-7.isp.example`, `set its reverse name to ${HOST}`],
    ['SPF', `txt ${DOMAIN}`, undefined, 'none', '"v=spf1 mx -all"'],
    ['SPF', `txt ${DOMAIN}`, ['v=spf1 -all'], `v=spf1 -all: ${IP} fail`, '"v=spf1 mx -all"'],
    ['SPF', `txt ${DOMAIN}`, ['v=spf1 mx -all', 'v=spf1 a -all'], '2 records', 'keep one; '],
    ['DKIM', `txt r._domainkey.${DOMAIN}`, undefined, `r._domainkey.${DOMAIN}: none`, 'IN TXT "v=DKIM1; k=rsa; p='],
    ['DKIM', `txt r._domainkey.${DOMAIN}`, ['v=DKIM1; p='], `r._domainkey.${DOMAIN}: revoked`, 'IN TXT "v=DKIM1'],
    ['DKIM', `txt r._domainkey.${DOMAIN}`, ['p=AAAA'], `r._domainkey.${DOMAIN}: another key`, 'IN TXT "v=DKIM1'],
    ['DMARC', `txt _dmarc.${DOMAIN}`, undefined, 'none', '"v=DMARC1; p=none;'],
    ['DMARC', `txt _dmarc.${DOMAIN}`, ['v=DMARC1; p=later'], 'v=DMARC1; p=later', '"v=DMARC1; p=none;'],
    ['MTA-STS', `txt _mta-sts.${DOMAIN}`, ['v=STSv1; id=old'], 'v=STSv1; id=old', '"v=STSv1; id=abc"'],
  ])('%s: %s %j', async (what, record, data, seen, todo) => {
    const [first] = await changed(what, { [record]: data });
    expect(first).toMatchObject({ state: 'wrong', seen });
    expect(first?.todo).toContain(todo);
  });

  it('a name server that lacks a key is named', async () => {
    const there = { ...good, [`txt e._domainkey.${DOMAIN}`]: ['p='] };
    const rows = (await found(good, {}, there)).filter(({ what }) => what === 'DKIM');
    expect(rows.map(({ seen }) => seen)).toEqual([
      `r._domainkey.${DOMAIN}`,
      `e._domainkey.${DOMAIN}: not on ns.example.com (192.0.2.53)`,
    ]);
  });

  it('no answer is not the same as nothing', async () => {
    const [mx] = await changed('MX', { [`mx ${DOMAIN}`]: 'tempfail' });
    expect(mx).toMatchObject({ state: 'unknown', seen: 'no answer: no answer' });
    const [spf] = await changed('SPF', { [`mx ${DOMAIN}`]: 'tempfail' });
    expect(spf?.state).toBe('unknown');
  });

  it('a certificate is for the name in MX, and valid', async () => {
    const other = [new X509Certificate(readFileSync((await temporaryFiles(['other.example'])).certFile))];
    const row = async (more: Partial<DomainFacts>) =>
      (await found(good, more)).find(({ what }) => what === 'certificate');
    expect(await row({ certificates: other })).toMatchObject({
      state: 'wrong',
      todo: `smtpd_tls_cert_file needs a certificate for ${HOST}`,
    });
    expect(await row({ certificates: [] })).toMatchObject({ state: 'wrong', seen: 'none' });
    const late = await checkDomain(facts, {
      ...{ resolver: resolverOf(good), serverAt: () => resolverOf(good) },
      now: Date.now() + 100 * 365 * 86_400_000,
    });
    expect(late.find(({ what }) => what === 'certificate')?.todo).toMatch(/^renew the certificate/);
  });
});
