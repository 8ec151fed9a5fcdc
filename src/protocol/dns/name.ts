/**
 * Domain names (RFC 1035 sections 2.3.4 and 5.1, RFC 4343).
 *
 * A name is a string in one canonical spelling: absolute, with its final dot, special octets as
 * `\.`, octets that are not printable ASCII as `\DDD`. Two names are equal if their keys (lower
 * case) are equal. Names here never have a label over 63 or a length over 255 octets.
 */

export type DomainName = string;

/** An invalid name; the message is for the person who wrote it. */
export class NameError extends Error {
  override readonly name = 'NameError';
}

const MAX_LABEL = 63;
const MAX_NAME = 255;
const BACKSLASH = 0x5c;
const DOT = 0x2e;

/** The spelling of each octet in a label; the same octets as in BIND are escaped. */
const SPELLING: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  const char = String.fromCharCode(octet);
  if (octet < 0x21 || octet > 0x7e) return `\\${String(octet).padStart(3, '0')}`;
  return '".\\;()@$'.includes(char) ? `\\${char}` : char;
});

export const spellOctet = (octet: number): string => SPELLING[octet] ?? '';

/** The form in which names are compared and stored. */
export const nameKey = (name: DomainName): string => name.toLowerCase();

/**
 * Reads one escape at `text[at]`, the backslash: `\DDD` is an octet, `\X` is X itself.
 * `text` has one octet per character.
 */
export function readEscape(text: string, at: number): { readonly octet: number; readonly next: number } {
  const digits = text.slice(at + 1, at + 4);
  if (/^[0-9]{3}$/.test(digits)) {
    const octet = Number(digits);
    if (octet > 255) throw new NameError(`\\${digits} is not an octet; use \\000 to \\255`);
    return { octet, next: at + 4 };
  }
  if (digits === '' || /^[0-9]/.test(digits))
    throw new NameError('a backslash must be followed by a character or by three digits');
  return { octet: text.charCodeAt(at + 1) & 0xff, next: at + 2 };
}

/** Removes the leftmost label. For the root returns `{ label: '', rest: '.' }`. */
export function splitFirst(name: DomainName): { readonly label: string; readonly rest: DomainName } {
  for (let i = 0; i < name.length; i += 1) {
    const code = name.charCodeAt(i);
    if (code === BACKSLASH) i += 1;
    else if (code === DOT) return { label: name.slice(0, i), rest: i + 1 === name.length ? '.' : name.slice(i + 1) };
  }
  return { label: name, rest: '.' };
}

export const parentName = (name: DomainName): DomainName => splitFirst(name).rest;

/** Labels from the left, in canonical spelling; the root has none. */
export function labelsOf(name: DomainName): string[] {
  const labels: string[] = [];
  for (let rest = name; rest !== '.'; ) {
    const first = splitFirst(rest);
    labels.push(first.label);
    rest = first.rest;
  }
  return labels;
}

/** Whether `key` is `zone` or below it. Both are keys (lower case). */
export function isWithin(key: string, zone: string): boolean {
  if (zone === '.' || key === zone) return true;
  if (!key.endsWith(zone) || key.charCodeAt(key.length - zone.length - 1) !== DOT) return false;
  let backslashes = 0;
  for (let i = key.length - zone.length - 2; i >= 0 && key.charCodeAt(i) === BACKSLASH; i -= 1) backslashes += 1;
  return backslashes % 2 === 0;
}

/** The octets of one label. */
export function labelOctets(label: string): number[] {
  const octets: number[] = [];
  for (let i = 0; i < label.length; ) {
    if (label.charCodeAt(i) === BACKSLASH) {
      const read = readEscape(label, i);
      octets.push(read.octet);
      i = read.next;
    } else {
      octets.push(label.charCodeAt(i) & 0xff);
      i += 1;
    }
  }
  return octets;
}

/**
 * Parses a name in a zone file's syntax: `@` is the origin, a name without a final dot is relative to it.
 * Throws NameError; without an origin a relative name is treated as absolute.
 */
