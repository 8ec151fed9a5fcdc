/**
 * Lists of TLS versions as in Postfix's smtpd_tls_protocols (postconf(5)): `>=TLSv1.2`, `<=TLSv1.2`, `TLSv1.3`,
 * `!TLSv1`, also by number (`>=0303`). Without a positive item everything is allowed that no item excludes.
 */

/** Those that OpenSSL 3 speaks, the oldest first. */
export const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** Of all names, the older ones included, the number on the wire. */
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['sslv2', 0x0200],
  ['sslv3', 0x0300],
  ...TLS_VERSIONS.map((name, i) => [name.toLowerCase(), 0x0301 + i] as const),
]);

interface Item {
  readonly kind: '>=' | '<=' | '!' | '';
  readonly version: number;
}

function parse(item: string): Item | null {
  const [, kind = '', name = ''] = /^(>=|<=|!|)(.*)$/s.exec(item) ?? [];
  const bound = kind === '>=' || kind === '<=';
  const version =
    NUMBERS.get(name.toLowerCase()) ?? (bound && /^0[0-9a-f]{3}$/i.test(name) ? Number(`0x${name}`) : null);
  return version === null ? null : { kind: kind as Item['kind'], version };
}

/** What was expected instead; undefined for a valid item. */
export const versionFault = (item: string): string | undefined =>
  parse(item) === null ? `expected ${TLS_VERSIONS.join(', ')}, with ! to exclude it, >= or <=` : undefined;

/** The versions that a list leaves, the oldest first. Throws for an invalid item, and if none is left. */
export function allowedVersions(list: readonly string[]): readonly TlsVersion[] {
  const items = list.map((item) => {
    const parsed = parse(item);
    if (parsed === null) throw new Error(`"${item.slice(0, 40)}": ${versionFault(item)}`);
    return parsed;
  });
  const included = items.filter(({ kind }) => kind === '');
  const allows = (version: number): boolean =>
    items.every(
      (item) =>
        (item.kind !== '>=' || version >= item.version) &&
        (item.kind !== '<=' || version <= item.version) &&
        (item.kind !== '!' || version !== item.version),
    ) &&
    (included.length === 0 || included.some((item) => item.version === version));
  const allowed = TLS_VERSIONS.filter((_name, i) => allows(0x0301 + i));
  if (allowed.length === 0)
    throw new Error(`"${list.join(', ').slice(0, 80)}" leaves no version of TLS; there are ${TLS_VERSIONS.join(', ')}`);
  return allowed;
}
