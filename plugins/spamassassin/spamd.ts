/** The protocol of SpamAssassin's spamd (spamd/PROTOCOL): one command, the message, one answer. */
import { type Header, parseHeader } from '../../src/protocol/mime/header.ts';
import { type Endpoint, exchange } from '../scanners/exchange.ts';
import { printable } from '../scanners/judging.ts';

export interface Spam {
  readonly isSpam: boolean;
  readonly score: number;
  /** The score from which on it is spam. */
  readonly required: number;
  /** The message's header as SpamAssassin has marked it. */
  readonly header: Header;
}

export interface Letter {
  /** Fields above the message, with CRLF. */
  readonly above: string;
  readonly content: AsyncIterable<Uint8Array>;
  /** Octets of the content. */
  readonly size: number;
  /** Whose preferences apply; null: nobody's. */
  readonly user: string | null;
}

/** A header, with a report in it. */
const LONGEST_ANSWER = 1024 * 1024;

/** Rejects with an Error that says why there is no judgement. `timeout` in seconds. */
export async function judge(endpoint: Endpoint, letter: Letter, timeout: number): Promise<Spam> {
  const until = performance.now() + timeout * 1000;
  return meaningOf(await exchange(endpoint, question(letter), { until, most: LONGEST_ANSWER }, { halfClose: true }));
}

async function* question({ above, content, size, user }: Letter): AsyncGenerator<Uint8Array> {
  const first = Buffer.from(above);
  const lines = ['HEADERS SPAMC/1.5', `Content-length: ${first.length + size}`];
  if (user !== null) lines.push(`User: ${user}`);
  yield Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), first]);
  yield* content;
}

function meaningOf(answer: Buffer): Spam {
  const end = answer.indexOf('\r\n\r\n');
  const head = answer.toString('latin1', 0, end < 0 ? answer.length : end);
  const [first = '', ...lines] = head.split('\r\n');
  const status = /^SPAMD\/\d\.\d (\d+) /.exec(first)?.[1];
  if (status !== '0' || end < 0) throw new Error(`answered "${printable(first)}"`);
  const value = (name: string): string | undefined =>
    lines
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const body = answer.subarray(end + 4);
  if (Number(value('content-length')) !== body.length) throw new Error('closed the connection within its answer');
  const [, word, score, required] =
    /^(true|yes|false|no)\s*;\s*(-?\d+(?:\.\d+)?)\s*\/\s*(-?\d+(?:\.\d+)?)$/i.exec(value('spam') ?? '') ?? [];
  if (word === undefined) throw new Error(`answered "${printable(first)}" without a score`);
  return {
    isSpam: /^[ty]/i.test(word),
    score: Number(score),
    required: Number(required),
    header: parseHeader(body),
  };
}
