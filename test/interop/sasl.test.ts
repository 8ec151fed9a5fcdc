/**
 * SASL beside a real Dovecot 2.3, and a real Postfix that asks it: the same accounts, the same dovecot.conf and
 * dovecot-oauth2.conf.ext, the same dialogs on IMAP, POP3 and SMTP, the same answers.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { hmacMd5, hmacMd5States } from '../../src/protocol/sasl/hmac-md5.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { type ClientOptions, scramClient } from '../kit/scram-client.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { freePort, ran } from './program.ts';

const folder = temporaryFolder('sasl');
const MECHANISMS = 'plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer';
const PASSWORD = 'geheim';
const SCHEMES = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5', 'SHA512-CRYPT'];
const userOf = (scheme: string): string => `${scheme.toLowerCase()}@ours.test`;

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');
const fromBase64 = (text: string): string => Buffer.from(text, 'base64').toString('latin1');

type Protocol = 'imap' | 'pop3' | 'smtp';
type Ports = Readonly<Record<Protocol, number>>;
/** A response, in clear, or as it is sent; a function makes it of the challenges so far, in clear. */
type Response = string | { readonly raw: string } | ((challenges: readonly string[]) => string);
interface Dialog {
  readonly mechanism: string;
  /** Sent with the command. */
  readonly initial?: string | { readonly raw: string };
  readonly responses: readonly Response[];
}

const START: Readonly<Record<Protocol, string>> = { imap: 'a AUTHENTICATE', pop3: 'AUTH', smtp: 'AUTH' };

let clients = 0;

/** What the server says: challenges as they are, those with something random by their kind, then the last line. */
async function converse(
  ports: Ports,
  protocol: Protocol,
  { mechanism, initial, responses }: Dialog,
): Promise<string[]> {
  // Both make a client wait that has failed.
  clients += 1;
  const localAddress = `127.${protocol.length}.${Math.floor(clients / 250)}.${1 + (clients % 250)}`;
  const client = await LineClient.connect({
    host: '127.0.0.1',
    port: ports[protocol],
    localAddress,
    timeoutMs: 30_000,
  });
  const answers: string[] = [];
  const answer = async (): Promise<string> => {
    const line = (await client.line()).trimEnd();
    return /^(?:\* (?!OK)|250-)/.test(line) ? answer() : line;
  };
  try {
    await answer();
    if (protocol === 'smtp') {
      client.send('EHLO client.test');
      await answer();
    }
    client.send(
      `${START[protocol]} ${mechanism}${initial === undefined ? '' : ` ${typeof initial === 'string' ? base64(initial) : initial.raw}`}`,
    );
    const challenges: string[] = [];
    for (const response of [...responses, null]) {
      const line = await answer();
      const [asks, sent = ''] = /^(?:\+|334)(?: (.*))?$/.exec(line) ?? [];
      if (asks === undefined) {
        answers.push(plain(line));
        break;
      }
      challenges.push(fromBase64(sent));
      answers.push(shape(fromBase64(sent)));
      if (response === null) break;
      client.send(
        typeof response === 'object'
          ? response.raw
          : base64(typeof response === 'string' ? response : response(challenges)),
      );
    }
  } finally {
    client.close();
  }
  return answers;
}

/** Without what differs from login to login; of the reasons for a refusal ours are those of Cyrus SASL. */
const shape = (challenge: string): string =>
  challenge
    .replace(/^(r=fyko\+d2lbbFgONRv9qkxdawL)[^,]+,/, '$1…,')
    .replace(/^<.*>$/, '<…>')
    .replace(/^v=.*/, 'v=…');
const plain = (line: string): string =>
  line
    .replace(/\[CAPABILITY [^\]]*\] /, '')
    .replace(/\s*\[[\w.-]+:\d{4}-[^\]]*\]/, '')
    .replace(/^(535 5\.7\.8 Error: authentication failed): .*/, '$1');

function scram(scheme: string, options: Partial<ClientOptions> = {}, last: Response = ''): Dialog {
  const hash = scheme === 'SCRAM-SHA-1' ? 'sha1' : 'sha256';
  const client = scramClient({ hash, login: userOf(scheme), password: PASSWORD, ...options });
  return {
    mechanism: scheme,
    responses: [client.first, (challenges) => client.final(challenges.at(-1) ?? ''), last],
  };
}

