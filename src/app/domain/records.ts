/** All that a domain should publish for its mail, from what this server is. */
import { keyName, keyRecord } from '../../protocol/dkim/key.ts';
import { characterStrings } from '../../protocol/dkim/record-text.ts';
import { reverseName } from '../../protocol/dns/name.ts';
import type { DomainFacts } from './facts.ts';

export interface WantedRecord {
  /** With its final dot. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'MX' | 'TXT' | 'SRV' | 'PTR';
  /** As in a master file. */
  readonly data: string;
  readonly purpose: string;
  /** Not in the domain's zone: whoever gave us the address publishes it. */
  readonly isElsewhere: boolean;
}

const TTL = 3600;

export function wantedRecords(facts: DomainFacts): readonly WantedRecord[] {
  const { domain, host, addresses, keys, services, mtaSts } = facts;
  const row = (name: string, type: WantedRecord['type'], data: string, purpose: string): WantedRecord => ({
    ...{ name: `${name}.`, type, data, purpose },
    isElsewhere: name !== domain && !name.endsWith(`.${domain}`),
  });
  const text = (name: string, value: string, purpose: string): WantedRecord =>
    row(name, 'TXT', characterStrings(value), purpose);
  return [
    row(domain, 'MX', `10 ${host}.`, 'where its mail comes'),
    ...addresses.map((address) => row(host, address.includes(':') ? 'AAAA' : 'A', address, 'the address of that host')),
    text(domain, spfRecord(facts), 'SPF: which hosts send its mail'),
    ...(host === domain
      ? []
      : [text(host, 'v=spf1 a -all', 'SPF of the name in EHLO, for bounces (RFC 7208 section 2.3)')]),
    ...keys.map((key) => text(keyName(domain, key.selector), keyRecord(key.key), 'DKIM: the key of its signatures')),
    text(
      `_dmarc.${domain}`,
      dmarcRecord(domain),
      'DMARC: what others do with mail that is not its own; later p=quarantine or p=reject',
    ),
    ...(mtaSts === null
      ? []
      : [text(`_mta-sts.${domain}`, `v=STSv1; id=${mtaSts}`, 'MTA-STS: there is a policy, and which')]),
    text(`_smtp._tls.${domain}`, `v=TLSRPTv1; rua=mailto:postmaster@${domain}`, 'TLS-RPT: who hears of failed TLS'),
    ...services.map(({ name, port }) =>
      row(
        `_${name}._tcp.${domain}`,
        'SRV',
        `0 1 ${port} ${host}.`,
        'for mail programs that set themselves up (RFC 6186)',
      ),
    ),
    ...addresses.map((address) => ({
      ...row(
        (reverseName(address) ?? '').replace(/\.$/, ''),
        'PTR',
        `${host}.`,
        'to be set by whoever gave you the address',
      ),
      isElsewhere: true,
    })),
  ];
}

/** Mail leaves from the hosts that MX names, or from where it is relayed to. */
export function spfRecord({ relayhost }: Pick<DomainFacts, 'relayhost'>): string {
  const relay = relayhost.replace(/^\[?([^\]:]*).*$/, '$1');
  return relay === '' ? 'v=spf1 mx -all' : `v=spf1 mx a:${relay} -all`;
}

export const dmarcRecord = (domain: string): string => `v=DMARC1; p=none; rua=mailto:postmaster@${domain}`;

/** Lines of a BIND zone, each with what it is for above it; those that are not for this zone behind `;`. */
export const bindLines = (records: readonly WantedRecord[]): string =>
  records
    .map(
      ({ name, type, data, purpose, isElsewhere }) =>
        `; ${purpose}${isElsewhere ? ' (not in this zone)' : ''}\n${isElsewhere ? ';' : ''}${name} ${TTL} IN ${type} ${data}`,
    )
    .join('\n');

/** What a person has to know besides. */
export function recordNotes(
  facts: DomainFacts,
  { isEnabled, areGiven }: { readonly isEnabled: boolean; readonly areGiven: boolean },
): readonly string[] {
  const { domain, keys, isPublic, addresses, relayhost } = facts;
  const notes: string[] = [];
  if (!isEnabled) notes.push('the plugin dkim-sign is not enabled: add a line "dkim-sign" to the file plugins');
  if (keys.length === 0)
    notes.push(
      areGiven
        ? `no key of ${domain} is in the KeyTable of dkim-sign`
        : `${domain} has no DKIM keys yet; they are made when it first sends, or now with --make-keys`,
    );
  if (!isPublic)
    notes.push(
      `${addresses.length === 0 ? 'no address of this machine is known' : 'no address of this machine is a public one'}: behind NAT, name it in proxy_interfaces of main.cf`,
    );
  if (relayhost !== '')
    notes.push(`mail leaves by ${relayhost} (relayhost): SPF must name the hosts that it sends from`);
  return notes;
}
