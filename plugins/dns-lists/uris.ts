/**
 * Where the links of a message lead: registered domains (by the public suffix list) and addresses. Text and HTML are decoded
 * from transfer encoding, charset and character references; host names are read as browsers read them. All of it is
 * bounded.
 */
import { getDomain } from 'tldts';
import { parseAddress } from '../../src/lookup/network.ts';
import type { Part } from '../../src/mail/message.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import { decodedText } from '../../src/protocol/mime/text.ts';

/** Octets of a message, and characters of its text, that are read. */
const MOST_OCTETS = 512 * 1024;
const MOST_TEXT = 256 * 1024;
const MOST_PARTS = 50;
/** Links that are looked at, and characters of their names: those of hosts have at most 253, some of them encoded. */
const MOST_LINKS = 1_000;
const LONGEST_NAME = 500;

/** With a scheme, in one of an attribute without it, or as people write it. Backslashes are slashes to browsers. */
const LINK =
  /(?:\b(?:https?|ftp):[\\/]{0,9}|["'=][\\/]{2}|(?<![\w@.-])(?=www\d{0,3}\.))([^\s"'<>\\/?#][^\s"'<>\\/?#]{0,3999})/giu;
const REFERENCE = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(amp|period|colon|sol|commat));?/gi;
const NAMED: Readonly<Record<string, string>> = { amp: '&', period: '.', colon: ':', sol: '/', commat: '@' };
/** What people write behind a link. */
const BEHIND = /[.,;:!?)\]}。，；：！？）】》」]+$/u;

/** Domains and addresses in their order, each once. */
export async function linkedHosts(content: AsyncIterable<Buffer>): Promise<readonly string[]> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of content) {
    pieces.push(piece);
    length += piece.length;
    if (length >= MOST_OCTETS) break;
  }
  const octets = Buffer.concat(pieces).subarray(0, MOST_OCTETS);
  return hostsIn(textsOf(indexMessage(octets).root, octets));
}

function textsOf(root: Part, octets: Uint8Array): string[] {
  const texts: string[] = [];
  let left = MOST_TEXT;
  const walk = (part: Part): void => {
    if (left <= 0 || texts.length >= MOST_PARTS) return;
    if (part.type === 'text') {
      const end = Math.min(part.bodyEnd, part.bodyStart + 4 * left);
      const text = decodedText(part, octets.subarray(part.bodyStart, end)).slice(0, left);
      left -= text.length;
      texts.push(part.subtype === 'html' ? withoutReferences(text) : text);
    }
    for (const child of part.parts) walk(child);
  };
  walk(root);
  return texts;
}

const withoutReferences = (html: string): string =>
  html.replace(REFERENCE, (all, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED[name.toLowerCase()] ?? all;
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });

function hostsIn(texts: readonly string[]): readonly string[] {
  const written = new Set<string>();
  for (const text of texts)
    for (const [, authority = ''] of text.matchAll(LINK)) {
      if (written.size >= MOST_LINKS) break;
      const name = authority.slice(authority.lastIndexOf('@') + 1);
      if (name.length <= LONGEST_NAME) written.add(name).add(beforeOtherScript(name));
    }
  return [...new Set([...written].flatMap((name) => hostOf(name) ?? []))];
}

/** Chinese is written behind a link without a space: it may be part of the name, or not. */
const beforeOtherScript = (authority: string): string => authority.replace(/[^\x21-\x7e].*$/su, '');

/** Null where it leads to no host of the internet. `written`: with a port, perhaps. */
function hostOf(written: string): string | null {
  const name = written.startsWith('[') ? written.replace(/\].*$/s, ']') : written.replace(BEHIND, '');
  const url = URL.parse(`http://${name}/`);
  if (url === null) return null;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const address = parseAddress(host);
  if (address !== null) return address.range() === 'unicast' ? address.toString() : null;
  return getDomain(host, { allowPrivateDomains: true });
}

/** At most so many, evenly from all of them: the first ones alone would be the sender's choice. */
export const someOf = (hosts: readonly string[], most: number): readonly string[] =>
  hosts.length <= most
    ? hosts
    : Array.from({ length: most }, (_, i) => hosts[Math.floor((i * hosts.length) / most)] ?? '');
