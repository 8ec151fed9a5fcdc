/**
 * DKIM signatures of a message (RFC 6376; Ed25519: RFC 8463), relaxed/relaxed, over the whole body. The body is read
 * once for all signatures.
 */
import { createHash, type KeyObject, sign } from 'node:crypto';
import { MAX_HEADER_SIZE, parseFields } from '../mime/header.ts';
import { BodyHash } from './body-hash.ts';
import { relaxedField, signedFields, UnsignableError } from './signed-fields.ts';

export { UnsignableError } from './signed-fields.ts';

export interface SigningKey {
  /** `d`: in A-labels. */
  readonly domain: string;
  /** `s` */
  readonly selector: string;
  /** A private key; its type decides the algorithm. */
  readonly key: KeyObject;
}

/** By the type of a key: `a`. */
const ALGORITHMS: Readonly<Record<string, string>> = { rsa: 'rsa-sha256', ed25519: 'ed25519-sha256' };
const LINE = 76;

/**
 * One DKIM-Signature field for each key, without its line end, folded with CRLF and a tab. `time`: seconds since 1970.
 * Throws UnsignableError.
 */
export async function signatures(
  message: AsyncIterable<Uint8Array>,
  keys: readonly SigningKey[],
  time: number,
): Promise<readonly string[]> {
  const { header, bodyHash } = await readMessage(message);
  const { names, text } = signedFields(parseFields(header));
  return keys.map(({ domain, selector, key }) => {
    const algorithm = ALGORITHMS[key.asymmetricKeyType ?? ''];
    if (algorithm === undefined) throw new Error(`no signatures are made with a key of type ${key.asymmetricKeyType}`);
    const value = folded([
      ...['v=1;', `a=${algorithm};`, 'c=relaxed/relaxed;', `d=${domain};`, `s=${selector};`, `t=${time};`],
      ...wordsOf('h=', names.join(':'), /[^:]+:?/g),
      ...wordsOf('bh=', bodyHash, /.+/g),
    ]).concat('\r\n\tb=');
    const unsigned = relaxedField({ name: 'DKIM-Signature', value }).slice(0, -'\r\n'.length);
    const octets = Buffer.from(text + unsigned, 'latin1');
    return `DKIM-Signature:${value}${foldedSignature(signatureOf(octets, key))}`;
  });
}

function signatureOf(octets: Buffer, key: KeyObject): string {
  // RFC 8463 section 3: what Ed25519 signs is the hash.
  if (key.asymmetricKeyType === 'ed25519')
    return sign(null, createHash('sha256').update(octets).digest(), key).toString('base64');
  return sign('sha256', octets, key).toString('base64');
}

async function readMessage(
  message: AsyncIterable<Uint8Array>,
): Promise<{ readonly header: string; readonly bodyHash: string }> {
  const body = new BodyHash();
  let head: Buffer | null = Buffer.alloc(0);
  let header = '';
  for await (const piece of message) {
    if (head === null) {
      body.update(piece);
      continue;
    }
    head = Buffer.concat([head, piece]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0 ? head.length > MAX_HEADER_SIZE : end > MAX_HEADER_SIZE)
      throw new UnsignableError(`its header is longer than ${MAX_HEADER_SIZE} octets`);
    if (end < 0) continue;
    header = head.toString('latin1', 0, end + 2);
    body.update(head.subarray(end + 4));
    head = null;
  }
  return { header: head === null ? header : head.toString('latin1'), bodyHash: body.digest() };
}

/** A tag and its value, in pieces between which a line may be folded. */
function wordsOf(tag: string, value: string, piece: RegExp): readonly string[] {
  const [first = '', ...rest] = value.match(piece) ?? [];
  const words = [`${tag}${first}`, ...rest];
  return words.map((word, at) => (at === words.length - 1 ? `${word};` : word));
}

/** Lines of at most 76 characters where the words allow it. A word of a list follows the one before without a space. */
function folded(words: readonly string[]): string {
  let line = '';
  const lines: string[] = [];
  let room = LINE - 'DKIM-Signature:'.length;
  for (const word of words) {
    const space = line === '' || line.endsWith(':') ? '' : ' ';
    if (line !== '' && line.length + space.length + word.length > room) {
      lines.push(line);
      line = word;
      room = LINE;
    } else line += space + word;
  }
  return ` ${[...lines, line].join('\r\n\t')}`;
}

const foldedSignature = (signature: string): string => (signature.match(/.{1,72}/g) ?? []).join('\r\n\t ');
