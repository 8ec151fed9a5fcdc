/**
 * HTTP routes of plugins (`server.route`), below `/plugins/<name>/` where the metrics are served. A handler that throws,
 * hangs or answers nonsense is its plugin's trouble: 503, logged and counted as a hook's failure.
 */
import { counters } from '../../counters.ts';
import { firstLineOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { runningMark, whileRunning } from '../../running.ts';
import { isThenable, LATE, within } from '../settle.ts';

export interface RouteRequest {
  readonly method: 'GET' | 'POST';
  /** Behind `/plugins/<name>`: `/status`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case, Host among them, as the client sent them. */
  readonly headers: Readonly<Record<string, string>>;
  /** At most 1 MiB. */
  readonly body: Buffer;
}

export interface RouteAnswer {
  /** Default: 200. */
  readonly status?: number;
  /** Default: `Content-Type: text/plain; charset=utf-8`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as UTF-8. */
  readonly body?: string | Uint8Array;
}

export type RouteHandler = (request: RouteRequest) => RouteAnswer | Promise<RouteAnswer>;

export interface Route {
  readonly plugin: string;
  readonly method: 'GET' | 'POST';
  /** Begins with a slash. */
  readonly path: string;
  readonly handler: RouteHandler;
  /** Milliseconds. */
  readonly deadline: number;
}

/** As it is sent. */
export interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const ROUTES_BELOW = '/plugins/';

const PLAIN = { 'content-type': 'text/plain; charset=utf-8' };
const page = (status: number, text: string, headers: Readonly<Record<string, string>> = {}): Page => ({
  status,
  headers: { ...PLAIN, ...headers },
  body: Buffer.from(`${text}\n`),
});

export class RouteTable {
  readonly #log: Log;
  /** By the whole path, then by method. */
  readonly #routes = new Map<string, Map<string, Route>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** `GET /plugins/greylist/status`, sorted. */
  get names(): readonly string[] {
    return [...this.#routes]
      .flatMap(([path, methods]) => [...methods.keys()].map((method) => `${method} ${path}`))
      .sort();
  }

  /** False if there is that one already. */
  add(route: Route): boolean {
    const path = `${ROUTES_BELOW}${route.plugin}${route.path}`;
    const methods = this.#routes.get(path) ?? new Map<string, Route>();
    if (methods.has(route.method)) return false;
    this.#routes.set(path, methods.set(route.method, route));
    return true;
  }

  /** Never rejects. HEAD is answered as GET. */
  async answer(method: string, url: string, headers: RouteRequest['headers'], body: Buffer): Promise<Page> {
    const target = URL.parse(url, 'http://localhost');
    const methods = target === null ? undefined : this.#routes.get(target.pathname);
    if (target === null || methods === undefined) return page(404, 'No plugin answers here.');
    const route = methods.get(method === 'HEAD' ? 'GET' : method);
    if (route === undefined) return page(405, 'Not with this method.', { allow: [...methods.keys()].join(', ') });
    const { plugin, path, handler, deadline } = route;
    const began = performance.now();
    const hook = `route ${path}`;
    try {
      const request: RouteRequest = { method: route.method, path, query: target.searchParams, headers, body };
      const answer: unknown = whileRunning(runningMark(plugin, hook), () => handler(request));
      const settled = isThenable(answer) ? await within(answer, deadline) : answer;
      if (settled === LATE) throw new Error(`no answer within ${deadline / 1000} s`);
      return readAnswer(settled);
    } catch (error) {
      counters.hookFailures.count(plugin, hook);
      this.#log.warn({ plugin, hook }, `plugin ${plugin}: ${hook} failed: ${firstLineOf(error)}; answered 503`);
      return page(503, 'Service unavailable.');
    } finally {
      counters.hookDuration.observe((performance.now() - began) / 1000, plugin, hook);
    }
  }
}

const MOST_HEADERS = 50;
/** RFC 9110 section 5: a token, and text in one line. What belongs to the connection is not the plugin's. */
const isHeader = ([name, value]: readonly [string, unknown]): boolean =>
  /^[!#$%&'*+.^_`|~\w-]{1,100}$/.test(name) &&
  !/^(?:connection|content-length|keep-alive|trailer|transfer-encoding|upgrade)$/i.test(name) &&
  typeof value === 'string' &&
  value.length <= 4_000 &&
  /^[\t\x20-\x7e\x80-\xff]*$/.test(value);

/** Throws if it is none; getters may throw too. */
function readAnswer(value: unknown): Page {
  if (typeof value !== 'object' || value === null) throw new Error('it did not answer with { status, headers, body }');
  const { status = 200, headers = {}, body = '' } = value as { readonly [K in keyof RouteAnswer]?: unknown };
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599)
    throw new Error('it answered with a status that is none');
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new Error('it answered with a body that is neither text nor octets');
  const fields = Object.entries(headers as object);
  if (fields.length > MOST_HEADERS || !fields.every(isHeader))
    throw new Error('it answered with a header that cannot be sent');
  const own = Object.fromEntries(fields.map(([name, text]) => [name.toLowerCase(), text as string]));
  return { status, headers: { ...PLAIN, ...own }, body: Buffer.from(body as Uint8Array) };
}
