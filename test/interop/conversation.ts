/** A dialog of given lines with either side, and what ours then has in its log. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { jsonLines } from '../kit/json-lines.ts';
import type { TestServer } from '../kit/server.ts';

/**
 * Says the lines one after the other; what follows DATA only if that was accepted. `replies` gets the greeting, and each
 * answer as `shown`. Rejects if the connection ends.
 */
export async function sayAll(
  client: LineClient,
  says: readonly string[],
  replies: string[],
  shown: (answer: string, line: string) => string,
): Promise<void> {
  replies.push(await client.smtp());
  for (const line of says) {
    if (line.endsWith('\r\n.') && !replies.at(-1)?.startsWith('354')) continue;
    client.send(line);
    replies.push(shown(await client.smtp(), line));
  }
}

/** `postfix/smtpd[1]: …` of each line, as Postfix has it behind the time and the host. */
export const maillogOf = ({ folders }: TestServer): string[] =>
  jsonLines<{ process?: string; msg?: string }>(join(folders.data, 'log', 'mail.jsonl')).map(
    ({ process = '', msg = '' }) => `${process}[1]: ${msg}`,
  );

/** A short message of a client on this machine, for `b` at the domain. */
export async function submit(port: number, domain: string): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 30_000 });
  await client.smtp();
  for (const line of [
    'EHLO c',
    'MAIL FROM:<a@src.example>',
    `RCPT TO:<b@${domain}>`,
    'DATA',
    'Subject: s\r\n\r\nx\r\n.',
  ])
    expect(await client.smtp(line)).toMatch(/^[23]/);
  client.close();
}
