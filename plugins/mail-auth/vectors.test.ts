/** The fields' own examples: RFC 6376 appendix A, RFC 8463 appendix A, and cases of RFC 7208 and RFC 8617. */
import { sealMessage } from 'mailauth/lib/arc/index.js';
import { describe, expect, it } from 'vitest';
import { ed25519Key, keyRecord, rsaKey, signedBy, type TestKey } from '../../test/kit/dkim-keys.ts';
import { judged, type Zone } from '../../test/kit/judged.ts';
import { DMARC, SPF } from '../../test/kit/mail-auth-cases.ts';

const lines = (text: string): string => `${text.trim().split('\n').join('\r\n')}\r\n`;

const DINNER = `From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.`;

const RFC8463 = lines(`
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
${DINNER}`);

const RFC8463_KEYS: Zone = {
  'TXT brisbane._domainkey.football.example.com': [
    'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
  ],
  'TXT test._domainkey.football.example.com': [
    'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB',
  ],
};

/** Its body hash is that of one space between the sentences; by `simple`, two are another body. */
const RFC6376 = lines(`
DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
${DINNER.replace('game.  Are', 'game. Are')}`);

const RFC6376_KEY: Zone = {
  'TXT brisbane._domainkey.example.com': [
    'v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB',
  ],
};

const resultsOf = async (message: string, zone: Zone): Promise<string[]> =>
  (await judged(message, zone)).dkim.map(({ result }) => result);

describe('the examples of the DKIM RFCs (S8)', () => {
  it('RFC 8463 appendix A.3: both signatures hold', async () => {
    expect(await resultsOf(RFC8463, RFC8463_KEYS)).toEqual(['pass', 'pass']);
  });

  it('RFC 6376 appendix A.2', async () => {
    expect(await resultsOf(RFC6376, RFC6376_KEY)).toEqual(['pass']);
  });

  it.each([
    ['a changed body', RFC8463.replace('hungry', 'thirsty'), ['fail', 'fail']],
    ['a changed signed field', RFC8463.replace('dinner', 'lunch'), ['fail', 'fail']],
    [
      'a second Subject, which is oversigned',
      RFC8463.replace('Subject: Is', 'Subject: x\r\nSubject: Is'),
      ['fail', 'fail'],
    ],
    ['a field that is not signed', RFC8463.replace('From: Joe', 'X-New: y\r\nFrom: Joe'), ['pass', 'pass']],
    [
      'folds and blanks, which relaxed does not see',
      RFC8463.replace('Subject: Is dinner', 'subject :  Is\r\n\tdinner'),
      ['pass', 'pass'],
    ],
    ['empty lines at the end', `${RFC8463}\r\n\r\n`, ['pass', 'pass']],
    ['the other algorithm named', RFC8463.replace('a=ed25519-sha256', 'a=rsa-sha256'), ['neutral', 'pass']],
  ])('RFC 8463 with %s', async (_, message, expected) => {
    expect(await resultsOf(message, RFC8463_KEYS)).toEqual(expected);
  });

  it.each([
    ['rsa-sha1 (RFC 8301 section 3.1)', (text: string) => text.replace('rsa-sha256', 'rsa-sha1'), /fail|policy/],
    ['no version', (text: string) => text.replace('v=1; ', ''), /neutral/],
    ['version 2', (text: string) => text.replace('v=1; ', 'v=2; '), /neutral/],
    ['a tag twice', (text: string) => text.replace('s=brisbane;', 's=brisbane; s=brisbane;'), /neutral/],
    [
      'an agent of another domain (i=)',
      (text: string) => text.replace('i=joe@football.example.com', 'i=joe@example.net'),
      /neutral/,
    ],
    ['From not signed', (text: string) => text.replace('From : ', ''), /neutral/],
    ['another query method', (text: string) => text.replace('q=dns/txt', 'q=carrier/pigeon'), /neutral/],
  ])('RFC 6376 with %s is refused', async (_, change, expected) => {
    expect((await resultsOf(change(RFC6376), RFC6376_KEY))[0]).toMatch(expected);
  });

  it.each([
    ['t=s, and i= of a subdomain', 't=s; ', 'neutral'],
    ['t=y', 't=y; ', 'pass'],
    ['s=email', 's=email; ', 'pass'],
    ['s=other', 's=other; ', 'neutral'],
    ['h=sha1', 'h=sha1; ', 'neutral'],
    ['h=sha1:sha256', 'h=sha1:sha256; ', 'pass'],
    ['an empty note', 'n=; ', 'pass'],
  ])('a key with %s (RFC 6376 section 3.6.1)', async (_, tag, expected) => {
    const [record = ''] = RFC6376_KEY['TXT brisbane._domainkey.example.com'] as readonly string[];
    const zone = { 'TXT brisbane._domainkey.example.com': [record.replace('p=', `${tag}p=`)] };
    expect(await resultsOf(RFC6376, zone)).toEqual([expected]);
  });
});

