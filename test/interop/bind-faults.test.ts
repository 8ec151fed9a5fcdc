/**
 * Compares the name server with a real BIND on faulty and unusual input: configurations, zone files, record data of
 * every type, messages. Both get the same files and the same octets.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNamed } from '../../src/config/named/files.ts';
import { PathResolver } from '../../src/config/paths.ts';
import { LENIENT_CHECKS, loadZone, PRIMARY_CHECKS, type ZoneChecks } from '../../src/protocol/dns/zone-check.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { jsonLines } from '../kit/json-lines.ts';
import { CONF_VARIANTS, DIFFERENCES, INCLUDED } from './conf-variants.ts';
import { dig } from './dig.ts';
import { type House, startInteropHouse } from './house.ts';
import { type Named, startNamed } from './named.ts';
import { ODD_QUERIES } from './odd-queries.ts';
import { run } from './program.ts';
import { askAll, BIT, describeAnswer, opt, type RawQuery } from './raw-dns.ts';
import { ZONE_VARIANTS } from './zone-variants.ts';

const folder = temporaryFolder('faults');
afterAll(() => removeFolder(folder));

/** Runs many short programs, two at a time. */
async function inTurns<T, R>(items: readonly T[], act: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await act(items[index] as T, index);
  };
  await Promise.all([worker(), worker()]);
  return results;
}

describe('configurations', () => {
  it('are accepted and refused as by named-checkconf, except for documented differences', async () => {
    const variants = Object.entries(CONF_VARIANTS);
    expect(variants.length).toBeGreaterThan(150);
    const wrong = await inTurns(variants, async ([name, text], index) => {
      const place = join(folder, `conf-${index}`);
      mkdirSync(join(place, 'inc'), { recursive: true });
      for (const [file, included] of Object.entries(INCLUDED)) writeFileSync(join(place, file), included);
      writeFileSync(join(place, 'named.conf'), `${text}\n`);
      const theirs = await run('named-checkconf', ['named.conf'], { cwd: place });
      const { faults } = readNamed(join(place, 'named.conf'), new PathResolver(place));
      const verdicts = {
        ours: faults.length === 0 ? 'accepts' : 'refuses',
        theirs: theirs.code === 0 ? 'accepts' : 'refuses',
      };
      const difference = DIFFERENCES[name];
      const expected = difference?.ours ?? verdicts.theirs;
      const stale = difference !== undefined && difference.ours === verdicts.theirs;
      return verdicts.ours === expected && !stale
        ? []
        : [{ name, ...verdicts, said: theirs.out.trim(), faults: faults.map(({ message }) => message) }];
    });
    expect(wrong.flat()).toEqual([]);
  });
});

describe('master files', () => {
  const verdicts = async (program: string, args: readonly string[], checks: ZoneChecks): Promise<unknown[]> => {
    const wrong = await inTurns(Object.entries(ZONE_VARIANTS), async ([name, text], index) => {
      const place = join(folder, `zone-${index}`);
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, 'zone'), text, 'latin1');
      writeFileSync(join(place, 'named.conf'), 'zone "example.com" { type primary; file "zone"; };\n');
      const theirs = await run(program, args, { cwd: place, encoding: 'latin1' });
      const read = (file: string): { file: string; text: string } => {
        if (file !== 'zone') throw new Error('file not found');
        return { file, text };
      };
      const ours = loadZone(text, { file: 'zone', origin: 'example.com.', read }, checks);
      const loaded = { ours: ours.zone !== null, theirs: theirs.code === 0 };
      return loaded.ours === loaded.theirs
        ? []
        : [{ name, ...loaded, said: theirs.out.trim(), faults: ours.faults.map(({ message }) => message) }];
    });
    return wrong.flat();
  };

  it('are loaded and refused as by named-checkzone', async () => {
    expect(Object.keys(ZONE_VARIANTS).length).toBeGreaterThan(200);
    expect(await verdicts('named-checkzone', ['-i', 'local', 'example.com', 'zone'], LENIENT_CHECKS)).toEqual([]);
  });

  it('are loaded and refused as by named itself, which is stricter about names', async () => {
    expect(await verdicts('named-checkconf', ['-z', 'named.conf'], PRIMARY_CHECKS)).toEqual([]);
  });
});

interface Vector {
  readonly type: string;
  readonly text: string;
  readonly error?: boolean;
}
const vectors = jsonLines<Vector>(new URL('../protocol/dns/golden/records.jsonl', import.meta.url)).filter(
  ({ error }) => error === undefined,
);
/** Types that are only valid at the top of a zone, or in no file at all. */
const PLACED: ReadonlySet<string> = new Set(['SOA', 'MD', 'MF']);

