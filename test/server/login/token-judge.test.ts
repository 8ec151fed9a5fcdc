/** Access tokens by dovecot-oauth2.conf.ext: what is asked, what the answers mean, and the signatures of JWTs. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readOAuth2 } from '../../../src/config/dovecot/oauth2.ts';
import { expandVariables } from '../../../src/config/dovecot/variables.ts';
import { httpSender } from '../../../src/net/http-client.ts';
import type { Send } from '../../../src/server/login/oauth2/ask.ts';
import { checkJwt } from '../../../src/server/login/oauth2/jwt.ts';
import { OAuth2Judge } from '../../../src/server/login/oauth2/token-judge.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { recordLog } from '../../kit/log.ts';

const NOW = 1_800_000_000_000;
const folder = temporaryFolder('tokens');
afterAll(() => removeFolder(folder));

type Answer = readonly [status: number, body: object | string];

/** The judge of a file, with what it asked and logged. */
function judgeBy(lines: string, answer: Answer | Send = [200, {}]) {
  const { oauth2, faults } = readOAuth2(lines, 'dovecot-oauth2.conf.ext');
  if (oauth2 === null) throw new Error(JSON.stringify(faults));
  const asked: string[] = [];
  const { log, lines: said } = recordLog();
  const send: Send =
    typeof answer === 'function'
      ? answer
      : async ({ method, url, headers, body }) => {
          asked.push([method, url, headers['authorization'] ?? '', body?.toString() ?? ''].join(' ').trim());
          const [status, text] = answer;
          return { status, headers: {}, body: Buffer.from(typeof text === 'string' ? text : JSON.stringify(text)) };
        };
  const userOf = (name: string): string => expandVariables(oauth2.usernameFormat, { user: name, home: null });
  const judge = new OAuth2Judge({ settings: { ...oauth2, userOf }, send, log, clock: () => NOW });
  return {
    asked,
    said,
    judge: (token: string, login = 'maomao@baidu.com') => judge.judge(token, { login, remoteIp: '192.0.2.1' }),
  };
}

const POST =
  'introspection_url = http://auth.test/ask\nintrospection_mode = post\nclient_id = c\nclient_secret = s&s\n';
const GOOD = { email: 'Maomao@baidu.com', active: true, scope: 'mail other', iss: 'https://auth.test' };

