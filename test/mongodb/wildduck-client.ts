/** What WildDuck's IMAP server says of a mailbox. */
import type { ImapClient } from '../kit/imap-client.ts';

export interface SeenMessage {
  readonly uid: number;
  readonly modseq: number;
  readonly flags: readonly string[];
  readonly internalDate: number;
  readonly size: number;
}

export interface SeenMailbox {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModseq: number;
  readonly messages: readonly SeenMessage[];
}

export async function append(client: ImapClient, mailbox: string, octets: Buffer, options = ''): Promise<void> {
  client.send(`APP APPEND "${mailbox}" ${options}{${octets.length}}\r\n`);
  await client.until(/\+ [^\r\n]*\r\n/);
  client.send(Buffer.concat([octets, Buffer.from('\r\n')]));
  const { completion } = await client.completion('APP');
  // WildDuck fails after it has stored a message without From (imap-core/lib/commands/append.js).
  if (!/^OK|^NO \[TEMPFAIL\]/.test(completion)) throw new Error(`APPEND: ${completion}`);
}

export async function see(client: ImapClient, mailbox: string): Promise<SeenMailbox> {
  const selected = await client.ok(`EXAMINE "${mailbox}"`);
  const number = (name: string): number => Number(new RegExp(`\\[${name} (\\d+)\\]`).exec(selected)?.[1] ?? 0);
  const all = / 0 EXISTS/.test(selected)
    ? ''
    : await client.ok('UID FETCH 1:* (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE)');
  const line = /FETCH \(UID (\d+) FLAGS \(([^)]*)\) MODSEQ \((\d+)\) INTERNALDATE "([^"]+)" RFC822\.SIZE (\d+)\)/g;
  return {
    uidValidity: number('UIDVALIDITY'),
    uidNext: number('UIDNEXT'),
    highestModseq: number('HIGHESTMODSEQ'),
    messages: [...all.matchAll(line)].map(([, uid, flags = '', modseq, date = '', size]) => ({
      uid: Number(uid),
      modseq: Number(modseq),
      flags: flags.split(' ').filter((flag) => flag !== ''),
      internalDate: Date.parse(
        date
          .replaceAll('-', ' ')
          .replace(/ (\d{4})$/, ' -$1')
          .replace(/ (?=\d{4}$)/, ' '),
      ),
      size: Number(size),
    })),
  };
}

/** The literal of one FETCH item of the selected mailbox. */
export async function fetchOctets(client: ImapClient, uid: number, item: string): Promise<Buffer> {
  const answer = await client.ok(`UID FETCH ${uid} (${item})`);
  const literal = /\{(\d+)\}\r\n/.exec(answer);
  if (literal === null) return Buffer.from(/"((?:[^"\\]|\\.)*)"\)/.exec(answer)?.[1] ?? '', 'latin1');
  const start = literal.index + literal[0].length;
  return Buffer.from(answer.slice(start, start + Number(literal[1])), 'latin1');
}
