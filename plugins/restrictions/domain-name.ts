/** The syntax of domain names in mail addresses, which may be internationalized (RFC 6531 section 3.3). */

/**
 * Letters, digits, hyphens and underscores in labels of at most 63 characters, including non-ASCII ones; not all
 * numeric.
 */
export function isDomainName(name: string): boolean {
  const plain = name.replace(/\.$/, '');
  if (plain.length === 0 || plain.length > 255 || /^[\d.]+$/.test(plain)) return false;
  return plain
    .split('.')
    .every((label) => /^[\w\u0080-\uffff](?:[\w\u0080-\uffff-]{0,61}[\w\u0080-\uffff])?$/.test(label));
}
