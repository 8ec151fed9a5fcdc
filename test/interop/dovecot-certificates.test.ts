/**
 * Certificates of clients under the same dovecot.conf, with a real Dovecot 2.3 and with ours: who may log in, as whom, by
 * which mechanism, and what is logged of it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer } from '../kit/server.ts';
import { makeCertificates } from './certificates.ts';
import { maillogOf } from './conversation.ts';
import { startDovecot } from './dovecot.ts';
import { freePort, ran, until } from './program.ts';

const folder = temporaryFolder('dovecot-certificates');
const at = (name: string): string => join(folder, name);

const ASKED = 'ssl_verify_client_cert = yes\n';
const LISTED = `${ASKED}ssl_ca = <${at('ca-and-list.pem')}\n`;
const UNLISTED = `${ASKED}ssl_ca = <${at('ca.pem')}\n`;
const REQUIRED = 'auth_ssl_require_client_cert = yes\n';
const NAMING = `${LISTED}auth_ssl_username_from_cert = yes\nauth_mechanisms = plain external\n`;
const WITHOUT_PASSWORD = 'passdb {\n  driver = static\n  args = nopassword=y\n  mechanisms = external\n}\n';
const CONFIGURATIONS: Readonly<Record<string, string>> = {
  required: LISTED + REQUIRED,
  'required, without revocation lists': UNLISTED + REQUIRED,
  'required, whether revoked or not': `${UNLISTED}ssl_require_crl = no\n${REQUIRED}`,
  'naming users': NAMING + WITHOUT_PASSWORD,
  'naming users by another field, without a passdb for EXTERNAL': `${NAMING}ssl_cert_username_field = x500UniqueIdentifier\n`,
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');
/** Protocol, and what is said. */
const LOGINS: readonly (readonly string[])[] = [
  ['imap', 'a LOGIN maomao@ours.test password'],
  ['pop3', 'USER maomao@ours.test', 'PASS password'],
  ['imap', 'a AUTHENTICATE EXTERNAL ='],
];
const EXTERNAL: readonly (readonly string[])[] = [
  ['imap', `a AUTHENTICATE PLAIN ${base64('\0maomao@ours.test\0password')}`],
  ['imap', 'a AUTHENTICATE EXTERNAL', ''],
  ['imap', `a AUTHENTICATE EXTERNAL ${base64('xixi@ours.test')}`],
  ['imap', `a AUTHENTICATE EXTERNAL ${base64('maomao@ours.test')}`],
  ['pop3', 'AUTH EXTERNAL ='],
  ['pop3', 'AUTH EXTERNAL', ''],
];
const CERTIFICATES = ['', 'xixi', 'revoked', 'selfsigned', 'nameless'];

/** The answers of a server with both protocols. */
async function converse(
  ports: Readonly<Record<string, number>>,
  [protocol = '', ...says]: readonly string[],
  name: string,
): Promise<string[]> {
  const certificate =
    name === '' ? {} : { cert: readFileSync(at(`${name}.pem`)), key: readFileSync(at(`${name}.key`)) };
  const client = await LineClient.connect({ host: '127.0.0.1', port: ports[protocol] ?? 0, certificate });
  const answers: string[] = [];
  const answer = async (): Promise<string> => {
    const line = await client.line();
    return line.startsWith('* ') && !line.startsWith('* OK') ? answer() : line;
  };
  await answer();
  client.send(protocol === 'imap' ? 'a STARTTLS' : 'STLS');
  await answer();
  await client.startTls();
  for (const line of says) {
    client.send(line);
    answers.push((await answer()).replace(/\[CAPABILITY [^\]]*\] /, '').trimEnd());
  }
  client.close();
  return answers;
}

