/**
 * The HTTP client of plugins (`server.http`): a limit on time, on the octets of an answer, on requests at once; no
 * redirect to another scheme. What `posthorn explain` tries sends nothing.
 */
import { counters } from '../../counters.ts';
import { firstLineOf } from '../../errors.ts';
import { trace } from '../../tracing.ts';
import { readDuration } from '../duration.ts';

export interface HttpOptions {
  /** Default: GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as UTF-8. */
  readonly body?: string | Uint8Array;
  /** Seconds, or such as `'30 s'`, for everything from the wait for its turn to the last octet. Default: 10 s, at most 5 min. */
  readonly timeout?: number | string;
  /** Octets; a longer answer is a failure. Default: 1 MiB, at most 64 MiB. */
  readonly maxBytes?: number;
  /** `error`: a redirect is a failure, so that what is sent reaches nobody else. Default: follow. */
  readonly redirect?: 'follow' | 'error';
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case; several fields of a name are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body as UTF-8. */
  text(): string;
  /** The body as JSON. Throws if it is not. */
  json(): unknown;
}

export interface HttpClient {
  /**
   * The answer, whatever its status. Follows up to five redirects within the URL's scheme. Rejects with an Error that
   * says why there is no answer.
   */
  fetch(url: string | URL, options?: HttpOptions): Promise<HttpAnswer>;
}

/** A request as it is sent. */
export interface HttpRequest {
  readonly url: string;
  /** In capitals. */
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

/** Sends one request. Rejects if there is no answer, a longer one than `most` octets, or the signal is aborted. */
export type HttpSend = (
  request: HttpRequest,
  limits: { readonly signal: AbortSignal; readonly most: number },
) => Promise<Pick<HttpAnswer, 'status' | 'headers' | 'body'>>;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const TIMEOUT = 10;
const LONGEST_TIMEOUT = 300;
const MOST_OCTETS = 1024 * 1024;
const MOST_OCTETS_EVER = 64 * 1024 * 1024;
const MOST_REDIRECTS = 5;
/** At the same time, of one plugin; and those that wait for their turn. @internal */
export const MOST_AT_ONCE = 20;
const MOST_WAITING = 1_000;
const USER_AGENT = 'Posthorn';

export class PluginHttp implements HttpClient {
  readonly #plugin: string;
  readonly #send: HttpSend;
  readonly #closing = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(plugin: string, send: HttpSend) {
    this.#plugin = plugin;
    this.#send = send;
    // A plugin may take the function out of the object.
    this.fetch = this.fetch.bind(this);
  }

  async fetch(given: string | URL, options: HttpOptions = {}): Promise<HttpAnswer> {
    const request = requestOf(given, options);
    const { host } = new URL(request.url);
    const watcher = trace();
    if (watcher?.hypothetical === true) {
      watcher.add({ kind: 'log', text: `plugin ${this.#plugin}: nothing is sent to ${host}` });
      throw new Error(`${host}: nothing is sent for a message that does not exist`);
    }
    const { seconds, most } = limitsOf(options);
    const signal = AbortSignal.any([AbortSignal.timeout(seconds * 1000), this.#closing.signal]);
    try {
      await this.#turn(signal);
      try {
        const answer = await this.#follow(request, { signal, most }, options.redirect === 'error' ? 0 : MOST_REDIRECTS);
        counters.pluginRequests.count(this.#plugin, `${Math.trunc(answer.status / 100)}xx`);
        return answer;
      } finally {
        this.#active -= 1;
        this.#waiting.shift()?.();
      }
    } catch (error) {
      counters.pluginRequests.count(this.#plugin, 'failed');
      const why = this.#closing.signal.aborted
        ? 'the plugin is closed'
        : signal.aborted
          ? `no answer within ${seconds} s`
          : firstLineOf(error);
      throw new Error(`${request.method} ${host}: ${why}`, { cause: error });
    }
  }

  /** Requests under way fail. */
  close(): void {
    this.#closing.abort();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#active >= MOST_AT_ONCE) {
      if (this.#waiting.length >= MOST_WAITING)
        throw new Error(`${MOST_AT_ONCE} requests are under way and ${MOST_WAITING} wait: send fewer at once`);
      await new Promise<void>((resolve, reject) => {
        const begin = (): void => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const leave = (): void => {
          this.#waiting.splice(this.#waiting.indexOf(begin), 1);
          reject(new Error('it had no turn'));
        };
        this.#waiting.push(begin);
        signal.addEventListener('abort', leave, { once: true });
      });
    }
    this.#active += 1;
  }

  async #follow(first: HttpRequest, limits: Parameters<HttpSend>[1], most: number): Promise<HttpAnswer> {
    let request = first;
    for (let redirects = 0; ; redirects += 1) {
      const { status, headers, body } = await this.#send(request, limits);
      const location = headers['location'];
      if (![301, 302, 303, 307, 308].includes(status) || location === undefined)
        return {
          status,
          headers,
          body,
          text: () => body.toString('utf8'),
          json: () => JSON.parse(body.toString('utf8')),
        };
      if (redirects === most)
        throw new Error(most === 0 ? `it redirects to ${location.slice(0, 200)}` : `more than ${most} redirects`);
      request = redirected(request, status, location);
    }
  }
}

/** Throws where nothing can be sent. */
function requestOf(given: string | URL, { method = 'GET', headers = {}, body }: HttpOptions): HttpRequest {
  const url = URL.parse(String(given));
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(
      `server.http.fetch needs a URL with http or https, got ${JSON.stringify(String(given).slice(0, 100))}`,
    );
  const verb = String(method).toUpperCase();
  if (!METHODS.includes(verb)) throw new Error(`server.http.fetch needs a method of ${METHODS.join(', ')}`);
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  const basic: Record<string, string> = {};
  if (url.username !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    basic['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
  url.username = '';
  url.password = '';
  url.hash = '';
  return {
    url: url.href,
    method: verb,
    headers: { 'user-agent': USER_AGENT, ...basic, ...Object.fromEntries(own) },
    body: body === undefined ? null : Buffer.from(body as Uint8Array),
  };
}

function limitsOf({ timeout = TIMEOUT, maxBytes = MOST_OCTETS }: HttpOptions): { seconds: number; most: number } {
  const seconds = readDuration(timeout);
  if (seconds === null || seconds <= 0 || seconds > LONGEST_TIMEOUT)
    throw new Error(`server.http.fetch needs a timeout of at most ${LONGEST_TIMEOUT} s, such as '30 s'`);
  if (!Number.isInteger(maxBytes) || maxBytes < 0 || maxBytes > MOST_OCTETS_EVER)
    throw new Error(`server.http.fetch needs a maxBytes of at most ${MOST_OCTETS_EVER}`);
  return { seconds, most: maxBytes };
}

/** RFC 9110 section 15.4. What proves who we are is not shown to another host. */
function redirected({ url, method, headers, body }: HttpRequest, status: number, location: string): HttpRequest {
  const [from, to] = [new URL(url), URL.parse(location, url)];
  if (to === null) throw new Error('a redirect to what is no URL');
  if (to.protocol !== from.protocol) throw new Error(`a redirect from ${from.protocol} to ${to.protocol}`);
  to.hash = '';
  const asGet = (status === 303 && method !== 'HEAD') || (status < 303 && method === 'POST');
  const drops = (name: string): boolean =>
    (to.host !== from.host && /^(?:authorization|cookie|host|proxy-authorization)$/.test(name)) ||
    (asGet && name.startsWith('content-'));
  return {
    url: to.href,
    method: asGet ? 'GET' : method,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !drops(name))),
    body: asGet ? null : body,
  };
}
