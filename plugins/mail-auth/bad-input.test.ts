import { describe, expect, it } from 'vitest';
import type { Resolver } from '../../src/bus/plugin.ts';
import { keyRecord, rsaKey, signedBy } from '../../test/kit/dkim-keys.ts';
import { judged, type Zone } from '../../test/kit/judged.ts';
import { answering } from './questions.ts';
import type { Row } from './results.ts';

const KEY = rsaKey(2048);
const ZONE: Zone = {
  'TXT example.org': ['v=spf1 -all'],
  'TXT _dmarc.example.org': ['v=DMARC1; p=reject'],
  'TXT s._domainkey.example.org': [keyRecord(KEY)],
};
const TEXT = 'From: a@example.org\r\nTo: user@example.test\r\nSubject: test\r\n\r\nhello\r\n';

const rows = (found: readonly Row[], method: string): string[] =>
  found.filter((row) => row.method === method).map(({ result, comment = '' }) => `${result} (${comment})`);

describe('hostile headers (S8)', () => {
  it('1 MB of DKIM signatures: nothing is verified, SPF and DMARC are', async () => {
    const signature = `DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=${'from:'.repeat(190)}from; bh=x; b=y\r\n`;
    const found = await judged(signature.repeat(1_000) + TEXT, ZONE);
    expect(rows(found.rows, 'dkim')).toEqual(['permerror (header too large to verify)']);
    expect(found.dmarc).toMatchObject({ result: 'fail', from: 'example.org', policy: 'reject' });
  });

  it.each([
    ['80 000 lines', `X: y\r\n${' x\r\n'.repeat(80_000)}`],
    ['50 000 fields', 'a:\r\n'.repeat(50_000)],
    ['a header that never ends', `X: ${'x'.repeat(3_000_000)}`],
    ['500 ARC fields', 'ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.org; s=s; b=x\r\n'.repeat(500)],
  ])('%s: DMARC is still judged by From', async (_, filling) => {
    const found = await judged(`From: a@example.org\r\n${filling}\r\n${TEXT}`, ZONE);
    expect(rows(found.rows, 'dkim')).toEqual(['permerror (header too large to verify)']);
    expect(found.dmarc).toMatchObject({ result: expect.stringMatching(/^(?:fail|permerror)$/) });
    expect(found.arc).toBeNull();
  });

  it('of 100 signatures the first 20 are verified, each key is asked for once', async () => {
    const signed = await signedBy(TEXT, { key: KEY });
    const signature = signed.slice(0, signed.length - TEXT.length);
    const found = await judged(signature.repeat(100) + TEXT, ZONE);
    const all = rows(found.rows, 'dkim');
    expect(all).toHaveLength(21);
    expect(new Set(all.slice(0, 20))).toEqual(new Set(['pass (2048-bit key)']));
    expect(all.at(-1)).toBe('neutral (80 more not verified, at most 20 are)');
    expect(found.questions.filter((question) => question.includes('_domainkey'))).toHaveLength(1);
  });

  it('a signature of 17 KiB is not looked at', async () => {
    const signed = await signedBy(TEXT, { key: KEY });
    const long = signed.replace('v=1;', `v=1; z=${'x'.repeat(17_000)};`);
    expect(rows((await judged(long, ZONE)).rows, 'dkim')).toEqual(['neutral (1 more not verified, at most 20 are)']);
  });

  it('each signature that wants a hash of its own makes a long message cost more: fewer are verified', async () => {
    const signed = await Promise.all(
      Array.from({ length: 6 }, (_, n) => signedBy(TEXT, { key: KEY, maxBodyLength: n + 1 })),
    );
    const signatures = signed.map((one) => one.slice(0, one.length - TEXT.length));
    const all = rows((await judged(signatures.join('') + TEXT, ZONE, { size: 100 * 1024 * 1024 })).rows, 'dkim');
    expect(all).toHaveLength(3);
    expect(all.at(-1)).toBe('neutral (4 more not verified, at most 20 are)');
  });

  it.each([
    ['without From', TEXT.replace(/^From.*\r\n/, ''), 'permerror (no author domain)'],
    ['with two of them', `From: b@example.net\r\n${TEXT}`, 'permerror (multiple from fields)'],
    [
      'with two domains',
      TEXT.replace('a@example.org', 'a@example.org, b@example.net'),
      'permerror (multiple author domains)',
    ],
    ['with one of 20 KiB', TEXT.replace('From: ', `From: "${'x'.repeat(20_000)}" `), 'permerror (no author domain)'],
    ['that is empty', '', 'permerror (no author domain)'],
  ])('a message %s', async (_, message, expected) => {
    expect(rows((await judged(message, ZONE)).rows, 'dmarc')).toEqual([expected]);
  });
});

