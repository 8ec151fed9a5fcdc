/** A mail program and a resolver, as tests of a plugin need them. */
import { Resolver } from 'node:dns/promises';
import { LineClient } from '../lab/line-client.ts';
import { formatMailbox } from '../protocol/imap/mailbox-name.ts';
import { decodeWords } from '../protocol/mime/encoded-word.ts';
import type { StoredMessage } from './test-view.ts';

interface Login {
  readonly account: string;
  readonly password: string;
}

/** The reply to LOGIN (IMAP) or PASS (POP3). */
export async function loginReply(
  protocol: 'imap' | 'pop3',
  offset: number,
  { account, password }: Login,
): Promise<string> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: offset + (protocol === 'imap' ? 143 : 110) });
  try {
    await client.line();
    if (protocol === 'imap')
      return (await client.imap('a', `LOGIN ${quoted(account)} ${quoted(password)}`)).at(-1) ?? '';
    await client.pop3(`USER ${account}`);
    return (await client.pop3(`PASS ${password}`))[0] ?? '';
  } finally {
    client.close();
  }
}

/**
 * Logs in by IMAP and sends each command; resolves to the lines of all answers, with the tags a1, a2 … of the commands.
 * Rejects if the login is refused.
 */
export async function imapAnswers(
  port: number,
  { account, password }: Login,
  commands: readonly string[],
): Promise<string[]> {
  const client = await LineClient.connect({ host: '127.0.0.1', port });
  try {
    await client.line();
    const login = (await client.imap('a0', `LOGIN ${quoted(account)} ${quoted(password)}`)).at(-1) ?? '';
    if (!login.startsWith('a0 OK')) throw new Error(`the IMAP login of ${account} was refused: ${login}`);
    const lines: string[] = [];
    for (const [i, command] of commands.entries()) lines.push(...(await client.imap(`a${i + 1}`, command)));
    return lines;
  } finally {
    client.close();
  }
}

/** What a mail program sends to move a message that `messages` shows. Throws if there is not exactly one. */
export function moveCommands(
  messages: readonly StoredMessage[],
  which: number | string,
  { from, to }: { readonly from: string; readonly to: string },
): readonly string[] {
  const found = messages.filter(({ uid, header }) =>
    typeof which === 'number' ? uid === which : decodeWords(header.get('Subject') ?? '').trim() === which,
  );
  const [message] = found;
  const shown = typeof which === 'number' ? `the UID ${which}` : `the subject ${JSON.stringify(which)}`;
  if (message === undefined || found.length > 1)
    throw new Error(`${found.length} of the ${messages.length} messages of ${from} have ${shown}, expected one`);
  return [`SELECT ${formatMailbox(from)}`, `UID MOVE ${message.uid} ${formatMailbox(to)}`];
}

/** RFC 9051, quoted string. */
const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

export function answersOf(port: number, name: string, type: string): Promise<unknown> {
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver.resolve(name, type);
}
