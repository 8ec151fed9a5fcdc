/** rspamd's POST /checkv2: the message, with its envelope as header fields, answered by JSON. */
import { request as http, type IncomingMessage } from 'node:http';
import { request as https } from 'node:https';
import { Readable } from 'node:stream';
import { sizeOf } from '../scanners/judging.ts';

export interface Request {
  /** Such as `http://127.0.0.1:11333/checkv2`. */
  readonly url: URL;
  /** Fields of the request; text is sent as UTF-8. */
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
  readonly content: AsyncIterable<Uint8Array>;
  /** Seconds for everything. */
  readonly timeout: number;
}

/** Symbols with their descriptions, and fields to add. */
const LONGEST_ANSWER = 1024 * 1024;

/** The answer, read as JSON. Rejects with an Error that says why there is none. */
export async function checkv2({ url, fields, content, timeout }: Request): Promise<unknown> {
  const signal = AbortSignal.timeout(timeout * 1000);
  const size = await sizeOf(content);
  const headers: Record<string, string | string[]> = { 'content-length': String(size) };
  for (const [name, value] of Object.entries(fields))
    headers[name] = typeof value === 'string' ? octetsOf(value) : value.map(octetsOf);
  try {
    const { status, body } = await post(url, { headers, content, signal });
    if (status !== 200) throw new Error(`answered with HTTP status ${status}`);
    return JSON.parse(body);
  } catch (error) {
    if (signal.aborted) throw new Error('no answer within its "timeout"', { cause: error });
    throw error instanceof SyntaxError ? new Error('answered what is no JSON', { cause: error }) : error;
  }
}

/** As Node wants them: a character for each octet. */
const octetsOf = (text: string): string => Buffer.from(text.replace(/[\0-\x1f\x7f]/g, '?')).toString('latin1');

interface Posted {
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly content: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

function post(url: URL, { headers, content, signal }: Posted): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? https : http;
    // A connection of its own: one that is kept may be closed by rspamd just then.
    const request = send(url, { method: 'POST', headers, signal, agent: false });
    const source = Readable.from(content, { objectMode: true });
    request.on('error', reject).on('close', () => source.destroy());
    request.on('response', (response) => {
      bodyOf(response)
        .then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
        .finally(() => request.destroy());
    });
    source.on('error', (error) => request.destroy(error));
    source.pipe(request);
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > LONGEST_ANSWER) throw new Error(`an answer of more than ${LONGEST_ANSWER} octets`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