describe('S1: the authority is asked', () => {
  it.each([
    ['introspection_mode = auth\nintrospection_url = http://a.test/', 'GET http://a.test/ Bearer t+k'],
    ['introspection_url = http://a.test/', 'GET http://a.test/ Bearer t+k'],
    ['introspection_mode = get\nintrospection_url = http://a.test/?t=', 'GET http://a.test/?t=t%2Bk'],
    [POST, 'POST http://auth.test/ask  token=t%2Bk&client_id=c&client_secret=s%26s'],
    ['tokeninfo_url = http://a.test/?access_token=', 'GET http://a.test/?access_token=t%2Bk'],
  ])('%j', async (lines, question) => {
    const { asked, judge } = judgeBy(lines, [200, GOOD]);
    expect(await judge('t+k')).toBe('good');
    expect(asked).toEqual([question]);
  });

  it('asks introspection too where tokeninfo does not name the user, or where that is forced', async () => {
    const lines = 'tokeninfo_url = http://a.test/info?t=\nintrospection_url = http://a.test/ask\n';
    const nameless = judgeBy(lines, [200, { scope: 'mail' }]);
    expect([await nameless.judge('t'), nameless.asked.length]).toEqual(['unavailable', 2]);
    const named = judgeBy(lines, [200, GOOD]);
    expect([await named.judge('t'), named.asked.length]).toEqual(['good', 1]);
    const forced = judgeBy(`${lines}force_introspection = yes\n`, [200, GOOD]);
    expect([await forced.judge('t'), forced.asked.length]).toEqual(['good', 2]);
  });

  it.each<[string, string, Answer, string]>([
    ['', 'good', [200, GOOD], 'good'],
    ['another user', 'other', [200, { ...GOOD, email: 'xixi@baidu.com' }], 'refused'],
    ['no user', '', [200, { active: true }], 'unavailable'],
    ['a user that is no text', '', [200, { ...GOOD, email: { a: 1 } }], 'unavailable'],
    ['not active, by RFC 7662', '', [200, { active: false }], 'refused'],
    ['expired', '', [200, { ...GOOD, expires_in: 0 }], 'refused'],
    ['no JSON', '', [200, 'yes'], 'unavailable'],
    ['a list', '', [200, []], 'unavailable'],
    ['400', '', [400, { error: 'invalid_token' }], 'refused'],
    ['our secret is wrong', '', [401, {}], 'unavailable'],
    ['500', '', [500, {}], 'unavailable'],
    ['elsewhere', '', [302, {}], 'unavailable'],
  ])('an answer: %s', async (_name, _token, answer, verdict) => {
    const { judge, said } = judgeBy(POST, answer);
    expect(await judge('s3cret-token')).toBe(verdict);
    expect(said.join('\n')).not.toContain('s3cret-token');
    expect(said).toHaveLength(verdict === 'good' ? 0 : 1);
  });

  it('401 is about the token where it is the only thing that was shown', async () => {
    expect(await judgeBy('introspection_url = http://a.test/', [401, {}]).judge('t')).toBe('refused');
  });

  it.each([
    ['scope = mail', 'good'],
    ['scope = mail other', 'good'],
    ['scope = mail calendar', 'refused'],
    ['issuers = https://x.test https://auth.test', 'good'],
    ['issuers = https://auth.tes', 'refused'],
    ['active_attribute = active\nactive_value = true', 'good'],
    ['active_attribute = active', 'good'],
    ['active_attribute = scope\nactive_value = yes', 'refused'],
    ['active_attribute = enabled', 'refused'],
    ['username_attribute = iss', 'refused'],
    ['username_attribute = __proto__', 'unavailable'],
    ['username_format = %u', 'refused'],
    ['username_format = %Ln', 'good'],
  ])('%j', async (lines, verdict) => {
    expect(await judgeBy(`${POST}${lines}\n`, [200, GOOD]).judge('t')).toBe(verdict);
  });

  it('a server that does not answer, or answers without end, costs a bounded time and room', async () => {
    const server = createServer((request, response) => {
      if (request.url !== '/endless') return;
      response.on('error', () => {});
      const more = (): boolean => response.write('x'.repeat(65_536), () => void (response.destroyed || more()));
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const send = httpSender({ a: async () => [], aaaa: async () => [] });
    const at = (path: string, timeout: number) =>
      judgeBy(`introspection_url = http://127.0.0.1:${port}${path}\ntimeout_msecs = ${timeout}\n`, send);
    try {
      const [silent, endless] = [at('/silent', 200), at('/endless', 30_000)];
      expect(await silent.judge('t')).toBe('unavailable');
      expect(await endless.judge('a-token')).toBe('unavailable');
      expect(endless.said.join()).toContain('more than 65536 octets');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('asks about at most 100 tokens at once', async () => {
    const waiting = Promise.withResolvers<never>();
    const { judge, said } = judgeBy(POST, () => waiting.promise);
    const verdicts = Array.from({ length: 101 }, (_, at) => judge(`t${at}`));
    expect(await verdicts[100]).toBe('unavailable');
    expect(said.join()).toContain('more than 100 tokens');
    waiting.reject(new Error('over'));
    await Promise.all(verdicts);
  });
});

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const CLAIMS = { sub: 'maomao', email: 'maomao@baidu.com', exp: NOW / 1000 + 60, iat: NOW / 1000 - 1 };

function jwt(header: object, claims: object, signer: (text: Buffer) => Buffer): string {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${signer(Buffer.from(text)).toString('base64url')}`;
}
function key(path: string, text: string | KeyObject): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof text === 'string' ? text : text.export({ type: 'spki', format: 'pem' }));
}
const check = async (token: string): Promise<string> => {
  const checked = await checkJwt(token, { keyFolder: folder, now: NOW });
  return checked.kind === 'fields' ? 'good' : `${checked.kind}: ${checked.why}`;
};

describe('S1: a JWT is checked by its signature', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const ed = generateKeyPairSync('ed25519');
  const secret = Buffer.from('a secret of some length');
  for (const alg of ['RS256', 'PS256']) key(`default/${alg}/default`, rsa.publicKey);
  key('default/ES256/default', ec.publicKey);
  key('default/ES384/default', ec.publicKey);
  key('default/EdDSA/default', ed.publicKey);
  key('default/HS256/default', secret.toString('base64'));
  // Somebody put the public key where a secret belongs.
  key('default/HS384/default', rsa.publicKey);
  key('site/RS256/k1', rsa.publicKey);
  const signRsa = (text: Buffer): Buffer => sign('sha256', text, rsa.privateKey);
  const signers: Readonly<Record<string, (text: Buffer) => Buffer>> = {
    RS256: signRsa,
    PS256: (text) => sign('sha256', text, { key: rsa.privateKey, padding: 6, saltLength: 32 }),
    ES256: (text) => sign('sha256', text, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
    EdDSA: (text) => sign(null, text, ed.privateKey),
    HS256: (text) => createHmac('sha256', secret).update(text).digest(),
  };

  it.each(Object.entries(signers))('%s', async (alg, signer) => {
    const token = jwt({ alg, typ: 'JWT' }, CLAIMS, signer);
    expect(await check(token)).toBe('good');
    const [head = '', , signature = ''] = token.split('.');
    expect(await check(`${head}.${part({ ...CLAIMS, email: 'xixi@baidu.com' })}.${signature}`)).toBe(
      'refused: signature is wrong',
    );
    expect(await check(`${token.slice(0, -10)}`)).toBe('refused: signature is wrong');
  });

  it('the key is chosen by azp and kid', async () => {
    expect(await check(jwt({ alg: 'RS256', kid: 'k1' }, { ...CLAIMS, azp: 'site' }, signRsa))).toBe('good');
    expect(await check(jwt({ alg: 'RS256', kid: 'k2' }, CLAIMS, signRsa))).toMatch(
      /^refused: no key default\/RS256\/k2/,
    );
  });

  it.each<[string, object, object, RegExp]>([
    ['no algorithm', { alg: 'none' }, CLAIMS, /unsupported algorithm "none"/],
    ['an algorithm of objects', { alg: 'constructor' }, CLAIMS, /unsupported algorithm/],
    ['an extension', { alg: 'RS256', crit: ['exp'] }, CLAIMS, /must be understood/],
    ['a kid that leads elsewhere', { alg: 'RS256', kid: '..' }, CLAIMS, /cannot be the name of a key/],
    ['a kid with a slash', { alg: 'RS256', kid: '../x' }, CLAIMS, /cannot be the name of a key/],
    ['an azp that is no text', { alg: 'RS256' }, { ...CLAIMS, azp: ['a'] }, /cannot be the name of a key/],
    ['expired', { alg: 'RS256' }, { ...CLAIMS, exp: NOW / 1000 }, /has expired/],
    ['without end', { alg: 'RS256' }, { ...CLAIMS, exp: undefined }, /missing 'exp'/],
    ['not valid yet', { alg: 'RS256' }, { ...CLAIMS, nbf: NOW / 1000 + 1 }, /not valid yet \('nbf'\)/],
    ['from the future', { alg: 'RS256' }, { ...CLAIMS, iat: NOW / 1000 + 1 }, /not valid yet \('iat'\)/],
    ['without a subject', { alg: 'RS256' }, { ...CLAIMS, sub: undefined }, /missing 'sub'/],
  ])('refuses one with %s', async (_name, header, claims, why) => {
    expect(await check(jwt(header, claims, signRsa))).toMatch(why);
  });

  it('a key of another kind than the algorithm decides nothing', async () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
    const confused = jwt({ alg: 'HS384' }, CLAIMS, (text) => createHmac('sha384', pem).update(text).digest());
    expect(await check(confused)).toMatch(/^unavailable: key default\/HS384\/default: expected a secret in base64/);
    expect(await check(jwt({ alg: 'ES384' }, CLAIMS, (text) => sign('sha384', text, ec.privateKey)))).toMatch(
      /^unavailable: .*not on the curve secp384r1/,
    );
  });

  it.each(['', '.', '..', 'a.b.c', '...', 'bm8.bm8.bm8', `${'x'.repeat(8000)}.y.z`])('refuses %j', async (token) => {
    expect(await check(token)).toBe('refused: it is not a JWT');
  });

  it('introspection_mode = local compares its fields as those of an answer', async () => {
    const lines = `introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=${folder}/\nissuers = https://a.test\n`;
    const { judge, asked } = judgeBy(lines);
    expect(await judge(jwt({ alg: 'RS256' }, { ...CLAIMS, iss: 'https://a.test' }, signRsa))).toBe('good');
    expect(await judge(jwt({ alg: 'RS256' }, { ...CLAIMS, iss: 'https://b.test' }, signRsa))).toBe('refused');
    expect(asked).toEqual([]);
  });
});