const cram = (login: string, password: string): Dialog => ({
  mechanism: 'CRAM-MD5',
  responses: [
    ([challenge = '']) =>
      `${login} ${hmacMd5(hmacMd5States(Buffer.from(password)), Buffer.from(challenge))?.toString('hex')}`,
  ],
});

const TOKEN_USER = userOf('SHA512-CRYPT');
const xoauth2 = (token: string, user = TOKEN_USER): Dialog => ({
  mechanism: 'XOAUTH2',
  initial: `user=${user}\x01auth=Bearer ${token}\x01\x01`,
  responses: [''],
});
const bearer = (token: string, user = TOKEN_USER): Dialog => ({
  mechanism: 'OAUTHBEARER',
  initial: `n,a=${user},\x01host=mail.ours.test\x01port=143\x01auth=Bearer ${token}\x01\x01`,
  responses: ['\x01'],
});
const first = (message: string): Dialog => ({ mechanism: 'SCRAM-SHA-256', responses: [message] });

const DIALOGS: Readonly<Record<string, Dialog>> = {
  'SCRAM-SHA-256': scram('SCRAM-SHA-256'),
  'SCRAM-SHA-1': scram('SCRAM-SHA-1'),
  'SCRAM, wrong password': scram('SCRAM-SHA-256', { password: 'falsch' }),
  'SCRAM, y flag': scram('SCRAM-SHA-256', { header: 'y,,' }),
  'SCRAM, p flag': scram('SCRAM-SHA-256', { header: 'p=tls-exporter,,' }),
  'SCRAM, another header at the end': scram('SCRAM-SHA-256', { header: 'y,,', sentHeader: 'n,,' }),
  'SCRAM, for somebody else': scram('SCRAM-SHA-256', { header: 'n,a=other,' }),
  'SCRAM, another nonce at the end': scram('SCRAM-SHA-256', { change: (final) => final.replace(',r=f', ',r=g') }),
  'SCRAM, without proof': scram('SCRAM-SHA-256', { change: (final) => final.replace(/,p=.*/, '') }),
  'SCRAM, a short proof': scram('SCRAM-SHA-256', { change: (final) => final.replace(/,p=.*/, ',p=YQ==') }),
  'SCRAM, something at the end': scram('SCRAM-SHA-256', {}, 'xxx'),
  'SCRAM, cancelled at the end': scram('SCRAM-SHA-256', {}, { raw: '*' }),
  'SCRAM, cancelled': { mechanism: 'SCRAM-SHA-256', responses: [{ raw: '*' }] },
  'SCRAM, no base64': { mechanism: 'SCRAM-SHA-256', responses: [{ raw: '!!!' }] },
  'SCRAM, no base64 at the end': scram('SCRAM-SHA-256', {}, { raw: '!!!' }),
  'SCRAM, no base64 with the command': { mechanism: 'SCRAM-SHA-256', initial: { raw: '!!!' }, responses: [] },
  'SCRAM, empty': first(''),
  'SCRAM, no name': first('n,,n=,r=abc'),
  'SCRAM, an extension that must be known': first('n,,m=1,n=a,r=abc'),
  'CRAM-MD5': cram(userOf('CRAM-MD5'), PASSWORD),
  'CRAM-MD5, wrong password': cram(userOf('CRAM-MD5'), 'falsch'),
  'CRAM-MD5, unknown user': cram('nobody@ours.test', PASSWORD),
  'CRAM-MD5, another scheme': cram(userOf('SHA512-CRYPT'), PASSWORD),
  'CRAM-MD5, malformed': { mechanism: 'CRAM-MD5', responses: ['xyz'] },
  XOAUTH2: xoauth2('good'),
  'XOAUTH2, for somebody else': xoauth2('other'),
  'XOAUTH2, not active': xoauth2('inactive'),
  'XOAUTH2, another scope': xoauth2('narrow'),
  'XOAUTH2, an answer without a user': xoauth2('nameless'),
  'XOAUTH2, the server fails': xoauth2('broken'),
  'XOAUTH2, no token': { mechanism: 'XOAUTH2', initial: `user=${TOKEN_USER}\x01\x01`, responses: [] },
  'XOAUTH2, in capitals': xoauth2('good', TOKEN_USER.toUpperCase()),
  OAUTHBEARER: bearer('good'),
  'OAUTHBEARER, for somebody else': bearer('other'),
  'OAUTHBEARER, not active': bearer('inactive'),
  'OAUTHBEARER, without a user': bearer('good', ''),
  'OAUTHBEARER, p flag': { mechanism: 'OAUTHBEARER', initial: 'p=x,a=a,\x01auth=Bearer good\x01\x01', responses: [] },
  'OAUTHBEARER, refused and cancelled': { ...bearer('other'), responses: [{ raw: '*' }] },
};

