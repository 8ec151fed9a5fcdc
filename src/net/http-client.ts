/** Sends one HTTP request (RFC 9112), over a connection of its own; names are resolved by the server's resolver. */
import { lookup as systemLookup } from 'node:dns';
import { request as overTcp } from 'node:http';
import { request as overTls } from 'node:https';
import { isIPv6, type LookupFunction } from 'node:net';
import type { Resolver } from '../protocol/dns/resolver.ts';

export interface Exchange {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

export interface Answered {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const LONGEST_HEADER = 16_384;

/**
 * `ca`: authorities in PEM in place of those of the system. Rejects if there is no answer, if it has more than `most` octets, and when the signal is
 * aborted.
 */
export const httpSender =
  (resolver: Pick<Resolver, 'a' | 'aaaa'>) =>
  (
    { url, method, headers, body }: Exchange,
    { signal, most, ca }: { readonly signal: AbortSignal; readonly most: number; readonly ca?: readonly string[] },
  ): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const send = url.startsWith('https:') ? overTls : overTcp;
      const length = body === null ? {} : { 'content-length': String(body.length) };
      const trust = ca === undefined ? {} : { ca: [...ca] };
      const options = { method, headers: { ...headers, ...length }, signal, lookup: lookupBy(resolver), ...trust };
      const request = send(url, { ...options, agent: false, maxHeaderSize: LONGEST_HEADER }, (response) => {
        const pieces: Buffer[] = [];
        let octets = 0;
        response.on('data', (piece: Buffer) => {
          octets += piece.length;
          pieces.push(piece);
          if (octets <= most) return;
          reject(new Error(`the answer has more than ${most} octets`));
          response.destroy();
        });
        response.on('error', reject);
        response.on('aborted', () => reject(new Error('the answer ends too early')));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(
              Object.entries(response.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
            ),
            body: Buffer.concat(pieces),
          }),
        );
      });
      request.on('error', reject);
      request.end(body ?? undefined);
    });

/** What our resolver does not know may be a name of this machine (/etc/hosts). */
const lookupBy =
  (resolver: Pick<Resolver, 'a' | 'aaaa'>): LookupFunction =>
  (host, options, done) => {
    void Promise.allSettled([resolver.a(host), resolver.aaaa(host)]).then((found) => {
      const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
      const [first] = addresses;
      if (first === undefined) systemLookup(host, options, done);
      else if (options.all === true)
        done(
          null,
          addresses.map((address) => ({ address, family: familyOf(address) })),
        );
      else done(null, first, familyOf(first));
    });
  };

const familyOf = (address: string): 4 | 6 => (isIPv6(address) ? 6 : 4);
