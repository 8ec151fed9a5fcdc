/** A mail program and a resolver, as tests of a plugin need them. */
import { Resolver } from 'node:dns/promises';
import { LineClient } from '../lab/line-client.ts';
import { encodeMailboxName } from '../protocol/imap/modified-utf7.ts';

/** The reply to LOGIN (IMAP) or PASS (POP3). */
export async function loginReply(
  protocol: 'imap' | 'pop3',
  offset: number,
  { account, password }: { readonly account: string; readonly password: string },
): Promise<string> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: offset + (protocol === 'imap' ? 143 : 110) });
  try {
    await client.line();
    if (protocol === 'imap') return await imapReply(client, `LOGIN ${quoted(account)} ${quoted(password)}`);
    await client.pop3(`USER ${account}`);
    return (await client.pop3(`PASS ${password}`))[0] ?? '';
  } finally {
    client.close();
  }
}

/** What is moved, as a mail program does it. */
export interface Moved {
  readonly uid: number;
  /** Default: INBOX. */
  readonly from?: string;
  /** Made where it does not exist. */
  readonly to: string;
}

/** UID MOVE (RFC 6851) in a session of its own. Rejects with the reply that refused a step. */
export async function moveMessage(
  offset: number,
  { account, password, uid, from = 'INBOX', to }: Moved & { readonly account: string; readonly password: string },
): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: offset + 143 });
  const step = async (command: string): Promise<void> => {
    const answer = await imapReply(client, command);
    if (!answer.startsWith('a OK')) throw new Error(`${command.split(' ', 1)[0]} was answered: ${answer}`);
  };
  const target = mailboxName(to);
  try {
    await client.line();
    await step(`LOGIN ${quoted(account)} ${quoted(password)}`);
    await step(`SELECT ${mailboxName(from)}`);
    const moved = await imapReply(client, `UID MOVE ${uid} ${target}`);
    if (moved.startsWith('a NO [TRYCREATE]')) {
      await step(`CREATE ${target}`);
      await step(`UID MOVE ${uid} ${target}`);
    } else if (!moved.startsWith('a OK')) throw new Error(`UID MOVE was answered: ${moved}`);
  } finally {
    client.close();
  }
}

const imapReply = async (client: LineClient, command: string): Promise<string> =>
  (await client.imap('a', command)).at(-1) ?? '';

const mailboxName = (name: string): string => quoted(encodeMailboxName(name));

/** RFC 9051, quoted string. */
const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

export function answersOf(port: number, name: string, type: string): Promise<unknown> {
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver.resolve(name, type);
}
