import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { expandTemplate } from '../../src/protocol/smtp/template.ts';
import { openHouse, rcpt } from '../../test/bus/house.ts';
import { templateReply } from './template.ts';
import { listedDomain, parseZone, reversedAddress } from './zone.ts';

const DNS = {
  'a 77.1.0.127.zen.example': ['127.0.0.4'],
  'txt 77.1.0.127.zen.example': ['ask at https://zen.example/'],
  'a 77.1.0.127.allow.example': ['127.0.0.1'],
  'a spam.example.rhs.example': ['127.0.0.2'],
  'a 77.1.0.127.slow.example': 'tempfail',
} as const;
const u = 'u@baidu.com';
const open = (list: string, parameters: Record<string, string> = {}, files: Record<string, string> = {}) =>
  openHouse({
    plugins: ['restrictions', 'dns-lists'],
    parameters: { smtpd_recipient_restrictions: list, ...parameters },
    files,
    accounts: ['u'],
    dns: DNS,
  });

describe('P7: DNS lists', () => {
  it.each([
    [
      'reject_rbl_client zen.example',
      'a@qq.com',
      '554 5.7.1 Service unavailable; Client host [127.0.1.77] blocked using zen.example; ask at https://zen.example/',
    ],
    [
      'reject_rbl_client zen.example=127.0.0.[2..4]',
      'a@qq.com',
      '554 5.7.1 Service unavailable; Client host [127.0.1.77] blocked using zen.example; ask at https://zen.example/',
    ],
    ['reject_rbl_client zen.example=127.0.0.[2;3;5..9]', 'a@qq.com', 'NEXT'],
    ['reject_rbl_client clean.example', 'a@qq.com', 'NEXT'],
    ['reject_rbl_client slow.example', 'a@qq.com', 'NEXT'],
    ['permit_dnswl_client allow.example, reject', 'a@qq.com', 'NEXT'],
    [
      'permit_dnswl_client slow.example, reject',
      'a@qq.com',
      '450 4.7.1 <u@baidu.com>: Recipient address rejected: Service unavailable',
    ],
    [
      'reject_rhsbl_sender rhs.example',
      'x@spam.example',
      '554 5.7.1 Service unavailable; Sender address [x@spam.example] blocked using rhs.example',
    ],
    ['reject_rhsbl_sender rhs.example', 'x@qq.com', 'NEXT'],
    ['reject_rhsbl_sender rhs.example', '', 'NEXT'],
    [
      'reject_rhsbl_helo rhs.example',
      'x@qq.com',
      '554 5.7.1 Service unavailable; Helo command [spam.example] blocked using rhs.example',
    ],
    ['reject_rbl_client zen.example=nonsense', 'a@qq.com', '451 4.3.0 <u@baidu.com>: Temporary lookup failure'],
  ])('%s, from <%s>: %s', async (list, sender, answer) => {
    expect(await rcpt(await open(list), u, { sender, helo: 'spam.example' })).toBe(answer);
  });

  it('a refusal takes its text from rbl_reply_maps and its code from maps_rbl_reject_code', async () => {
    const files = { replies: 'zen.example $rbl_code 4.7.9 $client is listed${rbl_reason?: $rbl_reason}; $sender\n' };
    const house = await open(
      'reject_rbl_client zen.example',
      { rbl_reply_maps: 'hash:TABLES/replies', maps_rbl_reject_code: '450' },
      files,
    );
    expect(await rcpt(house, u)).toBe('450 4.7.9 unknown[127.0.1.77] is listed: ask at https://zen.example/; a@qq.com');
  });

  it('reject_maps_rbl queries maps_rbl_domains', async () => {
    const house = await open('reject_maps_rbl', { maps_rbl_domains: 'clean.example, zen.example' });
    expect(await rcpt(house, u)).toMatch(
      /^554 5\.7\.1 Service unavailable; Client host \[127\.0\.1\.77\] blocked using zen\.example/,
    );
  });

  it('all lists of a client are queried at once, and each only once while the answer is cached', async () => {
    const house = await open(
      'reject_rbl_client clean.example, reject_rbl_client other.example, reject_rbl_client zen.example',
    );
    await Promise.all([rcpt(house, u), rcpt(house, u), rcpt(house, u)]);
    await rcpt(house, u);
    const asked = house.resolver.asked.filter((question) => question.startsWith('a 77.1'));
    expect(asked).toEqual(['clean', 'other', 'zen'].map((zone) => `a 77.1.0.127.${zone}.example`));
  });

  it('an allow list never lets a stranger relay', async () => {
    const house = await open('permit_dnswl_client allow.example, permit_rhswl_client allow.example');
    expect(await rcpt(house, 'x@other.example')).toBe('NEXT');
  });
});

it('the README: a listed client gets the reason', async () => {
  const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
  const block = (name: string): string => new RegExp(`\`\`\`${name}\\n(.*?)\\n\`\`\``, 's').exec(readme)?.[1] ?? '';
  expect(await rcpt(await open(block('main.cf').split(' = ')[1] ?? ''), u)).toBe(block('reply'));
});

describe('names and templates', () => {
  it('reverses addresses of both families', () => {
    expect(reversedAddress('192.0.2.1')).toBe('1.2.0.192');
    expect(reversedAddress('::ffff:192.0.2.1')).toBe('1.2.0.192');
    expect(reversedAddress('2001:db8::1')).toBe(`1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2`);
    expect(reversedAddress('unknown')).toBeNull();
  });

  it.each(['a@b', '[192.0.2.1]', '192.0.2.1', 'x@ex ample.com', 'x@a..b', `x@${'a.'.repeat(150)}com`])(
    'never queries a domain list about %s',
    (what) => {
      expect(listedDomain(what)).toBeNull();
    },
  );

  it.each(['z=127.0.0', 'z=127.0.0.[2', 'z=127.0.0.[]', 'z=127.0.0.[x]', '=127.0.0.2', 'z=127.0.0.1.2'])(
    'refuses the pattern %s',
    (text) => {
      expect(parseZone(text)).toBeNull();
    },
  );

  it('expands each value once, so a client cannot inject variable names', () => {
    expect(expandTemplate('${a?{got $a}}${b:none} $a', { a: '$b', b: '' })).toBe('got $bnone $b');
    expect(templateReply('$a', 554, { a: 'x\r\n250 ok' })).toEqual({ code: 554, enhanced: '5.7.1', text: 'x??250 ok' });
  });
});
