import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer, type TestServerOptions } from '../../src/authoring/test-server.ts';
import { ed25519Key, keyRecord, rsaKey, type Signing, signedBy } from '../../test/kit/dkim-keys.ts';
import { removeFolder, temporaryFolder } from '../../test/kit/folder.ts';

const QUEUED = /^250 2\.0\.0 Ok/;
const NOW = '2026-01-01T12:00:00Z';

const KEYS = { rsa: rsaKey(2048), small: rsaKey(512), ed: ed25519Key() };

/** Character-strings of at most 255 octets. */
const txt = (text: string): string => (text.match(/.{1,200}/g) ?? []).map((part) => `"${part}"`).join(' ');

const ZONES = {
  'example.org': [
    '@ TXT "v=spf1 ip4:203.0.113.9 -all"',
    '_dmarc TXT "v=DMARC1; p=reject; sp=quarantine"',
    `rsa._domainkey TXT ( ${txt(keyRecord(KEYS.rsa))} )`,
    `small._domainkey TXT ( ${txt(keyRecord(KEYS.small))} )`,
    `ed._domainkey TXT ( ${txt(keyRecord(KEYS.ed))} )`,
    'client A 203.0.113.9',
    'client TXT "v=spf1 a -all"',
    'news A 203.0.113.9',
  ].join('\n'),
  'example.net': '@ TXT "v=spf1 ip4:198.51.100.7 -all"\n_dmarc TXT "v=DMARC1; p=none"',
  'soft.example': '@ TXT "v=spf1 ~all"',
  'bad.example': '@ TXT "v=spf1 ip4:1.2.3 -all"',
  '113.0.203.in-addr.arpa': '9 PTR client.example.org.',
};

const READER = `import { definePlugin, NEXT, noteKey } from ${JSON.stringify(new URL('../../src/bus/plugin.ts', import.meta.url).pathname)};
export default definePlugin({
  name: 'reader',
  after: ['mail-auth'],
  register(server) {
    server.on('data_post', ({ transaction }) => {
      transaction.prepend.push('X-Found: ' + JSON.stringify(transaction.notes.get(noteKey('mail-auth.results'))));
      return NEXT;
    });
  },
});
`;

let server: TestServer;
afterEach(() => server?.close());

const start = async (config: object = {}, more: Partial<TestServerOptions> = {}): Promise<void> => {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    config: { 'mail-auth': config },
    now: NOW,
    zones: ZONES,
    worker: false,
    ...more,
  });
};

const TEXT = 'From: A <a@example.org>\r\nTo: user@example.test\r\nSubject: test\r\n\r\nhello\r\n';

type Signed = Omit<Signing, 'key'> & { readonly selector?: keyof typeof KEYS };
const signed = (text = TEXT, { selector = 'rsa', ...more }: Signed = {}): Promise<string> =>
  signedBy(text, { key: KEYS[selector], selector, ...more });

/** Sends, and returns the field that the message got, in one line. */
async function results(message: string, { from = 'a@example.org', ip = '203.0.113.9' } = {}): Promise<string> {
  expect(await server.send({ from, to: 'user@example.test', message, ip })).toMatch(QUEUED);
  const [inbox, junk] = [
    await server.messages('user@example.test'),
    await server.messages('user@example.test', 'Junk'),
  ];
  return [...inbox, ...junk].at(-1)?.header.get('Authentication-Results') ?? '';
}

/** The results of one method, such as `fail (why) header.d=…`. */
const of = (field: string, method: string): string[] =>
  field
    .split('; ')
    .filter((row) => row.startsWith(`${method}=`))
    .map((row) => row.slice(method.length + 1));
const stored = async (mailbox = 'INBOX') => (await server.messages('user@example.test', mailbox)).at(-1);
const STRANGER = { from: 'a@example.org', ip: '198.51.100.66' };

