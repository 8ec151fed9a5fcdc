/** Two servers, each a process with its own folders and ports, on one database; and clients of them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { ImapClient } from '../kit/imap-client.ts';
import { Pop3Client } from '../kit/pop3-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';
import { openDatabase } from './database.ts';

export interface Pair {
  readonly a: TestServer;
  readonly b: TestServer;
  close(): Promise<void>;
}

/** The configuration of a server of example.test; `more`: lines of main.cf. */
export function siteFiles(name: string, store: string, more: readonly string[] = []): Readonly<Record<string, string>> {
  const main = [
    'compatibility_level = 3.6',
    `myhostname = ${name}.example.test`,
    'mydomain = example.test',
    'myorigin = $mydomain',
    'mydestination = $mydomain',
    'inet_interfaces = 127.0.0.1',
    'mynetworks = 127.0.0.0/8',
    'alias_maps =',
    'smtpd_sasl_auth_enable = yes',
    'smtpd_tls_auth_only = no',
    // Tests ask until an answer changes.
    'smtpd_error_sleep_time = 0',
    'smtpd_soft_error_limit = 10000',
    'smtpd_hard_error_limit = 10000',
    `mail_store = ${store}`,
    ...more,
  ];
  return {
    'main.cf': `${main.join('\n')}\n`,
    'dovecot.conf': 'protocols = imap pop3\ndisable_plaintext_auth = no\n',
  };
}

/** `more`: lines for the main.cf of both. Each user of example.test has their name as password. */
export async function openPair(users: readonly string[], more: readonly string[] = []): Promise<Pair> {
  const database = await openDatabase();
  const start = async (name: string, accounts: Readonly<Record<string, string>>): Promise<TestServer> => {
    return startServer({
      files: siteFiles(name, database.uri, more),
      portOffset: await freeOffset(),
      accounts,
    });
  };
  const a = await start('a', Object.fromEntries(users.map((user) => [`${user}@example.test`, user])));
  const b = await start('b', {});
  const close = async (): Promise<void> => {
    await Promise.all([a.stop(), b.stop()]);
    await database.close();
  };
  return { a, b, close };
}

async function dial(server: TestServer, wellKnown: number) {
  const socket = connect({ port: server.port(wellKnown), host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

export async function imap(server: TestServer, user: string, password = user): Promise<ImapClient> {
  const client = new ImapClient(await dial(server, 143));
  await client.line();
  await client.ok(`LOGIN ${user} ${password}`);
  return client;
}

/** In IDLE, in the mailbox. */
export async function idling(server: TestServer, user: string, mailbox: string): Promise<ImapClient> {
  const client = await imap(server, user);
  await client.ok(`SELECT ${mailbox}`);
  client.send('I IDLE\r\n');
  await client.until(/\+ idling\r\n/);
  return client;
}

export async function pop3(server: TestServer, user: string): Promise<Pop3Client> {
  const client = new Pop3Client(await dial(server, 110));
  await client.line();
  await client.ask(`USER ${user}`);
  const answer = await client.ask(`PASS ${user}`);
  if (!answer.startsWith('+OK')) throw new Error(answer);
  return client;
}

export async function smtp(server: TestServer): Promise<SmtpClient> {
  const client = await SmtpClient.open(server.port(25));
  await client.reply();
  await client.run('EHLO client.example');
  return client;
}

/** Resolves when the server has answered that it took the message. */
export async function deliver(client: SmtpClient, to: string, subject: string): Promise<void> {
  await client.run('MAIL FROM:<far@elsewhere.test>', `RCPT TO:<${to}>`, 'DATA');
  const answer = await client.say(`Subject: ${subject}\r\n\r\n${subject}\r\n.`);
  if (!answer.startsWith('250')) throw new Error(answer);
}

export const login = (user: string, password = user): string =>
  `AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`;
