import { describe, expect, test } from 'vitest';
import { parseResolvConf } from '../../src/config/resolv-conf.ts';

describe('B6: resolv.conf', () => {
  test('nameservers may have ports, other keywords are ignored', () => {
    const { nameservers, faults } = parseResolvConf(
      '# c\nsearch a.b\nnameserver 127.0.1.53\nnameserver 127.0.0.1:5353 ; x\nnameserver [::1]:54\nnameserver ::1\noptions ndots:1\n',
      'f',
    );
    expect(faults).toEqual([]);
    expect(nameservers).toEqual([
      { address: '127.0.1.53', port: 53 },
      { address: '127.0.0.1', port: 5353 },
      { address: '::1', port: 54 },
      { address: '::1', port: 53 },
    ]);
  });

  test('an invalid address is a fault, each with its line', () => {
    const { faults } = parseResolvConf(
      'nameserver 1.2.3\nnamesrver 1.2.3.4\nnameserver 1.2.3.4:99999\nnameserver\n',
      'f',
    );
    expect(faults.map((it) => it.line)).toEqual([1, 2, 3, 4]);
  });
});
