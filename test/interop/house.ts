/**
 * The server that the programs connect to: one domain on 127.0.0.1, no client trusted by its address, a few accounts.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { LineClient } from '../../src/lab/line-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { until } from './program.ts';

export const DOMAIN = 'interop.example';
export const MAIL_HOST = `mail.${DOMAIN}`;
export const PASSWORD = 'a secret & more';
export const account = (name: string): string => `${name}@${DOMAIN}`;

const NAMES = ['maomao', 'xixi', 'haha'] as const;

export interface House extends TestServer {
  /** PEM file of the certificate created at its first start. */
  readonly certificate: string;
  /** A URL of one of its services with the name in the certificate: `url('imaps', 993, '/INBOX')`. */
  url(scheme: string, wellKnown: number, path?: string): string;
}

export interface InteropHouseOptions {
  /** More lines of main.cf; later ones win. */
  readonly main?: readonly string[];
  /** More configuration files, or replacements for those here. */
  readonly files?: Readonly<Record<string, string>>;
  readonly names?: readonly string[];
}

export async function startInteropHouse(more: InteropHouseOptions = {}): Promise<House> {
  const portOffset = await freeOffset();
  const server = await startServer({
    portOffset,
    accounts: Object.fromEntries((more.names ?? NAMES).map((name) => [account(name), PASSWORD])),
    files: {
      'main.cf': [
        'compatibility_level = 3.6',
        `myhostname = ${MAIL_HOST}`,
        `mydomain = ${DOMAIN}`,
        'myorigin = $mydomain',
        'mydestination = $myhostname, $mydomain, localhost',
        'inet_interfaces = 127.0.0.1',
        'inet_protocols = ipv4',
        'mynetworks = 127.0.0.99/32',
        'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
        'smtpd_sasl_auth_enable = yes',
        'smtpd_tls_security_level = may',
        // Nothing here may connect to other machines.
        'relayhost = [127.0.0.1]:9',
        ...(more.main ?? []),
        '',
      ].join('\n'),
      'dovecot.conf': 'protocols = imap pop3\n',
      // Names of clients are looked up in these zones only.
      'named.conf':
        `options { listen-on port 53 { 127.0.0.1; }; };\nzone "${DOMAIN}" { type master; file "zone"; };\n` +
        'zone "127.in-addr.arpa" { type master; file "reverse"; };\n',
      zone: '$TTL 1D\n@ IN SOA mail admin 1 1D 1H 1W 1H\n  NS mail\n  MX 10 mail\nmail A 127.0.0.1\nclient A 127.0.0.1\n',
      reverse: `$TTL 1D\n@ IN SOA mail.${DOMAIN}. admin.${DOMAIN}. 1 1D 1H 1W 1H\n  NS mail.${DOMAIN}.\n1.0.0 PTR client.${DOMAIN}.\n`,
      ...more.files,
    },
  });
  return Object.assign(server, {
    certificate: join(server.folders.data, 'tls', `${MAIL_HOST}.pem`),
    url: (scheme: string, wellKnown: number, path = ''): string =>
      `${scheme}://${MAIL_HOST}:${server.port(wellKnown)}${path}`,
  });
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** Opens a mailbox by IMAP over TLS with our own small client, to verify independently what a program did. */
export async function openMailbox(house: House, name: string, mailbox = 'INBOX'): Promise<LineClient> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: house.port(993), tls: true, timeoutMs: 30_000 });
  await client.line();
  const login = await client.imap('l1', `LOGIN ${quoted(account(name))} ${quoted(PASSWORD)}`);
  const select = await client.imap('l2', `SELECT ${quoted(mailbox)}`);
  if (login.at(-1)?.startsWith('l1 OK') !== true || select.at(-1)?.startsWith('l2 OK') !== true) {
    client.close();
    throw new Error(`${mailbox} of ${name}: ${login.at(-1)} ${select.at(-1)}`);
  }
  return client;
}

/** The lines of the answer to one command in a mailbox. */
export async function ask(house: House, name: string, command: string, mailbox = 'INBOX'): Promise<string[]> {
  const client = await openMailbox(house, name, mailbox);
  try {
    return await client.imap('q1', command);
  } finally {
    client.close();
  }
}

/** UIDs or numbers from `* SEARCH …`. */
export async function search(house: House, name: string, criteria: string, mailbox = 'INBOX'): Promise<number[]> {
  const lines = await ask(house, name, `SEARCH ${criteria}`, mailbox);
  const found = lines.find((line) => line.startsWith('* SEARCH'));
  if (found === undefined) throw new Error(`SEARCH ${criteria}: ${lines.join(' ')}`);
  return found.split(' ').slice(2).filter(Boolean).map(Number);
}

/** Waits until a message with that subject arrives. */
export function arrival(house: House, name: string, subject: string, mailbox = 'INBOX'): Promise<void> {
  return until(
    `"${subject}" in ${mailbox} of ${name}`,
    async () => (await search(house, name, `HEADER SUBJECT "${subject}"`, mailbox)).length > 0,
  );
}

export const digest = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** One section of a message, octet for octet, read with `FETCH n BODY.PEEK[section]`. */
export async function section(
  house: House,
  name: string,
  number: number,
  what: string,
  mailbox = 'INBOX',
): Promise<Buffer> {
  const lines = await ask(house, name, `FETCH ${number} BODY.PEEK[${what}]`, mailbox);
  const text = lines.join('\r\n');
  const literal = /\{(\d+)\}\r\n/.exec(text);
  if (literal === null) throw new Error(`FETCH ${number} BODY[${what}]: ${text}`);
  const start = literal.index + literal[0].length;
  return Buffer.from(text.slice(start, start + Number(literal[1])), 'latin1');
}