/** Who logged in how, and why others did not. */
const logged = (lines: readonly string[]): string[] =>
  lines
    .flatMap(
      (line) =>
        /Login: user=<[^>]+>, method=\w+/.exec(line)?.[0] ??
        /\((?:cert required|client (?:didn't send|sent an)).*?\)/.exec(line)?.[0] ??
        [],
    )
    .sort();

async function makeFiles(): Promise<void> {
  const host = 'xixi@ours.test';
  const made = await makeCertificates({ mail: { host: 'mail.ours.test' }, selfsigned: { host, selfSigned: true } });
  for (const [name, pem] of Object.entries(made)) writeFileSync(at(name), pem);
  const subjects = {
    xixi: `/CN=${host}/x500UniqueIdentifier=haha@ours.test`,
    revoked: `/CN=${host}`,
    nameless: '/O=Nobody',
  };
  for (const [name, subject] of Object.entries(subjects))
    await ran('openssl', [
      ...['req', '-x509', '-nodes', '-days', '30', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
      ...['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-addext', 'basicConstraints=CA:FALSE'],
      ...['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`), '-subj', subject],
    ]);
  writeFileSync(at('index'), '');
  writeFileSync(
    at('ca.cnf'),
    `[ca]\ndefault_ca = ours\n[ours]\ndatabase = ${at('index')}\ncertificate = ${at('ca.pem')}\nprivate_key = ${at('ca.key')}\ndefault_md = sha256\ndefault_crl_days = 30\n`,
  );
  const authority = ['ca', '-config', at('ca.cnf')];
  await ran('openssl', [...authority, '-revoke', at('revoked.pem')]);
  await ran('openssl', [...authority, '-gencrl', '-out', at('list.pem')]);
  writeFileSync(at('ca-and-list.pem'), ['ca.pem', 'list.pem'].map((name) => readFileSync(at(name), 'utf8')).join(''));
}

describe('T1: certificates of IMAP and POP3 clients as in Dovecot', () => {
  beforeAll(makeFiles);
  afterAll(() => removeFolder(folder));

  it.each(Object.entries(CONFIGURATIONS))('%s', async (_name, settings) => {
    const common = `ssl = yes\nssl_cert = <${at('mail.pem')}\nssl_key = <${at('mail.key')}\nprotocols = imap pop3\n`;
    const pop3 = await freePort();
    const login = `service pop3-login {\n  inet_listener pop3 {\n    port = ${pop3}\n  }\n  inet_listener pop3s {\n    port = 0\n  }\n}\n`;
    const theirs = await startDovecot('password', common + settings + login);
    const names = ['xixi', 'maomao', 'haha'];
    const ours = await startServer({
      portOffset: await freeOffset(),
      accounts: Object.fromEntries(names.map((name) => [`${name}@ours.test`, 'password'])),
      files: { 'main.cf': 'inet_interfaces = 127.0.0.1\n', 'dovecot.conf': common + settings },
    });
    try {
      const dialogs = settings.includes('external') ? [...LOGINS, ...EXTERNAL] : LOGINS;
      const all = async (ports: Readonly<Record<string, number>>): Promise<Record<string, string[]>> =>
        Object.fromEntries(
          await Promise.all(
            CERTIFICATES.flatMap((certificate) =>
              dialogs.map(async (dialog) => [
                `${certificate || 'no certificate'}: ${dialog.join(', ')}`,
                await converse(ports, dialog, certificate),
              ]),
            ),
          ),
        );
      const [told, answered] = await Promise.all([
        all({ imap: theirs.port, pop3 }),
        all({ imap: ours.port(143), pop3: ours.port(110) }),
      ]);
      expect(answered).toEqual(told);
      // The last lines come after their connections have ended.
      const lines = (): string[][] => [logged(maillogOf(ours)), logged(theirs.said().split('\n'))];
      await until('both to have logged', async () => isDeepStrictEqual(...(lines() as [string[], string[]]))).catch(
        () => {},
      );
      const [oursSaid, theirsSaid] = lines();
      expect(oursSaid).toEqual(theirsSaid);
    } finally {
      await Promise.all([ours.stop(), theirs.stop()]);
    }
  });
});