describe('mail-auth (S8)', () => {
  it('says what SPF, DKIM, DMARC and the reverse name say of a good message', async () => {
    await start();
    expect((await results(await signed())).replace(/header\.b=\S+;/, 'header.b=…;')).toBe(
      'mail.example.test; iprev=pass (client.example.org) policy.iprev=203.0.113.9;' +
        ' spf=pass (domain of client.example.org designates 203.0.113.9 as permitted sender) smtp.helo=client.example.org;' +
        ' spf=pass (domain of example.org designates 203.0.113.9 as permitted sender) smtp.mailfrom=a@example.org;' +
        ' dkim=pass (2048-bit key) header.d=example.org header.i=@example.org header.s=rsa header.a=rsa-sha256 header.b=…;' +
        ' arc=none; dmarc=pass (p=reject of example.org) policy.dmarc=reject header.from=example.org',
    );
    const message = await stored();
    expect(message?.header.get('X-Mail-Auth')).toBeNull();
    expect(message?.header.get('Received-SPF')).toBeNull();
  });

  it('tags what fails, and accepts it: a forged message is known by its fields', async () => {
    await start({ received_spf: true });
    const field = await results(TEXT, STRANGER);
    expect(of(field, 'spf').at(-1)).toBe(
      'fail (domain of example.org does not designate 198.51.100.66 as permitted sender) smtp.mailfrom=a@example.org',
    );
    expect(of(field, 'dkim')).toEqual(['none (message not signed)']);
    expect(of(field, 'dmarc')).toEqual(['fail (p=reject of example.org) policy.dmarc=reject header.from=example.org']);
    expect(of(field, 'iprev')).toEqual(['fail policy.iprev=198.51.100.66']);
    const message = await stored();
    expect(message?.header.get('X-Mail-Auth')).toBe('tag; dmarc_reject, spf_fail, helo_fail');
    expect(message?.header.get('Received-SPF')).toBe(
      'fail client-ip=198.51.100.66; envelope-from=a@example.org; helo=client.example.org; identity=mailfrom',
    );
    expect((await server.logged(/dmarc=fail/)).msg).toMatch(
      /^\w+: iprev=fail spf=fail spf=fail dkim=none arc=none dmarc=fail: tag$/,
    );
  });

  it.each([
    ['reject', '550 5.7.26 Error: message is not authenticated as its From domain wants it (DMARC)'],
    ['defer', '451 4.7.26 Error: message is not authenticated as its From domain wants it (DMARC)'],
  ])('refuses where that is wanted: %s', async (action, reply) => {
    await start({ actions: { dmarc_reject: action } });
    expect(await server.send({ ...STRANGER, to: 'user@example.test', message: TEXT })).toBe(reply);
  });

  it('quarantines into Junk, with a field and a keyword that filters see', async () => {
    await start({ actions: { dmarc_reject: 'quarantine' } });
    await results(TEXT, STRANGER);
    const junk = await stored('Junk');
    expect(junk?.flags).toContain('$Junk');
    expect(junk?.header.get('X-Mail-Auth')).toBe('quarantine; dmarc_reject, spf_fail, helo_fail');
    expect(await stored()).toBeUndefined();
  });

  it('does for each recipient what is wanted for it; beside others a refusal is a quarantine', async () => {
    await start(
      { for: [{ recipients: ['strict@example.test'], actions: { dmarc_reject: 'reject', spf_fail: 'none' } }] },
      { accounts: ['user@example.test', 'strict@example.test'] },
    );
    const letter = { ...STRANGER, message: TEXT };
    expect(await server.send({ ...letter, to: 'strict@example.test' })).toMatch(/^550 5\.7\.26/);
    expect(await server.send({ ...letter, to: 'user@example.test' })).toMatch(QUEUED);
    expect(await server.send({ ...letter, to: ['strict@example.test', 'user@example.test'] })).toMatch(QUEUED);
    const count = async (account: string, mailbox: string) => (await server.messages(account, mailbox)).length;
    expect(await count('strict@example.test', 'Junk')).toBe(1);
    expect(await count('user@example.test', 'INBOX')).toBe(2);
  });

  it('judges neither users nor trusted clients', async () => {
    await start({ actions: { dmarc_reject: 'reject' }, clients: ['198.51.100.0/24'] });
    const letter = { from: 'a@example.org', to: 'user@example.test', message: TEXT };
    for (const client of [
      { ip: '192.0.2.1' },
      { ip: '198.51.100.66' },
      { ip: '203.0.114.1', user: 'user@example.test' },
    ])
      expect(await server.send({ ...letter, from: client.user ?? letter.from, ...client })).toMatch(QUEUED);
    for (const { header } of await server.messages('user@example.test'))
      expect(header.get('Authentication-Results')).toBeNull();
  });

  it('removes fields that claim to be ours, also in odd spelling, and keeps those of others', async () => {
    await start({ authserv_id: 'auth.example.test' });
    const forged = [
      'auth.example.test; dkim=pass',
      'AUTH.Example.Test 1; dkim=pass',
      '(a (nested) comment) "auth.example.test";\r\n\tdkim=pass',
      '"auth\\.example.test"; dkim=pass',
      'auth.example.test.; spf=pass',
      'auth.example.test(x); spf=pass',
      '(open auth.example.test; spf=pass',
    ].map((value) => `Authentication-Results: ${value}\r\n`);
    const other = 'other.example.test; spf=fail smtp.mailfrom="auth.example.test"';
    const message = `${forged.join('')}authentication-results : auth.example.test; spf=pass\r\nAuthentication-Results: ${other}\r\nX-Mail-Auth: quarantine; dmarc_reject\r\n${TEXT}`;
    await results(message);
    const { header } = (await stored()) ?? {};
    const found = header?.all('Authentication-Results') ?? [];
    expect(found).toHaveLength(2);
    expect(found[0]).toMatch(/^auth\.example\.test; iprev=pass /);
    expect(found[1]).toBe(other);
    expect(header?.get('X-Mail-Auth')).toBeNull();
  });

  it('judges the null reverse-path by the name in HELO, also for DMARC', async () => {
    await start();
    const letter = { from: '', to: 'user@example.test', message: TEXT, helo: 'client.example.org' };
    expect(await server.send(letter)).toMatch(QUEUED);
    const field = (await stored())?.header.get('Authentication-Results') ?? '';
    expect(of(field, 'spf')).toEqual([
      'pass (domain of client.example.org designates 203.0.113.9 as permitted sender) smtp.helo=client.example.org',
    ]);
    expect(of(field, 'dmarc')[0]).toMatch(/^pass /);
  });

  it('other plugins read the results', async () => {
    const folder = temporaryFolder('mail-auth');
    writeFileSync(join(folder, 'reader.ts'), READER);
    await start({}, { plugins: [import.meta.dirname, join(folder, 'reader.ts')] });
    await results(await signed());
    const { dkim, dmarc } = JSON.parse((await stored())?.header.get('X-Found') ?? '{}');
    expect(dkim).toEqual([{ result: 'pass', domain: 'example.org', selector: 'rsa', unsigned: 0, isAligned: true }]);
    expect(dmarc).toMatchObject({ result: 'pass', from: 'example.org', policyDomain: 'example.org' });
    removeFolder(folder);
  });

  it('counts the results', async () => {
    await start();
    await results(await signed());
    expect(
      await server.metric('posthorn_plugin_mail_auth_results_total', { check: 'dmarc', result: 'pass' }),
    ).toBeGreaterThan(0);
  });
});

