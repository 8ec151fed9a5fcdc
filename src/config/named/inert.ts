/**
 * For each named.conf option without effect here, what it would have done in BIND, if its loss changes an answer or
 * reduces security: one line each, with its location. All other such options are listed in one line.
 */

import { ownValue } from '../../own-value.ts';
import type { Fault } from '../fault.ts';
import { isOn } from './options.ts';
import type { Statement } from './syntax.ts';

const UNSIGNED =
  'zones are not signed here: the zone is served as in its file; sign it with dnssec-signzone before each reload';
const NO_UPDATES = 'dynamic updates are refused here: change the zone file and reload';
const NO_RECURSION = 'names outside our zones are never looked up for clients: such queries are refused';
const NO_FORWARDING = 'client queries are never forwarded; for mail, the name servers are those of resolv.conf';
const NOT_KEPT_OUT = 'only allow-query and allow-transfer restrict clients: this list has no effect';
const WRITTEN_ELSEWHERE = 'zones are only read from text master files: the zone cannot be read from anything else';
const NOT_FILTERED = 'answers are not modified here: they contain what the zone file contains';

/** Option to its effect in BIND. */
const MEANINGS: Readonly<Record<string, string>> = {
  'dnssec-policy': UNSIGNED,
  'inline-signing': UNSIGNED,
  'auto-dnssec': UNSIGNED,
  'allow-update': NO_UPDATES,
  'update-policy': NO_UPDATES,
  'allow-update-forwarding': NO_UPDATES,
  recursion: NO_RECURSION,
  'allow-recursion': NO_RECURSION,
  'allow-recursion-on': NO_RECURSION,
  'allow-query-cache': NO_RECURSION,
  'allow-query-cache-on': NO_RECURSION,
  forwarders: NO_FORWARDING,
  forward: NO_FORWARDING,
  'dual-stack-servers': NO_FORWARDING,
  blackhole: NOT_KEPT_OUT,
  'allow-query-on': NOT_KEPT_OUT,
  'rate-limit': 'answers are not limited here: limit them at the firewall',
  'allow-notify': 'NOTIFY is only accepted from the primaries of a zone',
  'masterfile-format': WRITTEN_ELSEWHERE,
  database: WRITTEN_ELSEWHERE,
  dlz: WRITTEN_ELSEWHERE,
  'catalog-zones': 'only the zones in this file are served: none is created from a catalog',
  'allow-new-zones': 'only the zones in this file are served: none is added at run time',
  'response-policy': NOT_FILTERED,
  dns64: NOT_FILTERED,
  'deny-answer-addresses': NOT_FILTERED,
  'deny-answer-aliases': NOT_FILTERED,
  sortlist: NOT_FILTERED,
  'rrset-order': NOT_FILTERED,
  'minimal-responses': NOT_FILTERED,
  'minimal-any': NOT_FILTERED,
  'zero-no-soa-ttl': NOT_FILTERED,
  'max-zone-ttl': 'TTLs are not limited here: the zone loads with its own',
  'max-records': 'the number of records is not limited here',
  'max-udp-size': 'answers over UDP have at most 1232 octets here',
  'notify-source': 'the system chooses the address that NOTIFY is sent from',
  'notify-source-v6': 'the system chooses the address that NOTIFY is sent from',
  'transfer-source': 'the system chooses the address that transfers are requested from',
  'transfer-source-v6': 'the system chooses the address that transfers are requested from',
  server: 'every server is treated alike: no keys are used, and none is ignored',
  plugin: 'plugins of BIND are not run',
};

/** Options whose value disables a default behaviour of BIND. */
const SWITCHED_OFF: Readonly<Record<string, readonly string[]>> = {
  'masterfile-format': ['text'],
  'minimal-responses': ['no-auth-recursive'],
  'max-zone-ttl': ['unlimited'],
  'notify-source': ['*'],
  'notify-source-v6': ['*'],
  'transfer-source': ['*'],
  'transfer-source-v6': ['*'],
};

/** The line for an option or statement; null if nothing is lost. `zone` is the name of the enclosing zone. */
export function lossOf(option: Statement, name: string, zone: string | null): Fault | null {
  const meaning = ownValue(MEANINGS, name);
  const value = option.words[1]?.text.toLowerCase() ?? '';
  if (meaning === undefined || ownValue(SWITCHED_OFF, name)?.includes(value)) return null;
  // `minimal-responses no` is not implemented either.
  if (name !== 'minimal-responses' && !isOn(option)) return null;
  return {
    file: option.file,
    line: option.line,
    parameter: name,
    message: zone === null ? meaning : `zone "${zone}": ${meaning}`,
  };
}
