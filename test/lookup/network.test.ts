import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { compileNetworks, networkFault, parseNetwork } from '../../src/lookup/network.ts';
import { openTables } from '../kit/tables.ts';

const matcher = (items: readonly string[]) =>
  compileNetworks(items, { tables: openTables().tables, parentMatches: true });

describe('P2: mynetworks', () => {
  test.each([
    [['127.0.1.0/29'], '127.0.1.7', true],
    [['127.0.1.0/29'], '127.0.1.8', false],
    [['127.0.1.0/29'], '::ffff:127.0.1.7', true],
    [['10.0.0.5'], '10.0.0.5', true],
    [['[2001:db8::]/32', '[::1]/128'], '2001:db8:1::9', true],
    [['2001:db8::/32'], '2001:db9::', false],
    [['!10.1.0.0/16', '10.0.0.0/8'], '10.1.2.3', false],
    [['!10.1.0.0/16', '10.0.0.0/8'], '10.2.2.3', true],
    [['cidr:{{192.0.2.0/24 OK}}'], '192.0.2.9', true],
    [['!inline:{192.0.2.9=x}', '192.0.2.0/24'], '192.0.2.9', false],
    [['[::ffff:127.0.0.0]/104'], '127.9.9.9', true],
    [['0.0.0.0/0'], '::1', false],
    [['mail.example', '.other.example'], '192.0.2.1', false],
    [[], '127.0.0.1', false],
    [['127.0.0.0/8'], 'not an address', false],
  ])('%j has %s: %s', async (items, ip, expected) => {
    expect(await matcher(items)(ip)).toBe(expected);
  });

  test('host names are compared with the confirmed name of the client', async () => {
    expect(await matcher(['mail.example'])('192.0.2.1', 'Mail.Example')).toBe(true);
    expect(await matcher(['example'])('192.0.2.1', 'mail.example')).toBe(true);
    expect(await matcher(['.example'])('192.0.2.1', 'example')).toBe(false);
    expect(await matcher(['mail.example'])('192.0.2.1', 'unknown')).toBe(false);
  });

  test.each(['10.0.0.1/8', '300.1.1.1', '10.0.0.0/33', '1.2.3', '[::1', '[2001:db8::1]/32', '010.0.0.1'])(
    '%s is a fault',
    (item) => {
      expect(networkFault(item)).toBeTypeOf('string');
      expect(() => matcher([item])).toThrow();
    },
  );

  test('host bits are reported with the network that was meant', () => {
    expect(parseNetwork('10.1.2.3/24')).toContain('did you mean 10.1.2.0/24?');
    expect(parseNetwork('[2001:db8::1]/32')).toContain('did you mean [2001:db8::]/32?');
  });

  test('any item is a network, a name or a fault', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('1', '0', '.', ':', '[', ']', '/', '!', 'a', 'f', '255'), maxLength: 16 }),
        (item) => {
          expect(['string', 'undefined']).toContain(typeof networkFault(item));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('P6: cidr tables', () => {
  const path = join(tmpdir(), `posthorn-cidr-${process.pid}`);

  afterAll(() => rmSync(path, { force: true }));
  // The answers are those of `postmap -q` of Postfix 3.7.
  test.each([
    ['192.168.1.1', 'exact'],
    ['192.168.1.7', 'net'],
    ['10.1.2.3', 'ten12'],
    ['10.1.9.9', 'ten1'],
    ['10.2.2.2', 'ten'],
    ['2001:db8::1', 'v6'],
    ['2001:db9::1', 'v6all'],
    ['11.1.1.1', 'not10'],
    ['mail.example', undefined],
  ])('%s is answered with %s', async (key, answer) => {
    writeFileSync(
      path,
      '192.168.1.1   exact\n192.168.1.0/24   net\n!10.0.0.0/8 not10\nif 10.1.0.0/16\n10.1.2.0/24  ten12\n10.1.0.0/16 ten1\nendif\n[2001:db8::]/32 v6\n::/0 v6all\n10.0.0.0/8 ten\n',
    );
    expect(await openTables().tables.open(`cidr:${path}`).get(key)).toBe(answer);
  });
});
