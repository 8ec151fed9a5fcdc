/** The fields' own examples: RFC 6376 appendix A, RFC 8463 appendix A, and cases of RFC 7208 and RFC 8617. */
import { sealMessage } from 'mailauth/lib/arc/index.js';
import { describe, expect, it } from 'vitest';
import { ed25519Key, keyRecord, rsaKey, signedBy, type TestKey } from '../../test/kit/dkim-keys.ts';
import { judged, type Zone } from '../../test/kit/judged.ts';
import type { Work } from './work.ts';

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
const V6 = '2001:db8::1';

/** Cases as those of the test suite of RFC 7208: a record of example.org, further records, who sends, the result. */
const SPF: readonly (readonly [
  what: string,
  record: string | null,
  result: string,
  more?: Zone,
  work?: Partial<Work>,
])[] = [
  ['no record', null, 'none'],
  ['+all', 'v=spf1 +all', 'pass'],
  ['all without a qualifier', 'v=spf1 all', 'pass'],
  ['-all', 'v=spf1 -all', 'fail'],
  ['~all', 'v=spf1 ~all', 'softfail'],
  ['?all', 'v=spf1 ?all', 'neutral'],
  ['nothing that matches', 'v=spf1', 'neutral'],
  ['capitals', 'V=SPF1 -ALL', 'fail'],
  ['another version', 'v=spf10 -all', 'none'],
  ['a blank that is missing', 'v=spf1-all', 'none'],
  ['two records', null, 'permerror', { 'TXT example.org': ['v=spf1 -all', 'v=spf1 +all'] }],
  ['one record among others', null, 'fail', { 'TXT example.org': ['hello', 'v=spf1 -all', 'v=spf2.0/pra +all'] }],
  ['DNS that fails', null, 'temperror', { 'TXT example.org': 'tempfail' }],
  ['an unknown mechanism', 'v=spf1 moo -all', 'permerror'],
  ['a fault behind what matches', 'v=spf1 ip4:203.0.113.9 moo', 'permerror'],
  ['an unknown modifier', 'v=spf1 moo=moo -all', 'fail'],
  ['all with an argument', 'v=spf1 -all.', 'permerror'],
  ['ip4', 'v=spf1 ip4:203.0.113.9 -all', 'pass'],
  ['ip4 of a network', 'v=spf1 ip4:203.0.113.0/24 -all', 'pass'],
  ['ip4 of another network', 'v=spf1 ip4:203.0.112.0/24 -all', 'fail'],
  ['ip4/33', 'v=spf1 ip4:203.0.113.9/33 -all', 'permerror'],
  ['ip4/032', 'v=spf1 ip4:203.0.113.9/032 -all', 'permerror'],
  ['half an ip4', 'v=spf1 ip4:203.0.113 -all', 'permerror'],
  ['ip4 for a client by IPv6', 'v=spf1 ip4:203.0.113.9 -all', 'fail', {}, { ip: V6 }],
  ['ip6', 'v=spf1 ip6:2001:db8::/32 -all', 'pass', {}, { ip: V6 }],
  ['ip6/129', 'v=spf1 ip6:2001:db8::/129 -all', 'permerror', {}, { ip: V6 }],
  ['a mapped address', 'v=spf1 ip4:203.0.113.9 -all', 'pass', {}, { ip: '::ffff:203.0.113.9' }],
  ['a', 'v=spf1 a -all', 'pass', { 'A example.org': ['203.0.113.9'] }],
  ['a with a prefix length', 'v=spf1 a/24 -all', 'pass', { 'A example.org': ['203.0.113.77'] }],
  ['a for IPv6', 'v=spf1 a:m.example -all', 'pass', { 'AAAA m.example': [V6] }, { ip: V6 }],
  ['a//64', 'v=spf1 a//64 -all', 'pass', { 'AAAA example.org': ['2001:db8::ffff'] }, { ip: V6 }],
  ['a that fails', 'v=spf1 a -all', 'temperror', { 'A example.org': 'tempfail' }],
  ['mx', 'v=spf1 mx -all', 'pass', { 'MX example.org': ['10 m.example'], 'A m.example': ['203.0.113.9'] }],
  ['mx without any', 'v=spf1 mx -all', 'fail'],
  ['ptr', 'v=spf1 ptr -all', 'pass', { 'PTR 203.0.113.9': ['m.example.org'], 'A m.example.org': ['203.0.113.9'] }],
  [
    'ptr that does not lead back',
    'v=spf1 ptr -all',
    'fail',
    { 'PTR 203.0.113.9': ['m.example.org'], 'A m.example.org': ['203.0.113.8'] },
  ],
  [
    'ptr for IPv6',
    'v=spf1 ptr -all',
    'pass',
    { 'PTR 2001:0db8:0000:0000:0000:0000:0000:0001': ['m.example.org'], 'AAAA m.example.org': [V6] },
    { ip: V6 },
  ],
  ['exists', 'v=spf1 exists:x.example -all', 'pass', { 'A x.example': ['127.0.0.2'] }],
  [
    'exists by macros',
    'v=spf1 exists:%{ir}.%{l}.%{d1r}.x.example -all',
    'pass',
    { 'A 9.113.0.203.a.example.x.example': ['127.0.0.2'] },
  ],
  [
    'a macro with a transformer',
    'v=spf1 exists:%{l1r-}.x.example -all',
    'pass',
    { 'A strong.x.example': ['127.0.0.2'] },
    { sender: 'strong-bad@example.org' },
  ],
  [
    'a macro of IPv6',
    'v=spf1 exists:%{ir}.x.example -all',
    'pass',
    { [`A ${'1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2'}.x.example`]: ['127.0.0.2'] },
    { ip: V6 },
  ],
  ['an unknown macro', 'v=spf1 exists:%{x}.x.example -all', 'permerror'],
  ['a macro that is not ended', 'v=spf1 exists:%{i.x.example -all', 'permerror'],
  ['the time as a macro outside of exp', 'v=spf1 exists:%{t}.x.example -all', 'permerror'],
  ['include that passes', 'v=spf1 include:i.example -all', 'pass', { 'TXT i.example': ['v=spf1 +all'] }],
  ['include that fails', 'v=spf1 include:i.example ?all', 'neutral', { 'TXT i.example': ['v=spf1 -all'] }],
  ['include of nothing', 'v=spf1 include:i.example +all', 'permerror'],
  ['include that cannot be asked', 'v=spf1 include:i.example -all', 'temperror', { 'TXT i.example': 'tempfail' }],
  ['redirect', 'v=spf1 redirect=i.example', 'fail', { 'TXT i.example': ['v=spf1 -all'] }],
  ['redirect to nothing', 'v=spf1 redirect=i.example', 'permerror'],
  ['redirect behind all', 'v=spf1 -all redirect=i.example', 'fail'],
  ['redirect twice', 'v=spf1 redirect=i.example redirect=i.example', 'permerror', { 'TXT i.example': ['v=spf1 +all'] }],
  ['ten mechanisms that ask', `v=spf1 ${'a '.repeat(10)}-all`, 'fail', { 'A example.org': ['192.0.2.1'] }],
  ['eleven of them', `v=spf1 ${'a '.repeat(11)}-all`, 'permerror', { 'A example.org': ['192.0.2.1'] }],
  ['two void lookups', 'v=spf1 a:v1.example a:v2.example -all', 'fail'],
  ['a domain of one label', null, 'none', {}, { sender: 'a@localhost' }],
  ['a label that is too long', null, 'none', {}, { sender: `a@${'x'.repeat(64)}.example` }],
];

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

