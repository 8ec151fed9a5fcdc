/** Networks in mynetworks may relay: obviously wrong ones are faults, large public ones are warnings. */
import { describe, expect, it } from 'vitest';
import { formatFault } from '../../../src/config/fault.ts';
import { checkNetworks } from '../../../src/config/postfix/check-networks.ts';
import { defaultGateway } from '../../../src/config/postfix/container-gateway.ts';
import { parametersOf, serviceOf } from '../../kit/parameters.ts';
import { openTables } from '../../kit/tables.ts';

const { tables } = openTables();

/** One of two services that share it; `set`: it is set in main.cf. */
function check(
  mynetworks: string,
  set = true,
  gateway: string | null = null,
): { faults: string[]; warnings: string[] } {
  const service = serviceOf(parametersOf({ mynetworks }), (name) =>
    set === (name === 'mynetworks') ? { file: 'main.cf', line: 4 } : undefined,
  );
  const { faults, warnings } = checkNetworks([service, { ...service, name: 'submission' }], 'main.cf', {
    tables,
    gateway,
  });
  return { faults: faults.map(formatFault), warnings: warnings.map(formatFault) };
}

describe('mynetworks', () => {
  it.each([
    ['127.0.0.0/8 0.0.0.0/0', '0.0.0.0/0'],
    ['[::]/0', '[::]/0'],
    ['::/0', '::/0'],
    ['!192.0.2.1, 0.0.0.0/0', '0.0.0.0/0'],
    ['0.0.0.0/1 128.0.0.0/1', '0.0.0.0/1 128.0.0.0/1'],
    ['static:all', 'static:all'],
    ['cidr:{{0.0.0.0/0 ok}}', 'cidr:{{0.0.0.0/0 ok}}'],
    ['regexp:{{/./ ok}}', 'regexp:{{/./ ok}}'],
  ])('"%s" covers everyone, a fault', (value, named) => {
    const { faults } = check(value);
    expect(faults).toEqual([
      `main.cf:4: mynetworks: "${named}" matches everyone: clients in mynetworks may relay; list your own networks, such as 127.0.0.0/8 192.0.2.0/24`,
    ]);
  });

  it.each([
    ['127.0.0.0/8 8.0.0.0/8', ['8.0.0.0/8']],
    ['10.0.0.0/7', ['10.0.0.0/7']],
    ['[2000::]/3', ['[2000::]/3']],
    ['203.0.0.0/15 198.51.0.0/16', ['203.0.0.0/15']],
  ])('"%s" holds a large public network, a warning', (value, named) => {
    expect(check(value)).toEqual({
      faults: [],
      warnings: named.map(
        (item) => `main.cf:4: mynetworks: "${item}" is a large public network: every client in it may relay`,
      ),
    });
  });

  it.each([
    '127.0.0.0/8 [::1]/128',
    '10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 [fc00::]/7',
    '203.0.113.0/24',
    '!0.0.0.0/0',
    'cidr:{{192.0.2.0/24 ok}}',
    '',
  ])('"%s" is accepted', (value) => {
    expect(check(value)).toEqual({ faults: [], warnings: [] });
  });

  it('the gateway of a container network is reported: all clients may come from there', () => {
    expect(check('127.0.0.0/8 172.16.0.0/12', true, '172.17.0.1').warnings).toEqual([
      'main.cf:4: mynetworks: "172.16.0.0/12" holds 172.17.0.1, the gateway of this container: if its host forwards ports through a proxy, all clients come from there and may relay',
    ]);
    expect(check('127.0.0.0/8 172.17.0.2/32', true, '172.17.0.1').warnings).toEqual([]);
    const routes =
      'Iface\tDestination\tGateway \tFlags\neth0\t00000000\t010011AC\t0003\neth0\t000011AC\t00000000\t0001\n';
    expect(defaultGateway(routes)).toBe('172.17.0.1');
    expect(defaultGateway('Iface\tDestination\tGateway\n')).toBeNull();
  });

  it('public neighbours included by mynetworks_style are reported; private networks and this machine are not', () => {
    expect(check('127.0.0.0/8 203.0.113.0/24 10.1.0.0/16 192.0.2.7/32', false).warnings).toEqual([
      'main.cf:4: mynetworks_style: trusts 203.0.113.0/24, which are public addresses: every client there may relay; "mynetworks_style = host" trusts only this machine',
    ]);
  });
});