export function parseName(text: string, origin: DomainName | null = null): DomainName {
  if (text === '@' && origin !== null) return origin;
  if (text === '.') return text;
  if (text === '') throw new NameError('the name is empty');
  let name = '';
  let label = 0;
  let length = 1;
  let absolute = false;
  for (let i = 0; i < text.length; ) {
    const code = text.charCodeAt(i);
    absolute = code === DOT;
    if (absolute) {
      if (label === 0) throw new NameError('empty label');
      name += '.';
      length += 1;
      label = 0;
      i += 1;
      continue;
    }
    const read = code === BACKSLASH ? readEscape(text, i) : { octet: code & 0xff, next: i + 1 };
    name += spellOctet(read.octet);
    label += 1;
    length += 1;
    if (label > MAX_LABEL) throw new NameError('label too long: at most 63 octets');
    i = read.next;
  }
  if (!absolute) {
    length += 1;
    name += origin === null || origin === '.' ? '.' : `.${origin}`;
    if (origin !== null) length += nameLength(origin) - 1;
  }
  if (length > MAX_NAME) throw new NameError('name too long: at most 255 octets');
  return name;
}

/** Octets of a name on the wire, including the final zero. */
export function nameLength(name: DomainName): number {
  if (name === '.') return 1;
  let length = 1;
  for (let i = 0; i < name.length; i += 1) {
    if (name.charCodeAt(i) === BACKSLASH) i += /[0-9]/.test(name.charAt(i + 1)) ? 3 : 1;
    length += 1;
  }
  return length;
}

/** Without the final dot; the root remains a dot. */
export const withoutFinalDot = (name: DomainName): string =>
  name === '.' || !name.endsWith('.') ? name : name.slice(0, -1);

/**
 * The reverse name of an address: `4.3.2.1.in-addr.arpa.` or the equivalent below ip6.arpa; null if it is not an
 * address.
 */
export function reverseName(ip: string): DomainName | null {
  const four = parseIp4(ip);
  if (four !== null) return `${four.toReversed().join('.')}.in-addr.arpa.`;
  const six = parseIp6(ip);
  if (six === null) return null;
  const nibbles = six.flatMap((octet) => [octet >> 4, octet & 15]).map((nibble) => nibble.toString(16));
  return `${nibbles.toReversed().join('.')}.ip6.arpa.`;
}

const IP4 = /^(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})$/;

/** Four octets of a dotted quad, or null. Leading zeros are refused: some programs read them as octal. */
export function parseIp4(text: string): number[] | null {
  if (!IP4.test(text)) return null;
  const octets = text.split('.').map(Number);
  return octets.every((octet) => octet <= 255) ? octets : null;
}

/** Sixteen octets of an IPv6 address in any notation (RFC 4291 section 2.2), or null. */
export function parseIp6(text: string): number[] | null {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text)) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const groups = halves.map(readGroups);
  const [head, tail] = groups;
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === 16 ? head : null;
  if (head.length + tail.length > 14) return null;
  return [...head, ...new Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}

function readGroups(text: string): number[] | null {
  const octets: number[] = [];
  if (text === '') return octets;
  const words = text.split(':');
  for (const [i, word] of words.entries()) {
    const four = i === words.length - 1 ? parseIp4(word) : null;
    if (four !== null) octets.push(...four);
    else if (/^[0-9a-fA-F]{1,4}$/.test(word))
      octets.push(Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 0xff);
    else return null;
  }
  return octets;
}

/** IPv6 in its shortest notation (RFC 5952). */
export function formatIp6(octets: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0));
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i += 1) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length += 1;
    if (length > best.length) best = { at: i, length };
    i += length;
  }
  const hex = groups.map((group) => group.toString(16));
  // An embedded IPv4 address is shown as such (RFC 5952 section 5), as inet_ntop does.
  const mapped = best.at === 0 && best.length === 5 && groups[5] === 0xffff;
  if (mapped || (best.at === 0 && best.length === 6))
    return `::${mapped ? 'ffff:' : ''}${octets.subarray(12).join('.')}`;
  if (best.at < 0) return hex.join(':');
  return `${hex.slice(0, best.at).join(':')}::${hex.slice(best.at + best.length).join(':')}`;
}
