import { describe, expect, test } from 'vitest';
import { parseResolvConf } from '../../src/config/resolv-conf.ts';

describe('B6: resolv.conf', () => {
  test('nameservers may have ports, keywords of the system are ignored', () => {
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

test('P17: domains for short names are those of the last search or domain', () => {
  const searchOf = (text: string) => parseResolvConf(text, 'f').search;
  expect(searchOf('domain a.b c.d\nsearch x.example. y.example # z\noptions rotate ndots:2\n')).toEqual({
    domains: ['x.example', 'y.example'],
    ndots: 2,
  });
  expect(searchOf('search x\ndomain a.b c.d\noptions ndots:99')).toEqual({ domains: ['a.b'], ndots: 15 });
  expect(searchOf('search a b c d e f g').domains).toHaveLength(6);
  expect(searchOf('nameserver 127.0.0.1')).toEqual({ domains: [], ndots: 1 });
});
