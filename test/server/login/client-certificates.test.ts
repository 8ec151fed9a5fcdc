/** What a client's certificate is worth at a login: whose it is decides, and only a verified one counts. */
import { X509Certificate } from 'node:crypto';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import type { LineConnection } from '../../../src/net/connection.ts';
import type { Authenticator } from '../../../src/server/login/authenticator.ts';
import {
  type CertificateRules,
  certificateUser,
  lacksCertificate,
  NO_CERTIFICATES,
} from '../../../src/server/login/client-certificates.ts';
import { logIn } from '../../../src/server/login/login.ts';
import { NO_LOGINS } from '../../../src/server/login/no-logins.ts';
import type { LoginRecord } from '../../../src/server/login/record.ts';
import { passwordClaim, type SaslClaim } from '../../../src/server/login/sasl-exchange.ts';
import type { MailboxServices } from '../../../src/server/mailbox-server.ts';
import { accountOf } from '../../kit/directory.ts';
import { hooksOf } from '../../kit/hooks.ts';
import { TLS_INFO } from '../../kit/tls-info.ts';

const certificateOf = async (...names: readonly string[]): Promise<X509Certificate> =>
  new X509Certificate((await generate(names.map((value) => ({ shortName: 'CN', value })))).cert);

const XIXI = await certificateOf('xixi');
const client = (certificate: X509Certificate | null, trusted = true): LineConnection =>
  ({
    id: 'c1',
    remote: { ip: '192.0.2.1', port: 1 },
    signal: new AbortController().signal,
    tls: { ...TLS_INFO, peer: certificate === null ? null : { certificate, trusted, fault: trusted ? '' : 'bad' } },
  }) as unknown as LineConnection;
const CLEAR = { ...client(null), tls: null } as unknown as LineConnection;
const naming: CertificateRules = { required: false, userField: 'CN', external: 'acts' };

describe('T1: a certificate at a login', () => {
  it.each([
    ['in clear text', CLEAR, true],
    ['without one', client(null), true],
    ['with one that is not verified', client(XIXI, false), true],
    ['with a verified one', client(XIXI), false],
  ])('is required: %s', (_name, connection, lacks) => {
    expect(lacksCertificate(connection, { ...naming, required: true })).toBe(lacks);
    expect(lacksCertificate(connection, NO_CERTIFICATES)).toBe(false);
    expect(certificateUser(connection, naming)).toBe(lacks ? '' : 'xixi');
  });

  it.each([
    ['the first of several', ['xixi', 'root'], 'xixi'],
    ['a whole address', ['xixi@ours.test'], 'xixi@ours.test'],
    ['none with a NUL', ['xixi\0.evil'], ''],
    ['none with a line end', ['xixi\nCN=root'], ''],
  ])('names %s', async (_name, names, user) => {
    expect(certificateUser(client(await certificateOf(...names)), naming)).toBe(user);
  });

  const external = (authzid: string): SaslClaim => ({
    kind: 'external',
    authzid,
    mechanism: 'EXTERNAL',
    secret: null,
    conclude: async () => null,
  });
  const password = passwordClaim('maomao', Buffer.from('secret'));
  it.each([
    ['EXTERNAL', client(XIXI), naming, external(''), 'identify xixi'],
    ['EXTERNAL, with its own name', client(XIXI), naming, external('xixi'), 'identify xixi'],
    ['EXTERNAL, with the name of somebody else', client(XIXI), naming, external('maomao'), 'identify '],
    ['EXTERNAL, not verified', client(XIXI, false), naming, external('xixi'), 'identify '],
    ['EXTERNAL, without one', client(null), naming, external('xixi'), 'identify '],
    [
      'EXTERNAL that no passdb takes',
      client(XIXI),
      { ...naming, external: 'refuses' as const },
      external(''),
      'identify ',
    ],
    ['a password', client(XIXI), naming, password, 'verify xixi secret'],
    ['a password, not verified', client(XIXI, false), naming, password, 'verify maomao secret'],
    ['a password, where certificates name nobody', client(XIXI), NO_CERTIFICATES, password, 'verify maomao secret'],
  ])('%s', async (_name, connection, certificates, given, asked) => {
    const said: string[] = [];
    const account = accountOf('xixi@baidu.com');
    const authenticator: Authenticator = {
      ...NO_LOGINS,
      verify: async (who) => {
        said.push(`verify ${who.login} ${who.password}`);
        return { ok: true, account };
      },
      identify: async ({ login }) => {
        said.push(`identify ${login}`);
        return login === '' ? { ok: false, reason: 'credentials' } : { ok: true, account };
      },
    };
    const services = {
      protocol: 'imap',
      authenticator,
      certificates,
      hooks: hooksOf({}),
      places: { take: () => () => {} },
      limits: { sessionsPerUser: 0 },
    } as unknown as MailboxServices;
    const login = { named: () => {}, known: () => {}, failed: () => {} } as unknown as LoginRecord;
    const outcome = await logIn({ services, connection, login }, given, () => {});
    expect([said, outcome.kind]).toEqual([[asked], asked.endsWith(' ') ? 'failed' : 'accepted']);
  });
});
