import { describe, expect, it } from 'vitest';
import { readNamedConf } from '../../src/config/named-conf.ts';
import { type AddressMatch, matches } from '../../src/protocol/dns/address-match.ts';

const nowhere = { addresses: ['127.0.0.1'], networks: ['127.0.0.1/8'] };
const read = (text: string, others: Readonly<Record<string, string>> = {}) =>
  readNamedConf('/etc/named.conf', (file) => {
    const found = file === '/etc/named.conf' ? text : others[file];
    if (found === undefined) throw new Error('file not found');
    return found;
  });
const allowed = (list: AddressMatch | undefined, ip: string): boolean => matches(list ?? [], ip, nowhere);

describe('named.conf', () => {
  it('B1: the tutorial file is read: listen-on, directory, zones, comments of three kinds', () => {
    const { config, faults, warnings } = read(`
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
    expect(warnings).toEqual([]);
    expect(config.listen).toHaveLength(1);
    expect(config.listen[0]).toMatchObject({ family: 4, port: 53, match: [{ match: { kind: 'prefix', octets: [127, 0, 1, 53], bits: 32 } }] });
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
    expect([allowed(a?.allowTransfer, '10.2.2.2'), allowed(a?.allowTransfer, '10.1.1.1'), allowed(a?.allowTransfer, '11.0.0.1')]).toEqual([true, false, false]);
    expect([allowed(b?.allowTransfer, '10.2.2.2'), allowed(b?.allowQuery, '127.3.3.3'), allowed(b?.allowQuery, '192.0.2.1')]).toEqual([false, true, false]);
    expect(allowed(c?.allowTransfer, '2001:db8::1')).toBe(true);
    expect(allowed(c?.allowTransfer, 'no address')).toBe(false);
    expect([a?.alsoNotify, b?.alsoNotify, a?.notify, b?.notify]).toEqual([
      [{ address: '192.0.2.9', port: 53 }],
      [{ address: '192.0.2.8', port: 5300 }],
      true,
      false,
    ]);
  });

  it('nobody may transfer a zone where nothing is said', () => {
    const { config } = read('zone "a.test" { type primary; file "/z/a"; };');
    expect(allowed(config.zones[0]?.allowTransfer, '127.0.0.1')).toBe(false);
    expect(allowed(config.zones[0]?.allowQuery, '203.0.113.1')).toBe(true);
  });

  it('B1: what the distributions ship is taken, with one warning for all that has no effect', () => {
    const { config, faults, warnings } = read(
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
      { '/etc/named.rfc1912.zones': 'zone "localhost" IN { type master; file "named.localhost"; allow-update { none; }; };' },
    );
    expect(faults).toEqual([]);
    expect(warnings).toEqual(['/etc/named.conf:6: taken without effect: dump-file, statistics-file, recursion, dnssec-validation, logging, allow-update']);
    expect(config.zones.map(({ name }) => name)).toEqual(['localhost.']);
    expect(config.listen.map(({ family }) => family)).toEqual([4, 6]);
  });

  it('all mistakes are told at once, each with file, line and the nearest known name', () => {
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
      "3: unknown option 'lisen-on': did you mean listen-on?",
      "3: '99999' is no port: expected 1 to 65535",
      "3: '1.2.3': expected an address, a prefix such as 10.0.0.0/8, any, none, localhost, localnets or an acl made before",
      '9: /etc/missing: file not found',
      '4: zone "a.test" has the unknown type \'mater\': expected type primary (master) or secondary (slave); did you mean master?',
      '5: zone "b.test": a primary zone needs file "…";',
      '6: zone "c.test": a secondary zone needs primaries { address; };',
      "7: unknown zone option 'alow-transfer': did you mean allow-transfer?",
      expect.stringContaining('10: '),
      expect.stringContaining('10: '),
      '8: zone "d.test." is given twice',
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
