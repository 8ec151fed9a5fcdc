/**
 * What TLSA records say about a host (RFC 7672 section 2.2): each of the lookups that lead to them must be validated by
 * DNSSEC.
 */
import { isIP } from 'node:net';
import { messageOf } from '../../errors.ts';
import { reply } from '../../mail/status.ts';
import type { SecureAnswer, SecureResolver } from '../../protocol/dns/resolver.ts';
import { TYPE } from '../../protocol/dns/rr/table.ts';
import { readTlsa, type TlsaRecord, usableTlsa } from '../../protocol/dns/tlsa.ts';
import { WireReader } from '../../protocol/dns/wire.ts';
import type { Nexthop } from '../route/nexthop.ts';
import { PolicyFault } from './policy-fault.ts';
import type { DaneRules } from './tls-settings.ts';

export interface DanePlace {
  readonly nexthop: Nexthop;
  readonly hostName: string;
  readonly port: number;
}

/** `isMxSecure`: the host was found by a validated answer, or named by the administrator. */
export type Dane =
  /** `why` follows the host's name in a log line. */
  | { readonly kind: 'none'; readonly why: string; readonly isMxSecure: boolean }
  | { readonly kind: 'unusable'; readonly isMxSecure: boolean }
  | {
      readonly kind: 'records';
      readonly records: readonly TlsaRecord[];
      /** Whose records they are: the name that the server is asked for. */
      readonly base: string;
      readonly isMxSecure: boolean;
    };

/** Rejects with PolicyFault where it is not known now. */
export async function daneOf(
  place: DanePlace,
  { digests, forced }: Pick<DaneRules, 'digests' | 'forced'>,
  resolver: SecureResolver,
): Promise<Dane> {
  const { nexthop, hostName, port } = place;
  const ask = (name: string, type: number): Promise<SecureAnswer> =>
    resolver.ask(name, type).catch((error: unknown) => {
      throw lookupFault(place, messageOf(error));
    });
  const isMxSecure = await isHostSecure(place, ask);
  const none = (why: string): Dane => ({ kind: 'none', why, isMxSecure });
  if (isIP(hostName) !== 0 || nexthop.socket !== null) return none('has no name');
  const addresses = await Promise.all([ask(hostName, TYPE.A), ask(hostName, TYPE.AAAA)]);
  const there = addresses.filter(({ records }) => records.length > 0);
  if (!forced && there.some(({ isSecure }) => !isSecure)) return none('has addresses that DNSSEC does not protect');
  const alias = there.find(({ isSecure }) => isSecure)?.name ?? hostName;
  for (const base of new Set([alias, hostName])) {
    const { records, isSecure } = await ask(`_${port}._tcp.${base}`, TYPE.TLSA);
    if (!isSecure || records.length === 0) continue;
    const usable = usableTlsa(records.map(readTlsa), digests);
    return usable.length === 0
      ? { kind: 'unusable', isMxSecure }
      : { kind: 'records', records: usable, base, isMxSecure };
  }
  return none('has no TLSA records');
}

/** The hosts were found with another question; one that the validated answer does not name is somebody's forgery. */
async function isHostSecure(
  place: DanePlace,
  ask: (name: string, type: number) => Promise<SecureAnswer>,
): Promise<boolean> {
  const { nexthop, hostName } = place;
  if (!nexthop.mx) return true;
  const { records, isSecure } = await ask(nexthop.host, TYPE.MX);
  if (!isSecure) return false;
  const named = records.map((rdata) => exchangeOf(rdata));
  if (named.includes(hostName.toLowerCase()) || (named.length === 0 && hostName === nexthop.host)) return true;
  throw lookupFault(place, `it is no MX host of ${nexthop.host}`);
}

function exchangeOf(rdata: Uint8Array): string {
  const reader = new WireReader(rdata);
  reader.u16();
  return reader.name().toLowerCase().replace(/\.$/, '');
}

function lookupFault({ hostName, port }: DanePlace, why: string): PolicyFault {
  const words = `TLSA lookup error for ${hostName}:${port}`;
  return new PolicyFault(`${words}: ${why}`, true, reply(451, '4.7.5', words));
}
