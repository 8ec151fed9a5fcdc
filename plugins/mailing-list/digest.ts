/** The posts of a day in one message (RFC 2046 section 5.1.5), for those who chose that. */
import { randomBytes } from 'node:crypto';
import type { Server } from '../../src/bus/plugin.ts';
import { decodeWords } from '../../src/protocol/mime/encoded-word.ts';
import type { List } from './list.ts';
import type { Members } from './members.ts';
import { first, join, type Message } from './message.ts';
import type { Sending } from './sending.ts';

type Kept = {
  readonly subject: string;
  readonly from: string /** Base64; null: it was too long. */;
  readonly octets: string | null;
};

/** Octets of a post that is kept whole; of a longer one, only who wrote it and its subject. */
const LONGEST_POST = 180_000;
const MOST_POSTS = 50;
const MOST_OCTETS = 2_000_000;
/** A digest that could not be sent for so long is given up. Seconds. */
const LIFE = 8 * 86_400;

type Services = Pick<Server, 'state' | 'clock'>;

export class Digests {
  readonly #server: Services;
  readonly #members: Members;
  readonly #sending: Sending;

  constructor(server: Services, members: Members, sending: Sending) {
    this.#server = server;
    this.#members = members;
    this.#sending = sending;
  }

  /** Durable when the promise resolves. */
  async keep(list: List, post: Message, key: string): Promise<void> {
    const octets = join(post.fields, post.body);
    const kept: Kept = {
      subject: wordsOf(post, 'subject'),
      from: wordsOf(post, 'from'),
      octets: octets.length > LONGEST_POST ? null : octets.toString('base64'),
    };
    const time = String(this.#server.clock()).padStart(15, '0');
    await this.#server.state.set(`${prefixOf(list)}${time}:${key}`, kept, { expires: LIFE });
  }

  /** Sends what was kept. Posts are forgotten when their digest is in the queue. */
  async send(list: List, signal: AbortSignal): Promise<void> {
    const keys = await this.#server.state.keys(prefixOf(list));
    let at = 0;
    while (at < keys.length && !signal.aborted) {
      const used: string[] = [];
      const posts: Kept[] = [];
      for (let size = 0; at < keys.length && used.length < MOST_POSTS && size < MOST_OCTETS; at += 1) {
        const key = keys[at] ?? '';
        const kept = await this.#server.state.get<Kept>(key);
        used.push(key);
        if (kept !== undefined) posts.push(kept);
        size += kept?.octets?.length ?? 0;
      }
      const readers = await this.#members.readers(list, true);
      const progress = `digest-${(used[0] ?? '').slice(-40)}`;
      if (readers.length > 0 && posts.length > 0)
        await this.#sending.send(list, digestOf(list, posts), readers, progress);
      for (const key of used) await this.#server.state.delete(key);
    }
  }
}

const prefixOf = ({ address }: List): string => `digest:${address}:`;

const wordsOf = (post: Message, name: string): string =>
  decodeWords(first(post, name) ?? '')
    .replace(/\p{Cc}/gu, ' ')
    .slice(0, 200);

function digestOf(list: List, posts: readonly Kept[]): Message {
  const boundary = `digest-${randomBytes(16).toString('hex')}`;
  const contents = posts.map(
    ({ subject, from, octets }, at) =>
      `${at + 1}. ${subject} (${from})${octets === null ? ': too long for a digest' : ''}\r\n`,
  );
  const parts = posts.flatMap(({ octets }) =>
    octets === null ? [] : [Buffer.from(`--${boundary}-posts\r\n\r\n`), Buffer.from(octets, 'base64'), CRLF],
  );
  const whole = Buffer.concat([
    Buffer.from(
      `--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${contents.join('')}\r\n`,
    ),
    Buffer.from(
      `--${boundary}\r\nContent-Type: multipart/digest; boundary="${boundary}-posts"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`,
    ),
    ...parts,
    Buffer.from(`--${boundary}-posts--\r\n\r\n--${boundary}--\r\n`),
  ]);
  const count = `${posts.length} ${posts.length === 1 ? 'message' : 'messages'}`;
  const fields = [
    `From: <${list.address}>`,
    `To: <${list.address}>`,
    `Subject: ${list.prefix === '' ? list.address : list.prefix} digest, ${count}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    'Content-Transfer-Encoding: 8bit',
  ];
  return { fields, body: whole };
}

const CRLF = Buffer.from('\r\n');
