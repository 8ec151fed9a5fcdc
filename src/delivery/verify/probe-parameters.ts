/** main.cf as the router of probes reads it: `address_verify_transport_maps` for transport_maps, and so on. */
import type { ParameterReader } from '../../lookup/parameters.ts';
import { ownValue } from '../../own-value.ts';

const OF_PROBES: Readonly<Record<string, string>> = {
  default_transport: 'address_verify_default_transport',
  local_transport: 'address_verify_local_transport',
  relay_transport: 'address_verify_relay_transport',
  relayhost: 'address_verify_relayhost',
  sender_dependent_default_transport_maps: 'address_verify_sender_dependent_default_transport_maps',
  sender_dependent_relayhost_maps: 'address_verify_sender_dependent_relayhost_maps',
  transport_maps: 'address_verify_transport_maps',
  virtual_transport: 'address_verify_virtual_transport',
};

export function probeParameters(parameters: ParameterReader): ParameterReader {
  const { untyped } = parameters;
  const nameOf = (name: string): string => ownValue(OF_PROBES, name) ?? name;
  const reader: ParameterReader['untyped'] = {
    string: (name) => untyped.string(nameOf(name)),
    boolean: (name) => untyped.boolean(nameOf(name)),
    number: (name) => untyped.number(nameOf(name)),
    time: (name) => untyped.time(nameOf(name)),
    list: (name) => untyped.list(nameOf(name)),
  };
  return { ...reader, untyped: reader };
}
