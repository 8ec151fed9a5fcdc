import { expect, it } from 'vitest';
import { listenAddresses } from '../../../src/config/postfix/own-networks.ts';

it.each([
  [['loopback-only'], ['all'], true, ['127.0.0.1', '::1']],
  [['loopback-only'], ['all'], false, ['127.0.0.1']],
  [['all'], ['all'], false, ['0.0.0.0']],
  // An explicitly configured protocol is tried, and its failure reported.
  [['loopback-only'], ['ipv6'], false, ['::1']],
  [['all'], ['ipv4', 'ipv6'], false, ['0.0.0.0', '::']],
  [['127.0.0.1', '[::1]'], ['all'], false, ['127.0.0.1', '::1']],
])(
  'P2: inet_interfaces %j with inet_protocols %j, IPv6 here: %j, is %j',
  (interfaces, protocols, hasIpv6, addresses) => {
    expect(listenAddresses(interfaces, protocols, hasIpv6)).toEqual(addresses);
  },
);