/** Where ours is another last answer. */
const BAD_BASE64 = 'a BAD Invalid base64 data in continued response';
const LATER = '454 4.7.0 Temporary authentication failure: Connection lost to authentication server';
const OTHERWISE: Readonly<Record<Protocol, Readonly<Record<string, string>>>> = {
  // RFC 9051 section 6.2.2
  imap: { 'SCRAM, no base64': BAD_BASE64, 'SCRAM, no base64 at the end': BAD_BASE64 },
  pop3: {},
  // RFC 4954 section 4.7.1; Postfix hears from Dovecot only that it failed.
  smtp: { 'XOAUTH2, the server fails': LATER, 'XOAUTH2, an answer without a user': LATER },
};

/** What the authority says of a token. */
const TOKENS: Readonly<Record<string, object>> = {
  good: { email: TOKEN_USER, active: true, scope: 'mail other' },
  other: { email: userOf('CRAM-MD5'), active: true, scope: 'mail' },
  inactive: { email: TOKEN_USER, active: false, scope: 'mail' },
  narrow: { email: TOKEN_USER, active: true, scope: 'calendar' },
  nameless: { active: true },
};

let authority: Server;
let theirs: Dovecot;
let postfix: Postfix;
let ours: TestServer;
let ports: { readonly theirs: Ports; readonly ours: Ports };

beforeAll(async () => {
  chmodSync(folder, 0o755);
  authority = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.on('end', () => {
      const form = new URLSearchParams(body);
      const known = form.get('client_secret') === 'secret' ? TOKENS[form.get('token') ?? ''] : undefined;
      response.writeHead(known === undefined ? 500 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(known ?? {}));
    });
  });
  await new Promise<void>((resolve) => authority.listen(0, '127.0.0.1', resolve));
  const oauth2 = `introspection_url = http://127.0.0.1:${(authority.address() as AddressInfo).port}/introspect
introspection_mode = post
username_attribute = email
active_attribute = active
active_value = true
client_id = posthorn
client_secret = secret
scope = mail
openid_configuration_url = https://auth.ours.test/openid
`;
  writeFileSync(join(folder, 'dovecot-oauth2.conf.ext'), oauth2);
  const hashes = await Promise.all(SCHEMES.map((scheme) => ran('doveadm', ['pw', '-s', scheme, '-p', PASSWORD])));
  writeFileSync(join(folder, 'users'), SCHEMES.map((scheme, at) => `${userOf(scheme)}:${hashes[at]}::::::\n`).join(''));
  const pop3 = await freePort();
  const auth = `auth_mechanisms = ${MECHANISMS}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${folder}/dovecot-oauth2.conf.ext
}
`;
  theirs = await startDovecot(
    null,
    `protocols = imap pop3
auth_failure_delay = 0
${auth}passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
  args = ${folder}/users
}
service auth {
  unix_listener ${folder}/auth {
    mode = 0666
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${pop3}
  }
  inet_listener pop3s {
    port = 0
  }
}
`,
  );
  const main = ['smtpd_sasl_auth_enable = yes', 'smtpd_sasl_security_options = noanonymous'];
  postfix = await startPostfix({
    main: [...main, 'smtpd_sasl_type = dovecot', `smtpd_sasl_path = ${folder}/auth`, 'smtpd_error_sleep_time = 0'],
  });
  ours = await startServer({
    portOffset: await freeOffset(),
    files: {
      'main.cf': [
        'inet_interfaces = 127.0.0.1',
        'mydestination = ours.test',
        ...main,
        'smtpd_error_sleep_time = 0',
        'smtpd_tls_auth_only = no',
        '',
      ].join('\n'),
      'dovecot.conf': `protocols = imap pop3\ndisable_plaintext_auth = no\n${auth}`,
    },
  });
  for (const [at, scheme] of SCHEMES.entries())
    await ours.command(['user', 'add', userOf(scheme), '--password-hash-stdin'], `${hashes[at]}\n`);
  ports = {
    theirs: { imap: theirs.port, pop3, smtp: postfix.port },
    ours: { imap: ours.port(143), pop3: ours.port(110), smtp: ours.port(25) },
  };
}, 120_000);