const LETTER = 'From: a@example.org\r\n\r\nx\r\n';
describe('SPF as RFC 7208 has it (S8)', () => {
  it.each(SPF.map(([what, record, result, more = {}, work = {}]) => [what, record, result, more, work] as const))(
    '%s: %s gives %s',
    async (_, record, result, more, work) => {
      const own: Zone = record === null ? {} : { 'TXT example.org': [record] };
      const found = await judged(LETTER, { ...own, ...more }, { checks: ['spf'], ...work });
      expect(found.spf.find(({ identity }) => identity === 'mailfrom')?.result).toBe(result);
    },
  );

  it('the name in HELO has a policy of its own; an address literal has none', async () => {
    const zone = { 'TXT client.example.org': ['v=spf1 -all'], 'TXT example.org': ['v=spf1 +all'] };
    expect((await judged(LETTER, zone)).spf.map(({ identity, result }) => `${identity} ${result}`)).toEqual([
      'helo fail',
      'mailfrom pass',
    ]);
    expect((await judged(LETTER, zone, { helo: '[203.0.113.9]', sender: '' })).spf).toEqual([]);
  });
});

const SEALER = rsaKey(2048);
const AUTHOR = ed25519Key();
const ARC_ZONE: Zone = {
  'TXT as._domainkey.lists.example': [keyRecord(SEALER)],
  'TXT as._domainkey.second.example': [keyRecord(SEALER)],
  'TXT s._domainkey.example.org': [keyRecord(AUTHOR)],
  'TXT _dmarc.example.org': ['v=DMARC1; p=reject'],
};

async function seal(
  text: string,
  domain: string,
  authResults: string,
  cv: string,
  key: TestKey = SEALER,
): Promise<string> {
  const header = await sealMessage(Buffer.from(text), {
    ...{ signingDomain: domain, selector: 'as', cv, authResults, signTime: new Date('2026-01-01T12:00:00Z') },
    privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });
  return header.toString() + text;
}

const PASSED = 'lists.example; dmarc=pass header.from=example.org';
const original = async (): Promise<string> =>
  signedBy('From: a@example.org\r\nSubject: test\r\n\r\nhello\r\n', { key: AUTHOR });
/** Sealed by a list that has changed it since: the author's signature does not hold. */
const once = async (authResults = PASSED): Promise<string> =>
  seal((await original()).replace('hello', 'hello, list'), 'lists.example', authResults, 'none');
const twice = async (): Promise<string> => seal(await once(), 'second.example', 'second.example; arc=pass', 'pass');

describe('ARC as RFC 8617 has it (S8)', () => {
  it.each<readonly [string, () => Promise<string>, string]>([
    ['no chain', original, 'none'],
    ['one set', once, 'pass'],
    ['two sets', twice, 'pass'],
    ['a body changed since', async () => (await twice()).replace('hello, list', 'buy'), 'fail'],
    ['a signed field changed since', async () => (await once()).replace('Subject: test', 'Subject: buy'), 'fail'],
    [
      'a seal changed since',
      async () => (await twice()).replace('second.example; arc=pass', 'second.example; arc=fail'),
      'fail',
    ],
    ['the first results changed since', async () => (await twice()).replace('dmarc=pass', 'dmarc=fail'), 'fail'],
    ['a set that lacks its seal', async () => (await once()).replace(/^ARC-Seal:.*(?:\r\n[ \t].*)*\r\n/m, ''), 'fail'],
    ['instances with a gap', async () => (await once()).replaceAll('i=1;', 'i=2;'), 'fail'],
    ['an instance of 51', async () => (await once()).replaceAll('i=1;', 'i=51;'), 'fail'],
    ['cv=pass in the first set', async () => (await once()).replace('cv=none', 'cv=pass'), 'fail'],
    ['an algorithm that ARC has not', async () => (await once()).replace('a=rsa-sha256', 'a=rsa-sha1'), 'fail'],
    [
      'two seals of one instance',
      async () => (await once()).replace(/^(ARC-Seal:.*(?:\r\n[ \t].*)*\r\n)/m, '$1$1'),
      'fail',
    ],
    [
      'a sealer that says that the chain before was broken',
      async () => seal(await once(), 'second.example', 'second.example; arc=fail', 'fail'),
      'fail',
    ],
  ])('%s', async (_, message, result) => {
    expect((await judged(await message(), ARC_ZONE)).arc?.result).toBe(result);
  });

  it('a chain of trusted sealers that saw DMARC pass overrides that it fails now', async () => {
    const overridden = async (message: string, sealers: readonly string[]) =>
      (await judged(message, ARC_ZONE, { sealers })).dmarc?.isOverridden;
    expect(await overridden(await once(), ['lists.example'])).toBe(true);
    expect(await overridden(await once(), [])).toBe(false);
    expect(await overridden(await twice(), ['second.example'])).toBe(false);
    expect(await overridden(await twice(), ['second.example', 'lists.example'])).toBe(true);
    expect(await overridden(await once('lists.example; dmarc=fail'), ['lists.example'])).toBe(false);
    expect(await overridden((await once()).replace('hello', 'buy'), ['lists.example'])).toBe(false);
  });
});

describe('DMARC as RFC 9989 has it, with pct and the public suffix list of RFC 7489 (S8)', () => {
  it.each(DMARC.map(([what, zone, from, spf, result, work = {}]) => [what, zone, from, spf, result, work] as const))(
    '%s',
    async (_, zone, from, spf, expected, work) => {
      const message = `From: a@${from}\r\n\r\nx\r\n`;
      const found = await judged(
        message,
        Object.assign({ [`TXT ${spf}`]: ['v=spf1 +all'] }, zone),
        Object.assign({ sender: `a@${spf}` }, work),
      );
      expect(`${found.dmarc?.result} ${found.dmarc?.policy}`).toBe(expected);
    },
  );
});
