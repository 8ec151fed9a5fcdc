/** HTTP in tests of plugins: the servers that they ask are functions of the test, and so is who asks their routes. */
import { request as send } from 'node:http';
import type { HttpRequest, HttpSend } from '../bus/lent/http.ts';
import type { RouteAnswer } from '../bus/lent/routes.ts';

export type { HttpRequest } from '../bus/lent/http.ts';

/** What a server answers, by its URL with or without a query. */
export type TestSites = Readonly<Record<string, (request: HttpRequest) => RouteAnswer | Promise<RouteAnswer>>>;

/** What a route or the page of the metrics answered. */
export interface TestPage {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

/** Requests to what the test does not offer fail. */
export const sendTo =
  (sites: TestSites): HttpSend =>
  async (request, { signal, most }) => {
    const { url, method } = request;
    const answer = sites[url] ?? sites[url.replace(/\?.*$/s, '')];
    if (answer === undefined) throw new Error(`nobody answers ${method} ${url}; name it in "http" of startTestServer`);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    });
    const { status = 200, headers = {}, body = '' } = await Promise.race([answer(request), aborted]);
    const octets = Buffer.from(body as Uint8Array);
    if (octets.length > most) throw new Error(`the answer has more than ${most} octets`);
    const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    return { status, headers: Object.fromEntries(named), body: octets };
  };

/** One request to the server's own HTTP, which listens at a socket in the file system. */
export const ask = (
  socketPath: string,
  method: string,
  path: string,
  {
    headers = {},
    body,
  }: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Uint8Array } = {},
): Promise<TestPage> =>
  new Promise((resolve, reject) => {
    const request = send(
      { socketPath, method, path, headers: { host: 'localhost', ...headers }, agent: false },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(pieces).toString('utf8'),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });

/** A value of the page of the metrics: the sample of that name whose labels are these. */
export function sampleOf(text: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  for (const line of text.split('\n')) {
    const [, of, inside = '', value] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (of !== name) continue;
    const given = inside === '' ? [] : inside.split(/,(?=\w+=")/);
    if (given.length === wanted.length && wanted.every((one) => given.includes(one))) return Number(value);
  }
  return undefined;
}
