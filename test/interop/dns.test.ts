/**
 * Compares the name server with a real BIND by dig: the same zone files, the same questions over the wire, the same
 * answers; and each of the two as secondary of the other.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, ask, dig } from './dig.ts';
import { type House, startInteropHouse } from './house.ts';
import { type Named, startNamed } from './named.ts';
import { freePort, run, until } from './program.ts';

const lab = (name: string): string => readFileSync(new URL(`../../lab/dns/${name}`, import.meta.url), 'utf8');
const golden = (name: string): string =>
  readFileSync(new URL(`../protocol/dns/golden/zones/${name}`, import.meta.url), 'utf8');

const ZONES: Readonly<Record<string, string>> = {
  'baidu.com': lab('named.baidu.com'),
  'qq.com': lab('named.qq.com'),
  '1.0.127.in-addr.arpa': lab('named.127.0.1'),
  'example.com': golden('db.nsec'),
  // The same zone as the previous one, but not signed.
  'example.net': golden('db.example')
    // BIND removes the quotes of a $GENERATE line and reads their contents as several texts.
    .replace(/^.* mid TXT .*\n/m, '')
    .replaceAll('example.net', 'example.org')
    .replaceAll('example.com', 'example.net'),
  'child.example.com': golden('db.sub'),
};

const statements = (zones: readonly string[], more = ''): string =>
  zones.map((zone) => `zone "${zone}" IN { type master; file "${zone}"; ${more} };\n`).join('');

/** Intended differences. */
const OUR_OWN: Readonly<Record<string, string>> = {
  'y.x.star.example.com. SOA':
    'BIND lets nobody remember this one denial, of an empty wildcard in a signed zone (zero-no-soa-ttl); in a zone without signatures it does',
};

/** What only one of the two answers contains, as lines that name the question, the section and the server. */
function difference(ours: Answer, theirs: Answer | undefined): string[] {
  const lines = (answer: Answer | undefined): string[] =>
    answer === undefined
      ? []
      : [
          `status ${answer.status}`,
          `flags ${answer.flags}`,
          ...(['answer', 'authority', 'additional'] as const).flatMap((section) =>
            answer[section].map((record) => `${section} ${record}`),
          ),
        ];
  const [a, b] = [lines(ours), lines(theirs)];
  return [
    ...a.filter((line) => !b.includes(line)).map((line) => `${ours.question}: only ours has ${line}`),
    ...b.filter((line) => !a.includes(line)).map((line) => `${ours.question}: only BIND has ${line}`),
  ];
}

describe('the same zones in BIND', () => {
  let house: House;
  let bind: Named;

  beforeAll(async () => {
    bind = await startNamed({ files: ZONES, zones: statements(Object.keys(ZONES), 'allow-transfer { any; };') });
    const conf = `options { listen-on port 53 { 127.0.0.1; }; check-names primary ignore; check-integrity no; };\n${statements(Object.keys(ZONES))}`;
    house = await startInteropHouse({ files: { 'named.conf': conf, ...ZONES } });
  });
  afterAll(async () => {
    await house?.stop();
    await bind?.stop();
  });

  const TYPES = ['SOA', 'NS', 'MX', 'A', 'AAAA', 'PTR', 'CNAME', 'TXT', 'SRV', 'ANY', 'DS', 'TYPE731'];
  const NAMES: Readonly<Record<string, readonly string[]>> = {
    "the lab's zones": [
      ...[
        'baidu.com',
        'mail.baidu.com',
        'www.baidu.com',
        'www2.baidu.com',
        'ns.baidu.com',
        'nowhere.baidu.com',
        'a.b.baidu.com',
        'WwW2.BAIDU.com',
      ],
      ...[
        'qq.com',
        'mail.qq.com',
        'web.qq.com',
        '1.0.127.in-addr.arpa',
        '134.1.0.127.in-addr.arpa',
        '128.1.0.127.in-addr.arpa',
        '80.1.0.127.in-addr.arpa',
      ],
      ...['7.1.0.127.in-addr.arpa', 'elsewhere.org', '.'],
    ],
    'a zone with CNAME chains, wildcards, DNAME and delegations': [
      ...[
        '',
        'www',
        'alias1',
        'alias3',
        'loop1',
        'self',
        'ext',
        'far',
        'cut',
        'wildc',
        'foo.wild',
        'a.b.wild',
        'wild',
        'x.cwild',
        'ent',
        'c.ent',
        'q.ent',
      ],
      ...[
        'x.*.star',
        'y.x.star',
        'sub',
        'host.sub',
        'ns.sub',
        'mx.sub',
        'deep.host.sub2',
        'ns.sub2',
        '_sip._tcp',
        'dn',
        'www.dn',
        'dnin',
        'a.dnin',
        'txtlong',
      ],
      ...['big', 'mid', 'https', 'svc', 'naptr', 'odd', 'tlsa', 'rp', 'nullmx', 'mxcname', 'nowhere'],
    ].flatMap((label) => [`${label}${label && '.'}example.com`, `${label}${label && '.'}example.net`]),
  };
  const MODES: readonly (readonly [name: string, options: readonly string[]])[] = [
    ['over UDP without EDNS', ['+noedns']],
    ['with EDNS', ['+edns']],
    ['with DNSSEC records over TCP', ['+dnssec', '+tcp']],
    ['over TCP', ['+tcp']],
  ];

  for (const [what, names] of Object.entries(NAMES))
    it.each(MODES)(`B3: dig gets the same from both: ${what}, %s`, async (_mode, options) => {
      const questions = names.flatMap((name) => TYPES.map((type) => `${name === '.' ? '.' : `${name}.`} ${type}`));
      const [theirs, ours] = await Promise.all([
        ask(bind.port, questions, ...options),
        ask(house.port(53), questions, ...options),
      ]);
      expect(ours.length).toBeGreaterThan(200);
      expect(ours.flatMap((answer, n) => (answer.question in OUR_OWN ? [] : difference(answer, theirs[n])))).toEqual(
        [],
      );
    });

  it('B3: dig -x finds several names of one address', async () => {
    expect((await dig(house.port(53), '-x', '127.0.1.134', '+short')).trim().split('\n').sort()).toEqual([
      'mail.baidu.com.',
      'ns.baidu.com.',
    ]);
  });

  it('B4: a transfer is refused unless it is allowed', async () => {
    expect(await dig(house.port(53), 'baidu.com', 'AXFR')).toContain('; Transfer failed.');
  });

  it('B4: an unknown EDNS option or version causes no harm', async () => {
    expect(await dig(house.port(53), 'baidu.com', 'MX', '+edns=1', '+noednsneg')).toContain('status: BADVERS');
    expect(
      await dig(house.port(53), 'baidu.com', 'MX', '+ednsopt=65001:00ff', '+nsid', '+subnet=192.0.2.0/24'),
    ).toContain('mail.baidu.com.');
    expect(await dig(house.port(53), 'baidu.com', 'MX', '+cookie')).toContain('status: NOERROR');
    expect(await dig(house.port(53), 'baidu.com', 'MX', '+header-only', '+qr')).toMatch(/status: (?:FORMERR|NOERROR)/);
    expect(await dig(house.port(53), 'baidu.com', 'MX', '+opcode=notify')).toContain('status: FORMERR');
    expect(await dig(house.port(53), 'example.org', 'SOA', '+opcode=notify')).toContain('status: NOTAUTH');
  });

  it('B4: many questions in a row work over one TCP connection', async () => {
    const out = await dig(
      house.port(53),
      '+tcp',
      '+keepopen',
      '+short',
      'mail.baidu.com',
      'A',
      'web.qq.com',
      'A',
      'baidu.com',
      'MX',
    );
    expect(out.trim().split('\n')).toEqual(['127.0.1.134', 'www.qq.com.', '127.0.1.81', '10 mail.baidu.com.']);
  });
});

