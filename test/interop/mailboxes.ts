/** Mailboxes filled through IMAP, and all that a client can see of them, to compare two servers. */
import { expect } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';

export const PASSWORD = 'sesame';
export const MAILBOXES = ['INBOX', 'Sent', 'Work/T&APY-st', 'Old'];
export const MESSAGES = 40;
const KEYWORDS = ['$Forwarded', 'Work', 'label1'];

async function connect(port: number, user: string): Promise<LineClient> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 30_000 });
  await client.line();
  expect((await client.imap('l', `LOGIN "${user}" "${PASSWORD}"`)).at(-1)).toMatch(/^l OK/);
  return client;
}

const ok = async (client: LineClient, command: string): Promise<string> => {
  const lines = await client.imap('q', command);
  if (!lines.at(-1)?.startsWith('q OK')) throw new Error(`${command}: ${lines.at(-1)}`);
  return lines.join('\n');
};

/** Every third message gets a flag, every fifth a keyword; some are expunged, so that UIDs have gaps. */
export async function fill(port: number, user: string, first = 1, count = MESSAGES): Promise<void> {
  const client = await connect(port, user);
  for (const mailbox of MAILBOXES) {
    if (mailbox !== 'INBOX' && first === 1) {
      // Ours has made some with the account.
      await client.imap('q', `CREATE "${mailbox}"`);
      if (mailbox !== 'Old') await ok(client, `SUBSCRIBE "${mailbox}"`);
    }
    for (let i = first; i < first + count; i += 1) {
      const body =
        i % 7 === 0 ? 'one\r\n\r\nFrom x@y.example Mon Jan  1 00:00:00 2020\r\ntwo\r\n' : `\xe4 ${i}\r\n.\r\n\r\n`;
      const text = `From: ${user}@example.org\r\nSubject: ${mailbox} ${i}\r\nX-Fold: a\r\n\tb\r\n\r\n${body.repeat(1 + (i % 30))}`;
      const flags = [
        ...(i % 3 === 0 ? ['\\Seen'] : []),
        ...(i % 4 === 0 ? ['\\Flagged', '\\Answered'] : []),
        ...(i % 11 === 0 ? ['\\Draft'] : []),
        ...(i % 5 === 0 ? [KEYWORDS[i % KEYWORDS.length]] : []),
      ];
      const day = String(1 + (i % 28)).padStart(2, '0');
      client.send(
        `a APPEND "${mailbox}" (${flags.join(' ')}) "${day}-Mar-2021 10:${String(i % 60).padStart(2, '0')}:07 +0300" {${text.length}+}`,
      );
      client.send(text);
      expect((await client.linesUntil((line) => line.startsWith('a '))).at(-1)).toMatch(/^a OK/);
    }
    await ok(client, `SELECT "${mailbox}"`);
    await ok(client, `UID STORE ${first + 3},${first + 10} +FLAGS (\\Deleted)`);
    await ok(client, 'EXPUNGE');
    await ok(client, 'UNSELECT');
  }
  client.close();
}

interface Seen {
  readonly status: string;
  readonly messages: Readonly<Record<string, string>>;
}

/** All that a client can see, with the differences that mean nothing taken out. */
export async function seen(port: number, user: string, subscribes = true): Promise<Record<string, Seen>> {
  const client = await connect(port, user);
  const found: Record<string, Seen> = {};
  for (const mailbox of MAILBOXES) {
    const status = await ok(client, `STATUS "${mailbox}" (MESSAGES UIDNEXT UIDVALIDITY)`);
    const number = (name: string): string => new RegExp(`${name} (\\d+)`).exec(status)?.[1] ?? '';
    await ok(client, `EXAMINE "${mailbox}"`);
    const text = await ok(client, 'UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])');
    const messages: Record<string, string> = {};
    for (const part of text.split(/\n(?=\* \d+ FETCH )/)) {
      const uid = /UID (\d+)/.exec(part)?.[1];
      if (uid === undefined) continue;
      const flags = (/FLAGS \(([^)]*)\)/.exec(part)?.[1] ?? '').split(' ').filter((flag) => flag !== '\\Recent');
      const date = new Date(/INTERNALDATE "([^"]*)"/.exec(part)?.[1] ?? '').toISOString();
      const size = Number(/BODY\[\] \{(\d+)\}/.exec(part)?.[1]);
      const octets = part
        .slice(part.indexOf('}\n') + 2)
        .replaceAll('\n', '\r\n')
        .slice(0, size);
      messages[uid] = [flags.sort().join(' '), date, size, octets].join('|');
    }
    expect(Object.keys(messages)).toHaveLength(Number(number('MESSAGES')));
    found[mailbox] = { status: ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY'].map(number).join(' '), messages };
  }
  if (subscribes) await expectSubscriptions(client);
  client.close();
  return found;
}

async function expectSubscriptions(client: LineClient): Promise<void> {
  const subscribed = await ok(client, 'LSUB "" "*"');
  for (const name of ['Sent', 'Work/T&APY-st'])
    expect(subscribed).toMatch(new RegExp(`"?${name.replace('&', '.')}"?\n`));
}
