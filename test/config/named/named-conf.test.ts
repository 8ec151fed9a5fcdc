import { writeFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatFault } from '../../../src/config/fault.ts';
import { readNamed } from '../../../src/config/named/files.ts';
import { readNamedConf } from '../../../src/config/named/named-conf.ts';
import { PathResolver } from '../../../src/config/paths.ts';
import { type AddressMatch, matches } from '../../../src/protocol/dns/address-match.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';

const nowhere = { addresses: ['127.0.0.1'], networks: ['127.0.0.1/8'] };
const read = (text: string, others: Readonly<Record<string, string>> = {}) =>
  readNamedConf('/etc/named.conf', {
    read: (file) => {
      const found = file === '/etc/named.conf' ? text : others[file];
      if (found === undefined) throw new Error('file not found');
      return { file, text: found };
    },
    match: (pattern) => Object.keys(others).filter((file) => matchesGlob(file, pattern)),
  });
const allowed = (list: AddressMatch | undefined, ip: string): boolean => matches(list ?? [], ip, nowhere);

describe('named.conf', () => {
  it('property names of JavaScript objects are unknown options like others', () => {
    const { faults } = read(
      'constructor x { };\noptions { constructor 1; };\nzone "a.test" { type constructor; __proto__ 1; file "a"; };\n',
    );
    expect(faults.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      "1: unknown statement 'constructor'",
      "2: unknown option 'constructor'",
      '3: zone "a.test" has the unknown type \'constructor\': expected type primary (master) or secondary (slave)',
      "3: unknown zone option '__proto__'",
    ]);
  });

  it('B1: the tutorial file is parsed: listen-on, directory, zones, and comments of three kinds', () => {
    const { config, faults, warnings, notes } = read(`
// the third party
options {
        listen-on port 53 { 127.0.1.53; };  # an address
        directory "/var/named"; /* where
                                   the zones are */
};
zone "baidu.com" IN { type master; file "named.baidu.com"; };
zone "1.0.127.in-addr.arpa" IN { type slave; masters { 192.0.2.1; 192.0.2.2 port 5353; }; };
`);
    expect(faults).toEqual([]);
    expect([...warnings, ...notes]).toEqual([]);
    expect(config.listen).toHaveLength(1);
    expect(config.listen[0]).toMatchObject({
      family: 4,
      port: 53,
      match: [{ match: { kind: 'prefix', octets: [127, 0, 1, 53], bits: 32 } }],
    });
    expect(config.zones).toMatchObject([
      { name: 'baidu.com.', kind: 'primary', file: '/var/named/named.baidu.com', place: { line: 8 } },
      {
        name: '1.0.127.in-addr.arpa.',
        kind: 'secondary',
        file: null,
        primaries: [
          { address: '192.0.2.1', port: 53 },
          { address: '192.0.2.2', port: 5353 },
        ],
      },
    ]);
  });

  it('B1: acl, allow-transfer, also-notify and their defaults from options', () => {
    const { config, faults } = read(`
acl "friends" { 10.0.0.0/8; !10.9.9.9; };
options { allow-transfer { !10.1.1.1; friends; }; also-notify { 192.0.2.9; }; notify explicit; };
zone "a.test" { type primary; file "/z/a"; };
zone "b.test" { type primary; file "/z/b"; allow-transfer { none; }; allow-query { localnets; }; notify no; also-notify port 5300 { 192.0.2.8; }; };
zone "c.test" { type primary; file "/z/c"; allow-transfer { any; }; };
`);
    expect(faults).toEqual([]);
    const [a, b, c] = config.zones;
    expect([
      allowed(a?.allowTransfer, '10.2.2.2'),
      allowed(a?.allowTransfer, '10.1.1.1'),
      allowed(a?.allowTransfer, '11.0.0.1'),
    ]).toEqual([true, false, false]);
    expect([
      allowed(b?.allowTransfer, '10.2.2.2'),
      allowed(b?.allowQuery, '127.3.3.3'),
      allowed(b?.allowQuery, '192.0.2.1'),
    ]).toEqual([false, true, false]);
    expect(allowed(c?.allowTransfer, '2001:db8::1')).toBe(true);
    expect(allowed(c?.allowTransfer, 'no address')).toBe(false);
    expect([a?.alsoNotify, b?.alsoNotify, a?.notify, b?.notify]).toEqual([
      [{ address: '192.0.2.9', port: 53 }],
      [{ address: '192.0.2.8', port: 5300 }],
      true,
      false,
    ]);
  });

  it('by default no one may transfer a zone', () => {
    const { config } = read('zone "a.test" { type primary; file "/z/a"; };');
    expect(allowed(config.zones[0]?.allowTransfer, '127.0.0.1')).toBe(false);
    expect(allowed(config.zones[0]?.allowQuery, '203.0.113.1')).toBe(true);
  });

  it.each([
    ['', [4, 6]],
    ['listen-on-v6 { any; };', [6, 4]],
    ['listen-on-v6 { none; };', [6, 4]],
    ['listen-on { 127.0.0.1; };', [4]],
  ])('B1: with "%s" these families are listened on: %j', (option, families) => {
    const { config } = read(`options { ${option} };`);
    expect(config.listen.map(({ family }) => family)).toEqual(families);
  });

  it('B1: the files of the distributions are accepted, with one line for all options without effect', () => {
    const { config, faults, warnings, notes } = read(
      `
options {
  listen-on port 53 { 127.0.0.1; };
  listen-on-v6 port 53 { ::1; };
  directory "/var/named";
  dump-file "/var/named/data/cache_dump.db";
  statistics-file "/var/named/data/named_stats.txt";
  allow-query { localhost; };
  recursion yes;
  dnssec-validation yes;
};
logging { channel default_debug { file "data/named.run"; severity dynamic; }; };
zone "." IN { type hint; file "named.ca"; };
include "/etc/named.rfc1912.zones";
`,
      {
        '/etc/named.rfc1912.zones':
          'zone "localhost" IN { type master; file "named.localhost"; allow-update { none; }; };',
      },
    );
    expect(faults).toEqual([]);
    expect([...warnings, ...notes].map(formatFault)).toEqual([
      '/etc/named.conf:9: recursion: names outside our zones are never looked up for clients: such queries are refused',
      '/etc/named.conf:12: accepted without effect: logging, dump-file, statistics-file, dnssec-validation, allow-update',
    ]);
    expect(config.zones.map(({ name }) => name)).toEqual(['localhost.']);
    expect(config.listen.map(({ family }) => family)).toEqual([4, 6]);
  });

  it('all mistakes are reported at once, each with file, line and the nearest known name', () => {
    const { faults } = read(`
optoins { directory "/var/named"; };
options { lisen-on { any; }; listen-on port 99999 { 1.2.3; }; };
zone "a.test" IN { type mater; file "a"; };
zone "b.test" IN { type master; };
zone "c.test" IN { type slave; file "c"; };
zone "d.test" IN { type master; file "d"; alow-transfer { any; }; };
zone "d.test" IN { type master; file "d"; };
include "missing";
zone "e.test" IN { type master file "e"; };
`);
    expect(faults.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      "2: unknown statement 'optoins': did you mean options?",
      '9: /etc/missing: file not found',
      "3: unknown option 'lisen-on': did you mean listen-on?",
      '4: zone "a.test" has the unknown type \'mater\': expected type primary (master) or secondary (slave); did you mean master?',
      '5: zone "b.test": a primary zone needs file "…";',
      '6: zone "c.test": a secondary zone needs primaries { address; };',
      "7: unknown zone option 'alow-transfer': did you mean allow-transfer?",
      '10: zone "e.test" has the unknown type \'master\': expected type primary (master) or secondary (slave); did you mean master?',
      '8: zone "d.test." is given twice: first at /etc/named.conf:7',
      "3: '99999' is not a port: expected 1 to 65535",
      "3: '1.2.3': expected an address, a prefix such as 10.0.0.0/8, any, none, localhost, localnets or the name of an acl",
    ]);
  });

  it('include works in options and in zones, also with a pattern, relative to directory once it is set', () => {
    const { config, faults } = read(
      'include "*.first"; options { directory "/var/named"; include "options"; };\ninclude "zones/*.conf";\nzone "c.test" { include "/etc/c"; };\n',
      {
        '/etc/a.first': 'acl mine { 10.0.0.1; };',
        '/var/named/options': 'allow-query { mine; };',
        '/var/named/zones/a.conf': 'zone "a.test" { type primary; file "a"; };',
        '/var/named/zones/b.conf': 'zone "b.test" { type primary; file "b"; };',
        '/etc/c': 'type primary; file "c";',
      },
    );
    expect(faults).toEqual([]);
    expect(config.zones.map(({ name, file }) => [name, file])).toEqual([
      ['a.test.', '/var/named/a'],
      ['b.test.', '/var/named/b'],
      ['c.test.', '/var/named/c'],
    ]);
    expect(allowed(config.zones[2]?.allowQuery, '10.0.0.1')).toBe(true);
    expect(allowed(config.zones[2]?.allowQuery, '10.0.0.2')).toBe(false);
  });

  it('lists may be used before they are defined', () => {
    const { config, faults } = read(`
options { allow-query { mine; }; };
zone "a.test" { type slave; masters { servers; }; };
acl mine { more; };
acl more { 10.0.0.1; };
masters servers port 5353 { 192.0.2.1; 192.0.2.2 port 54; };
`);
    expect(faults).toEqual([]);
    expect(allowed(config.zones[0]?.allowQuery, '10.0.0.1')).toBe(true);
    expect(config.zones[0]?.primaries).toEqual([
      { address: '192.0.2.1', port: 5353 },
      { address: '192.0.2.2', port: 54 },
    ]);
  });

  it('a fault in an included file is reported with the name of the file that was read, not of the one requested', () => {
    const folder = temporaryFolder('named');
    writeFileSync(join(folder, 'named.conf'), 'include "/etc/bind/named.conf.options";\n');
    writeFileSync(join(folder, 'named.conf.options'), '\n\noptions { allow-transfer { key k; }; };\n');
    const { faults } = readNamed(join(folder, 'named.conf'), new PathResolver(folder));
    removeFolder(folder);
    expect(faults).toEqual([
      {
        file: join(folder, 'named.conf.options'),
        line: 3,
        message: 'keys are not supported: name the addresses instead',
      },
    ]);
  });

  it('port in options applies to all addresses without their own port', () => {
    const { config } = read(
      'options { listen-on { 127.0.0.1; }; also-notify { 192.0.2.1; 192.0.2.2 port 53; }; port 5353; };\nzone "a.test" { type primary; file "a"; };',
    );
    expect(config.listen[0]?.port).toBe(5353);
    expect(config.zones[0]?.alsoNotify.map(({ port }) => port)).toEqual([5353, 53]);
  });

  it('an option without effect that changes answers or security has its own line', () => {
    const { faults, warnings, notes, config } = read(`
options { blackhole { 192.0.2.0/24; }; rate-limit { responses-per-second 5; }; recursion no; allow-update { none; }; };
zone "a.test" { type primary; file "a"; inline-signing yes;
  dnssec-policy default; };
zone "b.test" { type primary; file "b"; inline-signing no; update-policy local; };
`);
    expect(faults).toEqual([]);
    const unsigned =
      'zone "a.test": zones are not signed here: the zone is served as in its file; sign it with dnssec-signzone before each reload';
    expect(config.losses.map(({ line, parameter, message }) => `${line}: ${parameter}: ${message}`)).toEqual([
      '2: blackhole: only allow-query and allow-transfer restrict clients: this list has no effect',
      '2: rate-limit: answers are not limited here: limit them at the firewall',
      `3: inline-signing: ${unsigned}`,
      `4: dnssec-policy: ${unsigned}`,
      '5: update-policy: zone "b.test": dynamic updates are refused here: change the zone file and reload',
    ]);
    expect(warnings).toBe(config.losses);
    expect(notes.map(formatFault)).toEqual([
      '/etc/named.conf:2: accepted without effect: recursion, allow-update, inline-signing',
    ]);
  });

  it('check-names and related options set how strictly a zone file is checked', () => {
    const { config, faults } = read(`
options { check-names primary ignore; check-integrity no; };
zone "a.test" { type primary; file "a"; };
zone "b.test" { type primary; file "b"; check-names warn; check-mx fail; check-integrity yes; };
`);
    expect(faults).toEqual([]);
    expect(
      config.zones.map(({ checks }) => [checks['check-names'], checks['check-mx'], checks['check-integrity']]),
    ).toEqual([
      ['ignore', 'warn', false],
      ['warn', 'fail', true],
    ]);
  });

  it.each([
    ['options {\n directory "/x";\n', '{ was never closed'],
    ['options { directory "/x; };\n', 'a quotation mark was never closed'],
    ['/* no end', 'a comment /* was never closed'],
    ['};', '} without {'],
    ['options { }\nzone "a.test" { type hint; };', "missing ';' after '}'"],
    ['{'.repeat(50), 'nested more than'],
    ['include "/etc/named.conf";', 'includes itself'],
  ])('the broken text %j is a fault, not an exception', (text, expected) => {
    const { faults } = read(text);
    expect(faults.map(({ message }) => message).join('\n')).toContain(expected);
  });
});
