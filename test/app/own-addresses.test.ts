/** Which addresses are our own. */
import { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { ownAddresses } from '../../src/app/own-addresses.ts';
import type { Service } from '../../src/config/configuration.ts';
import { parametersOf } from '../kit/parameters.ts';

const addressesOf = (addresses: readonly string[], settings: Readonly<Record<string, string>> = {}): string[] => {
  const parameters = parametersOf(settings);
  const service: Service = {
    name: 'smtp',
    addresses,
    port: 25,
    lmtp: false,
    socket: null,
    wrapperMode: false,
    proxied: null,
    maxSessions: 1,
    setAt: () => undefined,
    parameters,
  };
  return ownAddresses({ services: [service, service], parameters });
};

it('P17: inet_interfaces = all means every address of this machine, so an MX that leads back to us is detected', () => {
  const machine = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  expect(new Set(addressesOf(['0.0.0.0']))).toEqual(
    new Set(machine.filter(({ family }) => family === 'IPv4').map(({ address }) => address)),
  );
  expect(addressesOf(['0.0.0.0'])).toContain('127.0.0.1');
});

it('explicit addresses are used as they are, along with those of a proxy or NAT', () => {
  expect(addressesOf(['192.0.2.7'])).toEqual(['192.0.2.7']);
  expect(addressesOf(['192.0.2.7'], { proxy_interfaces: '198.51.100.1, [2001:db8::1]' })).toEqual([
    '192.0.2.7',
    '198.51.100.1',
    '2001:db8::1',
  ]);
});