const SOA = '$TTL 1H\n@ IN SOA ns admin 1 1D 1H 1W 10M\n@ IN NS ns\nns IN A 192.0.2.1\n';
const ZONES: Readonly<Record<string, string>> = {
  'types.test': `${SOA}${vectors
    .filter(({ type }) => !PLACED.has(type))
    // The owner of an NSEC3 is a hash.
    .map(
      ({ type, text }, n) => `${type === 'NSEC3' ? `${String(n).padStart(4, '0')}0000` : `r${n}`} IN ${type} ${text}`,
    )
    .join('\n')}\n`,
  'example.com': `${SOA}www CNAME web
web A 192.0.2.80
out CNAME www.other.test.
far CNAME www.elsewhere.org.
ref CNAME host.sub.other.test.
gone CNAME nowhere.other.test.
back CNAME back.other.test.
dn DNAME other.test.
dnin DNAME web
*.wild CNAME www.other.test.
@ MX 10 mail
@ MX 20 mail.other.test.
mail A 192.0.2.25
mail AAAA 2001:db8::25
_25._tcp.mail TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_sip._tcp SRV 0 0 5060 mail
_sips._tcp SRV 0 0 5061 mail.other.test.
naptra NAPTR 1 1 "a" "" "" mail
naptrs NAPTR 1 1 "s" "" "" _sip._tcp
naptru NAPTR 1 1 "u" "" "" mail
naptrout NAPTR 1 1 "s" "" "" _sip._tcp.other.test.
svc SVCB 1 mail alpn=h2
svc0 SVCB 0 web
svc1 SVCB 1 . alpn=h2
svc1 A 192.0.2.91
https HTTPS 1 . alpn=h2
https A 192.0.2.90
https AAAA 2001:db8::90
https0 HTTPS 0 https
httpsalias HTTPS 0 www
httpsout HTTPS 1 www.other.test. alpn=h2
httpschain HTTPS 0 svcalias
svcalias HTTPS 1 mail alpn=h3
ring HTTPS 0 ring2
ring2 HTTPS 0 ring
cring CNAME cring2
cring2 CNAME cring
httpscring HTTPS 1 cring alpn=h2
httpsnone HTTPS 0 .
httpswild HTTPS 1 x.addr.wild2 alpn=h2
*.addr.wild2 A 192.0.2.77
httpsdn HTTPS 1 web.dnin alpn=h2
httpssub HTTPS 1 host.sub alpn=h2
afsdb AFSDB 1 mail
rt RT 1 mail
rtx RT 1 x25
x25 X25 "12345"
x25 ISDN "150862028003217"
kx KX 1 mail
px PX 1 mail web
lp LP 1 l64
l64 L64 1 1:2:3:4
l64 L32 1 10.1.2.3
l64 NID 1 1:2:3:4
rp RP mail web
nsapptr NSAP-PTR mail
sub NS ns.sub
sub NS ns.other.test.
ns.sub A 192.0.2.53
mxsub MX 10 host.sub
talink TALINK mail web
hip HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAQ== mail
uri URI 1 1 "https://mail.example.com/"
amt AMTRELAY 10 0 3 mail
ipsec IPSECKEY 10 3 2 mail AQNR
minfo MINFO mail web
mb MB mail
mg MG mail
`,
  'other.test': `${SOA}www A 192.0.2.200
mail A 192.0.2.201
_sip._tcp SRV 0 0 5060 mail
back CNAME www.example.com.
sub NS ns.sub
ns.sub A 192.0.2.202
`,
};

const ASKED: readonly (readonly [name: string, types: string])[] = [
  ['www', 'A CNAME ANY'],
  ['out', 'A AAAA CNAME ANY MX'],
  ['far', 'A'],
  ['ref', 'A'],
  ['gone', 'A MX'],
  ['back', 'A'],
  ['x.dn', 'A CNAME'],
  ['www.dn', 'A CNAME ANY'],
  ['x.dnin', 'A'],
  ['dn', 'A DNAME'],
  ['x.wild', 'A CNAME'],
  ['@', 'MX NS SOA ANY TXT'],
  ['mail', 'A AAAA MX TLSA'],
  ['_sip._tcp', 'SRV'],
  ['_sips._tcp', 'SRV'],
  ['naptra', 'NAPTR'],
  ['naptrs', 'NAPTR'],
  ['naptru', 'NAPTR'],
  ['naptrout', 'NAPTR'],
  ['svc', 'SVCB'],
  ['svc0', 'SVCB'],
  ['svc1', 'SVCB'],
  ['https', 'HTTPS A'],
  ['https0', 'HTTPS'],
  ['httpsalias', 'HTTPS'],
  ['httpsout', 'HTTPS'],
  ['httpschain', 'HTTPS'],
  ['svcalias', 'HTTPS'],
  ['ring', 'HTTPS'],
  ['httpscring', 'HTTPS'],
  ['httpsnone', 'HTTPS'],
  ['httpswild', 'HTTPS'],
  ['httpsdn', 'HTTPS'],
  ['httpssub', 'HTTPS'],
  ['cring', 'A'],
  ['afsdb', 'AFSDB'],
  ['rt', 'RT'],
  ['rtx', 'RT'],
  ['kx', 'KX'],
  ['px', 'PX'],
  ['lp', 'LP'],
  ['rp', 'RP'],
  ['nsapptr', 'NSAP-PTR'],
  ['sub', 'A NS DS'],
  ['x.sub', 'A'],
  ['mxsub', 'MX'],
  ['talink', 'TALINK'],
  ['hip', 'HIP'],
  ['uri', 'URI'],
  ['amt', 'AMTRELAY'],
  ['ipsec', 'IPSECKEY'],
  ['minfo', 'MINFO'],
  ['mb', 'MB'],
  ['mg', 'MG'],
];