describe('DKIM', () => {
  it.each<readonly [string, Signed, string, RegExp]>([
    [
      'an Ed25519 signature (RFC 8463)',
      { selector: 'ed' },
      TEXT,
      /^pass header\.d=example\.org .* header\.a=ed25519-sha256/,
    ],
    ['simple/simple', { canonicalization: 'simple/simple' }, TEXT, /^pass /],
    [
      'an expired signature',
      { signTime: '2025-12-01T00:00:00Z', expires: '2025-12-31T00:00:00Z' },
      TEXT,
      /^neutral \(expired/,
    ],
    ['a signature of the future', { signTime: '2026-01-02T00:00:00Z' }, TEXT, /^neutral \(signature of the future/],
    ['a clock that is a minute ahead', { signTime: '2026-01-01T12:01:00Z' }, TEXT, /^pass /],
    ['a key of 512 bit (RFC 8301)', { selector: 'small' }, TEXT, /^policy policy\.dkim-rules=weak-key /],
  ])('%s', async (_, signing, text, expected) => {
    await start();
    expect(of(await results(await signed(text, signing), STRANGER), 'dkim')[0]).toMatch(expected);
  });

  it('a changed body, a changed field and a key that is not there', async () => {
    await start();
    const message = await signed();
    const verdicts: (string | undefined)[] = [];
    for (const changed of [
      message.replace('hello', 'HELLO'),
      message.replace('Subject: test', 'Subject: prize'),
      message.replace('s=rsa', 's=other'),
    ])
      verdicts.push(of(await results(changed), 'dkim')[0]?.replace(/ header\..*$/, ''));
    expect(verdicts).toEqual(['fail (body hash did not verify)', 'fail (bad signature)', 'neutral (no key)']);
  });

  it('reports what l= leaves unsigned', async () => {
    await start();
    const message = `${await signed(TEXT, { maxBodyLength: 5 })}appended\r\n`;
    expect(of(await results(message), 'dkim')[0]).toMatch(
      /^pass \(12 octets of the body are not signed, 2048-bit key\)/,
    );
  });
});