const zoneText = (serial: number, address: string): string =>
  `$TTL 300\n@ IN SOA ns admin ( ${serial} 3600 600 86400 60 )\n  NS ns\n  MX 10 mail\nns A 127.0.0.1\nmail A ${address}\n$GENERATE 1-3000 host$ A 10.1.0.1\n`;

const serialAt = async (port: number, zone: string): Promise<string> =>
  (
    await run('dig', ['@127.0.0.1', '-p', String(port), '+tries=1', '+time=2', '+short', '+norec', zone, 'SOA'])
  ).out.split(' ')[2] ?? '';

describe('B4: zone transfers in both directions', () => {
  let house: House;
  let bind: Named;
  const ZONE = 'transfer.example';
  const BACK = 'back.example';

  beforeAll(async () => {
    const bindPort = await freePort();
    house = await startInteropHouse({
      files: {
        'named.conf':
          'options { listen-on port 53 { 127.0.0.1; }; };\n' +
          `zone "${ZONE}" { type master; file "${ZONE}"; allow-transfer { 127.0.0.1; }; also-notify { 127.0.0.1 port ${bindPort}; }; };\n` +
          `zone "${BACK}" { type slave; file "slaves.${BACK}"; masters { 127.0.0.1 port ${bindPort}; }; };\n`,
        [ZONE]: zoneText(1, '192.0.2.1'),
      },
    });
    bind = await startNamed({
      port: bindPort,
      files: { [BACK]: zoneText(7, '192.0.2.7') },
      zones:
        `zone "${ZONE}" { type secondary; file "${ZONE}.copy"; masterfile-format text; primaries { 127.0.0.1 port ${house.port(53)}; }; allow-transfer { any; }; };\n` +
        `zone "${BACK}" { type primary; file "${BACK}"; allow-transfer { 127.0.0.1; }; also-notify { 127.0.0.1 port ${house.port(53)}; }; };\n`,
    });
  });
  afterAll(async () => {
    await house?.stop();
    await bind?.stop();
  });

  const records = async (port: number, zone: string): Promise<string[]> =>
    (await dig(port, zone, 'AXFR', '+noall', '+answer', '+onesoa'))
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' '))
      .sort();

  it('a real BIND transfers the whole zone, and serves the same', async () => {
    await until('the first transfer', async () => (await serialAt(bind.port, ZONE)) === '1');
    const ours = await records(house.port(53), ZONE);
    expect(ours).toHaveLength(3005);
    expect(await records(bind.port, ZONE)).toEqual(ours);
  });

  it('BIND is notified of a new serial after a reload, and transfers the zone', async () => {
    writeFileSync(join(house.folders.config, ZONE), zoneText(2, '192.0.2.2'));
    await house.command(['reload']);
    await until('the second transfer', async () => (await serialAt(bind.port, ZONE)) === '2');
    expect(bind.said()).toContain(`received notify for zone '${ZONE}'`);
    expect(await dig(bind.port, '+short', `mail.${ZONE}`, 'A')).toBe('192.0.2.2\n');
  });

  it('Posthorn is a secondary of BIND', async () => {
    await until('the transfer from BIND', async () => (await serialAt(house.port(53), BACK)) === '7');
    expect(await dig(house.port(53), '+short', `host3000.${BACK}`, 'A')).toBe('10.1.0.1\n');
  });
});
