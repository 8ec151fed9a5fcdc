/** The defaults that depend on the machine and on other values: names, networks, folders, alias tables. */

import type { PathResolver } from '../paths.ts';
import { expand } from './macro.ts';
import { type Interface, ownNetworks } from './own-networks.ts';
import { parameterRow } from './parameters.ts';
import type { ComputedDefault } from './parameters-reader.ts';

/**
 * Who may relay if a main.cf has neither of the two lists and no compatibility_level: as in the Postfix of its time
 * (before 2.10 this was the default of smtpd_recipient_restrictions), whereas Postfix 3.7 refuses service with such a
 * file.
 */
export const RELAY_WITHOUT_LISTS = 'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination';

export interface Machine {
  readonly directory: string;
  readonly hostname: string;
  readonly interfaces: readonly Interface[];
  readonly paths: Pick<PathResolver, 'exists'>;
}

export function computedDefaults(machine: Machine): ReadonlyMap<string, ComputedDefault> {
  const aliases: ComputedDefault = () => (machine.paths.exists('/etc/aliases') ? undefined : '');
  return new Map<string, ComputedDefault>([
    ['config_directory', () => machine.directory],
    // A host name without a domain gets mydomain's, as in Postfix.
    [
      'myhostname',
      (reader) =>
        machine.hostname.includes('.')
          ? machine.hostname
          : `${machine.hostname}.${reader.isSet('mydomain') ? '$mydomain' : 'localdomain'}`,
    ],
    [
      'mydomain',
      (reader) =>
        domainOfHost(expand('$myhostname', (name) => (name === 'mydomain' ? 'localdomain' : reader.raw(name)))),
    ],
    [
      'mynetworks',
      (reader) =>
        ownNetworks({
          style: reader.string('mynetworks_style'),
          inetInterfaces: reader.list('inet_interfaces'),
          protocols: reader.list('inet_protocols'),
          interfaces: machine.interfaces,
        }),
    ],
    [
      'smtpd_relay_restrictions',
      (reader) => {
        const usual = reader.expand(parameterRow('smtpd_relay_restrictions')?.default ?? '');
        return usual.trim() !== '' || reader.isSet('smtpd_recipient_restrictions') ? undefined : RELAY_WITHOUT_LISTS;
      },
    ],
    ['alias_maps', aliases],
    ['alias_database', aliases],
  ]);
}

/** A host name without its first label; a single label is in localdomain. */
function domainOfHost(hostname: string): string {
  const dot = hostname.indexOf('.');
  return dot < 0 ? 'localdomain' : hostname.slice(dot + 1);
}
