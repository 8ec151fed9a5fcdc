import { createHash, createPrivateKey, sign as edSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { BodyHash } from '../../../src/protocol/dkim/body-hash.ts';
import { keyFault, keyRecord, makeKey, publicPart, publishedPart } from '../../../src/protocol/dkim/key.ts';
import { characterStrings } from '../../../src/protocol/dkim/record-text.ts';
import { type SigningKey, signatures } from '../../../src/protocol/dkim/sign.ts';
import { relaxedField } from '../../../src/protocol/dkim/signed-fields.ts';
import { generatedMessage } from '../../kit/generated-messages.ts';

const NOW = 1_795_853_653;
let keys: readonly SigningKey[];
beforeAll(async () => {
  const [rsa, ed25519] = [await makeKey('rsa'), await makeKey('ed25519')];
  keys = [
    { domain: 'example.test', selector: 'r', key: rsa },
    { domain: 'example.test', selector: 'e', key: ed25519 },
  ];
});

/** Of RFC 8463 appendix A.2. */
function rfc8463Key(): KeyObject {
  const seed = Buffer.from('nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=', 'base64');
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

async function* pieces(octets: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}
const sign = (octets: Buffer, size = 65_536) => signatures(pieces(octets, size), keys, NOW);

/** The results of another implementation. */
async function verified(fields: readonly string[], message: Buffer): Promise<readonly string[]> {
  const signed = Buffer.concat([Buffer.from(`${fields.join('\r\n')}\r\n`), message]);
  const { results } = await dkimVerify(signed, {
    resolver: async (name: string) => {
      const found = keys.find(({ selector, domain }) => name === `${selector}._domainkey.${domain}`);
      return found === undefined ? [] : [[keyRecord(found.key)]];
    },
  });
  return results.map(({ status }) => `${status.result}${status.comment ? ` ${status.comment}` : ''}`);
}

const hashOf = (body: string, size = 1000): string => {
  const hash = new BodyHash();
  for (let at = 0; at < body.length; at += size) hash.update(Buffer.from(body.slice(at, at + size), 'latin1'));
  return hash.digest();
};

describe('S9: what is signed', () => {
  it('the examples of RFC 6376 section 3.4.5 in their relaxed form, and the empty body of section 3.4.4', () => {
    expect(relaxedField({ name: 'A', value: ' X' }) + relaxedField({ name: 'B ', value: ' Y\t\r\n\tZ  ' })).toBe(
      'a:X\r\nb :Y Z\r\n',
    );
    for (const size of [1, 2, 3, 1000]) expect(hashOf(' C \r\nD \t E\r\n\r\n\r\n', size)).toBe(hashOf(' C\r\nD E\r\n'));
    expect(hashOf('')).toBe('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
    for (const empty of ['\r\n', '\r\n\r\n', ' \t\r\n \r\n', ' ']) expect(hashOf(empty)).toBe(hashOf(''));
    expect(hashOf('x')).toBe(hashOf('x \t\r\n\r\n'));
  });

  it('the body hash and the public key of RFC 8463 appendix A', () => {
    expect(hashOf('Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n')).toBe(
      '2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=',
    );
    expect(keyRecord(rfc8463Key())).toBe('v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=');
  });

  it('the signature of RFC 8463 appendix A.3, which is the same whoever makes it', () => {
    const fields = [
      ['From', ' Joe SixPack <joe@football.example.com>'],
      ['To', ' Suzie Q <suzie@shopping.example.net>'],
      ['Subject', ' Is dinner ready?'],
      ['Date', ' Fri, 11 Jul 2003 21:00:37 -0700 (PDT)'],
      ['Message-ID', ' <20030712040037.46341.5F8J@football.example.com>'],
      [
        'DKIM-Signature',
        ` v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=`,
      ],
    ] as const;
    const text = fields
      .map(([name, value]) => relaxedField({ name, value }))
      .join('')
      .slice(0, -2);
    const hash = createHash('sha256').update(text).digest();
    expect(edSign(null, hash, rfc8463Key()).toString('base64')).toBe(
      '/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==',
    );
  });

  it('each instance of a field, and what readers see once more than it is there', async () => {
    const [field = ''] = await sign(
      Buffer.from('From: a@example.test\r\nTo: b\r\nList-Id: <l>\r\nReceived: x\r\n\r\nx\r\n'),
    );
    const names = /h=([\s\S]*?);/.exec(field)?.[1]?.replace(/\s/g, '').split(':') ?? [];
    const count = (name: string): number => names.filter((one) => one === name).length;
    expect([count('from'), count('to'), count('subject'), count('list-id'), count('received')]).toEqual([
      2, 2, 1, 1, 0,
    ]);
    for (const line of field.split('\r\n')) expect(line.length).toBeLessThan(79);
  });

  it.each([
    ['Subject: x\r\n\r\n', 'it has no From field'],
    ['\r\nFrom: a@example.test\r\n\r\n', 'it has no From field'],
    ['From: a@example.test\r\nFROM : b@example.test\r\n\r\n', 'it has 2 From fields'],
    [`From: a@example.test\r\n${'To: x\r\n'.repeat(250)}\r\n`, 'more than 200 of its header fields are to be signed'],
    [`From: a@example.test\r\nX: ${'x'.repeat(1_100_000)}\r\n\r\n`, 'its header is longer than 1048576 octets'],
  ])('no message that a signature cannot cover (%#)', async (message, why) => {
    await expect(sign(Buffer.from(message))).rejects.toMatchObject({ name: 'UnsignableError', message: why });
  });
});

describe('S9: signatures by RSA and Ed25519', () => {
  it('are verified by another implementation, whatever the message and the pieces in which it comes', async () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const message = generatedMessage(seed, 'a@example.test');
      const fields = await sign(message, 1 + (seed % 90));
      expect(await verified(fields, message), message.toString('latin1')).toEqual(['pass', 'pass']);
    }
  });

  it('cover 40 MB', async () => {
    const message = Buffer.concat([
      Buffer.from('From: a@example.test\r\n\r\n'),
      Buffer.from(`a line \t with  space \r\n${'x'.repeat(70)}\r\n\r\n`.repeat(420_000)),
    ]);
    expect(await verified(await sign(message), message)).toEqual(['pass', 'pass']);
  });

  it('are broken by any other octet of what they cover, and by another From', async () => {
    const message = Buffer.from('From: a@example.test\r\nSubject: x\r\n\r\nbody\r\n');
    const fields = await sign(message);
    const changed = (from: string, to: string): Buffer => Buffer.from(message.toString().replace(from, to));
    for (const other of [changed('body', 'bodY'), changed('Subject: x', 'Subject: y')])
      expect((await verified(fields, other)).map((result) => result.split(' ')[0])).not.toContain('pass');
    for (const added of ['From: b@example.test\r\n', 'Subject: other\r\n', 'Reply-To: b@example.test\r\n'])
      expect(await verified(fields, Buffer.concat([Buffer.from(added), message]))).not.toContain('pass');
  });
});

describe('S9: keys', () => {
  it('are published in strings of at most 255 octets, and read again', async () => {
    for (const { key } of keys) {
      const written = characterStrings(keyRecord(key));
      const strings = [...written.matchAll(/"([^"]*)"/g)].map(([, one = '']) => one);
      expect(Math.max(...strings.map((one) => one.length))).toBeLessThan(256);
      expect(publishedPart(strings.join(''))).toBe(publicPart(key));
    }
  });

  it.each([
    ['v=DKIM1; k=rsa; p= AB \t CD', 'ABCD'],
    ['p=', ''],
    ['v=spf1 -all', null],
    ['k=rsa', null],
    ['v=DKIM2; p=x', null],
  ])('%s', (text, part) => {
    expect(publishedPart(text)).toBe(part);
  });

  it('are refused where no verifier takes them', () => {
    const weak: KeyObject = generateKeyPairSync('rsa', { modulusLength: 768 }).privateKey;
    const other: KeyObject = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    expect([keyFault(weak), keyFault(other)]).toEqual([
      'it has 768 bits; at least 1024 are needed (RFC 8301)',
      'it is a key for ec; expected is one for RSA or Ed25519',
    ]);
    expect(keys.map(({ key }) => keyFault(key))).toEqual([null, null]);
  });
});