describe('hostile DNS (S8)', () => {
  it('SPF that includes itself ends after ten questions', async () => {
    const found = await judged(TEXT, { 'TXT example.org': ['v=spf1 include:example.org -all'] });
    expect(found.spf.at(-1)?.result).toBe('permerror');
    expect(found.questions.length).toBeLessThan(15);
  });

  it('SPF with three void lookups is a permanent error', async () => {
    const found = await judged(TEXT, {
      'TXT example.org': ['v=spf1 a:x1.example a:x2.example a:x3.example a:x4.example +all'],
    });
    expect(found.spf.at(-1)?.result).toBe('permerror');
  });

  it('ten MX of 20 names each cost no more than RFC 7208 allows', async () => {
    const zone: Record<string, readonly string[]> = {
      'TXT example.org': [`v=spf1 ${Array.from({ length: 10 }, (_, n) => `mx:m${n}.example`).join(' ')} -all`],
    };
    for (let n = 0; n < 10; n += 1)
      zone[`MX m${n}.example`] = Array.from({ length: 20 }, (_, m) => `${m} h${n}-${m}.example`);
    const found = await judged(TEXT, zone);
    expect(found.spf.at(-1)?.result).toBe('permerror');
    expect(found.questions.length).toBeLessThan(130);
  });

  it('DNS that fails is a temporary error of each check', async () => {
    const signed = await signedBy(TEXT, { key: KEY });
    const zone = Object.fromEntries(Object.keys(ZONE).map((key) => [key, 'tempfail' as const]));
    const found = await judged(signed, zone);
    expect([found.spf.at(-1)?.result, found.dkim[0]?.result, found.dmarc?.result]).toEqual(Array(3).fill('temperror'));
  });

  it('DNS that never answers is waited for until the deadline of the message', async () => {
    let asked = 0;
    const never = new Proxy({} as Resolver, {
      get: () => () => {
        asked += 1;
        return new Promise(() => {});
      },
    });
    const answer = answering(never, performance.now() + 20);
    const question = { name: 'example.org', type: 'TXT' };
    expect(await Promise.all([answer(question), answer(question)])).toEqual(Array(2).fill({ code: 'ETIMEOUT' }));
    expect(await answer(question)).toEqual({ code: 'ETIMEOUT' });
    expect(asked).toBeLessThanOrEqual(3);
  });

  it('no message asks more than 250 questions, and no name is asked that is none', async () => {
    let asked = 0;
    const resolver = {
      async txt() {
        asked += 1;
        return ['x'];
      },
    } as unknown as Resolver;
    const answer = answering(resolver, performance.now() + 60_000);
    for (const name of ['a..b', '', `${'x'.repeat(64)}.example`, 'x.'.repeat(130)])
      expect(await answer({ name, type: 'TXT' })).toEqual({ code: 'EBADNAME' });
    for (let n = 0; n < 500; n += 1) await answer({ name: 'example.org', type: 'TXT' });
    expect(asked).toBe(246);
    expect(await answer({ name: 'example.org', type: 'TXT' })).toEqual({ code: 'ETIMEOUT' });
    expect(await answering(resolver, performance.now() + 60_000)({ name: 'x.example', type: '__proto__' })).toEqual({
      code: 'ETIMEOUT',
    });
  });

  it.each([
    ['of 512 bit', rsaKey(512), /^policy /],
    ['of 1024 bit', rsaKey(1024), /^pass /],
    ['of 8192 bit', rsaKey(8192), /^pass \(8192-bit key\)/],
  ])('a key %s', async (_, key, expected) => {
    const zone = { ...ZONE, 'TXT s._domainkey.example.org': [keyRecord(key)] };
    expect(rows((await judged(await signedBy(TEXT, { key }), zone)).rows, 'dkim')[0]).toMatch(expected);
  });

  it.each([
    ['garbage', 'v=DKIM1; k=rsa; p=AAAA'],
    ['a record of 64 KiB', `v=DKIM1; k=rsa; p=${'A'.repeat(65_000)}`],
    ['a revoked key', 'v=DKIM1; p='],
    ['no base64', 'v=DKIM1; k=rsa; p=*'],
    ['a modulus of 17 kbit', bigModulus(17_408)],
    ['another algorithm', 'v=DKIM1; k=dsa; p=AAAA'],
  ])('a key that is none: %s', async (_, record) => {
    const zone = { ...ZONE, 'TXT s._domainkey.example.org': [record] };
    const [found] = (await judged(await signedBy(TEXT, { key: KEY }), zone)).dkim;
    expect(found?.result).toMatch(/^(?:neutral|fail|temperror)$/);
  });

  it.each([
    ['no policy', 'v=DMARC1', 'none'],
    ['a policy that is none', 'v=DMARC1; p=refuse', 'none'],
    ['another version', 'v=DMARC2; p=reject', 'none'],
    ['1000 tags', `v=DMARC1; p=reject; ${'x=y; '.repeat(1_000)}`, 'none'],
    ['nonsense in pct', 'v=DMARC1; p=reject; pct=banana', 'fail'],
  ])('a DMARC record with %s', async (_, record, expected) => {
    const found = await judged(TEXT, { ...ZONE, 'TXT _dmarc.example.org': [record] });
    expect(found.dmarc?.result).toBe(expected);
  });
});

/** A key record with an RSA key of that size, of no use. */
function bigModulus(bits: number): string {
  const modulus = Buffer.alloc(bits / 8 + 1, 0xc3);
  modulus[0] = 0;
  const sequence = (content: Buffer, tag = 0x30): Buffer =>
    Buffer.concat([Buffer.from([tag, 0x82, content.length >> 8, content.length & 255]), content]);
  const key = sequence(Buffer.concat([sequence(modulus, 2), Buffer.from([2, 3, 1, 0, 1])]));
  const bitString = sequence(Buffer.concat([Buffer.from([0]), key]), 3);
  const algorithm = Buffer.from('300d06092a864886f70d0101010500', 'hex');
  return `v=DKIM1; k=rsa; p=${sequence(Buffer.concat([algorithm, bitString])).toString('base64')}`;
}
