/** A mail client for the lab: sends with login, reads by IMAP and by POP3. */
import { setTimeout as delay } from 'node:timers/promises';
import { LineClient, type LineClientOptions } from './line-client.ts';

/** One company's server as its clients see it. */
export interface Site {
  readonly domain: string;
  readonly mailHost: string;
  readonly address: string;
  /** PEM of its self-signed certificate. */
  readonly ca: string;
  /** The actual number of a well-known port (25 may be 10025). */
  port(wellKnown: number): number;
}

class CheckError extends Error {
  override readonly name = 'CheckError';
}

export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CheckError(message);
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/**
 * Opens a connection to one of the site's well-known ports; 465, 993 and 995 use TLS from the start and the certificate
 * is verified.
 */
export function open(site: Site, wellKnown: number, options: Partial<LineClientOptions> = {}): Promise<LineClient> {
  return LineClient.connect({
    host: site.address,
    port: site.port(wellKnown),
    tls: [465, 993, 995].includes(wellKnown),
    ca: site.ca,
    serverName: site.mailHost,
    ...options,
  });
}

export interface Letter {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
}

/** Runs a client's work and closes the connection in any case. */
export async function using<T>(connecting: Promise<LineClient>, work: (client: LineClient) => Promise<T>): Promise<T> {
  const client = await connecting;
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** A whole transaction on an open and greeted connection; throws CheckError on an unexpected reply. */
async function transact(client: LineClient, letter: Letter): Promise<void> {
  const expect = async (command: string, code: string): Promise<void> => {
    const answer = await client.smtp(command);
    check(answer.startsWith(code), `${command}: ${answer}`);
  };
  await expect(`MAIL FROM:<${letter.from}>`, '250');
  for (const recipient of letter.to) await expect(`RCPT TO:<${recipient}>`, '250');
  await expect('DATA', '354');
  client.send(
    `From: <${letter.from}>\r\nTo: ${letter.to.map((to) => `<${to}>`).join(', ')}\r\nSubject: ${letter.subject}\r\n\r\n${letter.subject}, said the body.`,
  );
  await expect('.', '250 2.0.0 Ok: queued as ');
}

/** Sends with login over TLS from the first octet (465), from an untrusted address. */
export function submit(
  site: Site,
  user: string,
  letter: Letter,
  options: Partial<LineClientOptions> = { localAddress: '127.0.1.77' },
): Promise<void> {
  return using(open(site, 465, options), async (client) => {
    await client.smtp();
    check((await client.smtp('EHLO client.example')).includes('AUTH'), 'no AUTH offered on 465');
    const answer = await client.smtp(`AUTH PLAIN ${base64(`\0${user}\0${user}`)}`);
    check(answer.startsWith('235 2.7.0'), `login of ${user}: ${answer}`);
    await transact(client, letter);
    await client.smtp('QUIT');
  });
}

/** Sends as another server or an anonymous client would: port 25, no login, no TLS. */
export function deliver(site: Site, letter: Letter, localAddress: string): Promise<void> {
  return using(open(site, 25, { localAddress }), async (client) => {
    await client.smtp();
    await client.smtp('EHLO client.example');
    await transact(client, letter);
    await client.smtp('QUIT');
  });
}

const ARRIVAL_MS = 15_000;
const POLL_MS = 40;

/** Opens the user's INBOX by IMAP and waits until all subjects are there; returns sequence numbers by subject. */
export function waitByImap(
  site: Site,
  user: string,
  subjects: readonly string[],
  wellKnown: 143 | 993 = 993,
): Promise<Map<string, string>> {
  return using(open(site, wellKnown), async (client) => {
    await client.line();
    check(
      (await client.imap('a1', `LOGIN ${user} ${user}`)).at(-1)?.startsWith('a1 OK') === true,
      `IMAP login of ${user} refused`,
    );
    await client.imap('a2', 'SELECT INBOX');
    const found = new Map<string, string>();
    const end = Date.now() + ARRIVAL_MS;
    for (;;) {
      for (const subject of subjects) {
        if (found.has(subject)) continue;
        const [line] = await client.imap('a3', `SEARCH SUBJECT "${subject}"`);
        const number = /^\* SEARCH (\d+)/.exec(line ?? '')?.[1];
        if (number !== undefined) found.set(subject, number);
      }
      if (found.size === subjects.length) break;
      const missing = subjects.filter((subject) => !found.has(subject));
      check(Date.now() < end, `${user}@${site.domain} did not get: ${missing.join(', ')}`);
      await delay(POLL_MS);
      await client.imap('a4', 'NOOP');
    }
    await client.imap('a5', 'LOGOUT');
    return found;
  });
}

/** The header of the first message with that subject, by IMAP. */
export function headerByImap(site: Site, user: string, subject: string): Promise<string> {
  return using(open(site, 993), async (client) => {
    await client.line();
    await client.imap('a1', `LOGIN ${user} ${user}`);
    await client.imap('a2', 'SELECT INBOX');
    const [line] = await client.imap('a3', `SEARCH SUBJECT "${subject}"`);
    const number = /^\* SEARCH (\d+)/.exec(line ?? '')?.[1];
    check(number !== undefined, `${user} has no message "${subject}"`);
    return (await client.imap('a4', `FETCH ${number} BODY.PEEK[HEADER]`)).join('\n');
  });
}

/** The subjects of all messages by POP3 (110 or 995), read with RETR. */
export function subjectsByPop3(site: Site, user: string, wellKnown: 110 | 995 = 995): Promise<string[]> {
  return using(open(site, wellKnown), async (client) => {
    await client.line();
    await client.pop3(`USER ${user}`);
    const [login] = await client.pop3(`PASS ${user}`);
    check(login?.startsWith('+OK') === true, `POP3 login of ${user}: ${login}`);
    const [stat] = await client.pop3('STAT');
    const count = Number(stat?.split(' ')[1] ?? 0);
    const subjects: string[] = [];
    for (let number = 1; number <= count; number += 1) {
      const lines = await client.pop3(`RETR ${number}`, true);
      const subject = lines.find((line) => line.startsWith('Subject: '));
      if (subject !== undefined) subjects.push(subject.slice('Subject: '.length));
    }
    await client.pop3('QUIT');
    return subjects;
  });
}
