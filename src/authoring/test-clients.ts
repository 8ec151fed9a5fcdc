/** A mail program and a resolver, as tests of a plugin need them. */
import { Resolver } from 'node:dns/promises';
import { LineClient } from '../lab/line-client.ts';

/** The reply to LOGIN (IMAP) or PASS (POP3). */
export async function loginReply(
  protocol: 'imap' | 'pop3',
  offset: number,
  { account, password }: { readonly account: string; readonly password: string },
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

/** RFC 9051, quoted string. */
const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

export function answersOf(port: number, name: string, type: string): Promise<unknown> {
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver.resolve(name, type);
}