afterAll(async () => {
  await Promise.all([theirs?.stop(), postfix?.stop(), ours?.stop()]);
  authority?.closeAllConnections();
  authority?.close();
  removeFolder(folder);
});

describe('S1: SASL as with Dovecot', () => {
  it.each<Protocol>(['imap', 'pop3', 'smtp'])(
    '%s',
    async (protocol) => {
      const all = async (of: Ports): Promise<Record<string, string[]>> =>
        Object.fromEntries(
          await Promise.all(
            Object.entries(DIALOGS).map(async ([name, dialog]) => [name, await converse(of, protocol, dialog)]),
          ),
        );
      const [told, answered] = await Promise.all([all(ports.theirs), all(ports.ours)]);
      for (const [name, answer] of Object.entries(OTHERWISE[protocol])) {
        expect([name, answered[name]?.at(-1)]).toEqual([name, answer]);
        delete answered[name];
        delete told[name];
      }
      expect(answered).toEqual(told);
    },
    90_000,
  );
});

describe('S1: clients log in', () => {
  const curl = (protocol: Protocol, mechanism: string, token: string): Promise<string> =>
    ran('curl', [
      ...['-sS', '--url', `${protocol}://127.0.0.1:${ports.ours[protocol]}/`, '--user', TOKEN_USER],
      ...['--oauth2-bearer', token, '--login-options', `AUTH=${mechanism}`, '-o', '/dev/null', '--max-time', '30'],
      ...(protocol === 'smtp' ? ['--request', 'NOOP'] : []),
    ]);

  it.each(['XOAUTH2', 'OAUTHBEARER'])('curl with %s', async (mechanism) => {
    for (const protocol of ['imap', 'pop3', 'smtp'] as const) {
      await curl(protocol, mechanism, 'good');
      await expect(curl(protocol, mechanism, 'other')).rejects.toThrow(/Login denied|exit|67/i);
    }
  });

  it.each([
    ['imap', 'SCRAM-SHA-256'],
    ['imap', 'SCRAM-SHA-1'],
    ['imap', 'CRAM-MD5'],
    ['smtp', 'SCRAM-SHA-256'],
    ['smtp', 'SCRAM-SHA-1'],
    ['smtp', 'CRAM-MD5'],
  ] as const)('gsasl over %s with %s', async (protocol, mechanism) => {
    expect(await gsasl(protocol, ports.ours[protocol], mechanism, ['--no-starttls'])).toMatch(WELCOME);
  });

  it('gsasl, bound to TLS; it is refused where it was told that there is no binding', async () => {
    const bound = await startServer({
      portOffset: await freeOffset(),
      files: {
        'main.cf':
          'inet_interfaces = 127.0.0.1\nmydestination = ours.test\nsmtpd_sasl_auth_enable = yes\nsmtpd_tls_security_level = may\n',
        'dovecot.conf': 'protocols = imap\nauth_mechanisms = scram-sha-256-plus scram-sha-256 scram-sha-1-plus\n',
      },
    });
    try {
      for (const scheme of ['SCRAM-SHA-256', 'SCRAM-SHA-1']) {
        await bound.command(['user', 'add', userOf(scheme), '--password-stdin', '--scheme', scheme], `${PASSWORD}\n`);
        for (const [protocol, port] of [
          ['imap', bound.port(143)],
          ['smtp', bound.port(25)],
        ] as const)
          expect(await gsasl(protocol, port, `${scheme}-PLUS`, ['--x509-ca-file='])).toMatch(WELCOME);
      }
      // It can bind, and says so, but was made to use the mechanism that does not.
      await expect(gsasl('imap', bound.port(143), 'SCRAM-SHA-256', ['--x509-ca-file='])).rejects.toThrow();
    } finally {
      await bound.stop();
    }
  });
});

const WELCOME = /^(?:\. OK .*Logged in|235 )/m;

/** What it says. Rejects if the login fails. */
function gsasl(protocol: 'imap' | 'smtp', port: number, mechanism: string, more: readonly string[]): Promise<string> {
  const login = userOf(mechanism.replace(/-PLUS$/, ''));
  const who = ['--authentication-id', login, '--password', PASSWORD];
  return ran('gsasl', [`--${protocol}`, '--mechanism', mechanism, ...who, ...more, '127.0.0.1', String(port)]);
}