/** The zone of DMARC, the author, what passed SPF, whether by the public suffix list, and the result with its policy. */
const DMARC: readonly (readonly [
  what: string,
  zone: Zone,
  from: string,
  spf: string,
  result: string,
  work?: Partial<Work>,
])[] = [
  ['the same domain', { 'TXT _dmarc.example.org': ['v=DMARC1; p=reject'] }, 'example.org', 'example.org', 'pass none'],
  [
    'a subdomain, relaxed',
    { 'TXT _dmarc.example.org': ['v=DMARC1; p=reject'] },
    'example.org',
    'm.example.org',
    'pass none',
  ],
  [
    'a subdomain, strict',
    { 'TXT _dmarc.example.org': ['v=DMARC1; p=reject; aspf=s'] },
    'example.org',
    'm.example.org',
    'fail reject',
  ],
  [
    'another domain',
    { 'TXT _dmarc.example.org': ['v=DMARC1; p=quarantine'] },
    'example.org',
    'example.net',
    'fail quarantine',
  ],
  [
    'sp of a subdomain',
    { 'TXT _dmarc.example.org': ['v=DMARC1; p=reject; sp=none'], 'A sub.example.org': ['192.0.2.1'] },
    'sub.example.org',
    'example.net',
    'fail none',
  ],
  [
    'np of one that does not exist',
    { 'TXT _dmarc.example.org': ['v=DMARC1; p=none; np=reject'] },
    'no.example.org',
    'example.net',
    'fail reject',
  ],
  ['t=y', { 'TXT _dmarc.example.org': ['v=DMARC1; p=reject; t=y'] }, 'example.org', 'example.net', 'fail quarantine'],
  [
    'pct=0',
    { 'TXT _dmarc.example.org': ['v=DMARC1; p=reject; pct=0'] },
    'example.org',
    'example.net',
    'fail quarantine',
  ],
  [
    'pct=50, within',
    { 'TXT _dmarc.example.org': ['v=DMARC1; p=reject; pct=50'] },
    'example.org',
    'example.net',
    'fail reject',
    { sample: 49 },
  ],
  [
    'pct=50, outside',
    { 'TXT _dmarc.example.org': ['v=DMARC1; p=reject; pct=50'] },
    'example.org',
    'example.net',
    'fail quarantine',
    { sample: 50 },
  ],
  [
    'two records',
    { 'TXT _dmarc.example.org': ['v=DMARC1; p=reject', 'v=DMARC1; p=none'] },
    'example.org',
    'example.net',
    'none none',
  ],
  [
    'a record among others',
    { 'TXT _dmarc.example.org': ['hello', 'v=DMARC1; p=reject'] },
    'example.org',
    'example.net',
    'fail reject',
  ],
  ['DNS that fails', { 'TXT _dmarc.example.org': 'tempfail' }, 'example.org', 'example.net', 'temperror none'],
  [
    'the tree walk: siblings without a record above',
    { 'TXT _dmarc.a.b.example.org': ['v=DMARC1; p=reject'] },
    'a.b.example.org',
    'c.example.org',
    'fail reject',
  ],
  [
    'the list: siblings without a record above',
    { 'TXT _dmarc.a.b.example.org': ['v=DMARC1; p=reject'] },
    'a.b.example.org',
    'c.example.org',
    'pass none',
    { organization: 'list' },
  ],
  [
    'the tree walk: a record between',
    { 'TXT _dmarc.b.example.org': ['v=DMARC1; p=reject'] },
    'a.b.example.org',
    'example.net',
    'fail reject',
  ],
  [
    'the list: a record between is not seen',
    { 'TXT _dmarc.b.example.org': ['v=DMARC1; p=reject'] },
    'a.b.example.org',
    'example.net',
    'none none',
    { organization: 'list' },
  ],
  [
    'the list: domains below a public suffix',
    { 'TXT _dmarc.one.co.uk': ['v=DMARC1; p=reject'] },
    'one.co.uk',
    'two.co.uk',
    'fail reject',
    { organization: 'list' },
  ],
  [
    'psd=n ends the walk',
    { 'TXT _dmarc.b.example.org': ['v=DMARC1; p=reject; psd=n'], 'TXT _dmarc.example.org': ['v=DMARC1; p=none'] },
    'b.example.org',
    'c.example.org',
    'fail reject',
  ],
];

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