/** Queries that we answer differently on purpose. */
const OUR_OWN: Readonly<Record<string, string>> = {
  'class CH version.bind':
    'with version none BIND has a zone version.bind without the text; we have no such zone, and refuse',
  'EDNS and class CH': 'the same',
  'a notify of another class': 'BIND says nothing; an answer ends the tries of who asked',
  'an update of another class': 'the same',
};

describe('messages', () => {
  let house: House;
  let bind: Named;

  beforeAll(async () => {
    const files = { ...ZONES, 'faulty.test': `${SOA}www A 300.1.1.1\n` };
    const zones = Object.keys(files)
      .map((name) => `zone "${name}" { type primary; file "${name}"; allow-transfer { any; }; };\n`)
      .join('');
    bind = await startNamed({ files, zones, options: 'version none;', mayFail: true });
    house = await startInteropHouse({
      files: {
        'named.conf': `options { listen-on port 53 { 127.0.0.1; }; recursion no; check-names primary ignore; check-integrity no; };\n${zones}`,
        ...files,
      },
    });
  });
  afterAll(async () => {
    await house?.stop();
    await bind?.stop();
  });

  const compare = async (queries: Readonly<Record<string, RawQuery>>): Promise<string[]> => {
    const list = Object.values(queries);
    const [theirs, ours] = await Promise.all([askAll(bind.port, list, 2000), askAll(house.port(53), list, 2000)]);
    return Object.keys(queries).flatMap((name, i) => {
      const [a, b] = [describeAnswer(ours[i] ?? null), describeAnswer(theirs[i] ?? null)];
      if (name in OUR_OWN) return [];
      return [
        ...a.filter((line) => !b.includes(line)).map((line) => `${name}: only ours has ${line}`),
        ...b.filter((line) => !a.includes(line)).map((line) => `${name}: only BIND has ${line}`),
      ];
    });
  };

  it('in every unusual form get the same answer, header bit for header bit', async () => {
    expect(await compare(ODD_QUERIES)).toEqual([]);
  });

  const chains = (query: RawQuery): Readonly<Record<string, RawQuery>> =>
    Object.fromEntries(
      ASKED.flatMap(([name, types]) =>
        types
          .split(' ')
          .map((type) => [
            `${name} ${type}`,
            { ...query, name: name === '@' ? 'example.com.' : `${name}.example.com.`, type },
          ]),
      ),
    );

  it.each([
    ['without RD', {}],
    ['with RD', { bits: BIT.rd }],
    ['with EDNS and DO', { counts: [1, 0, 0, 1], more: opt([], { flags: 0x8000 }) }],
    ['with RD, EDNS and DO', { bits: BIT.rd, counts: [1, 0, 0, 1], more: opt([], { flags: 0x8000 }) }],
  ] satisfies [string, RawQuery][])(
    'that lead to other zones get the same records in every section, %s',
    async (_how, query) => {
      expect(await compare(chains(query))).toEqual([]);
    },
  );

  it('carry every type of record in the same octets', async () => {
    const records = async (port: number): Promise<string[]> =>
      (await dig(port, 'types.test', 'AXFR', '+noall', '+answer', '+onesoa', '+unknownformat'))
        .trim()
        .split('\n')
        .map((line) => line.replace(/\s+/g, ' '))
        .map((line) =>
          line.replace(/(\\# \d+) (.*)$/, (_, length: string, hex: string) => `${length} ${hex.replaceAll(' ', '')}`),
        )
        .sort();
    const ours = await records(house.port(53));
    expect(ours.length).toBeGreaterThan(150);
    expect(ours).toEqual(await records(bind.port));
  });
});
