/** Questions about access tokens over HTTP: tokeninfo and introspection (RFC 7662), in the forms of Dovecot 2.3. */

import type { TokenSettings } from '../../../lookup/token-settings.ts';
import type { Answered, Exchange } from '../../../net/http-client.ts';
import type { Checked, Fields } from './jwt.ts';

/** Octets of an answer. */
const MOST = 64 * 1024;

export type Send = (exchange: Exchange, limits: { signal: AbortSignal; most: number }) => Promise<Answered>;

type Question = Pick<Exchange, 'url' | 'method' | 'headers' | 'body'>;

const get = (url: string, headers: Exchange['headers'] = {}): Question => ({ url, method: 'GET', headers, body: null });

export const tokeninfo = ({ tokeninfoUrl }: TokenSettings, token: string): Question =>
  get(tokeninfoUrl + encodeURIComponent(token));

export function introspection(settings: TokenSettings, token: string): Question {
  const { introspectionUrl: url, clientId, clientSecret, mode } = settings;
  if (mode === 'get') return get(url + encodeURIComponent(token));
  if (mode !== 'post') return get(url, { authorization: `Bearer ${token}` });
  const form = new URLSearchParams({
    token,
    ...(clientId === '' ? {} : { client_id: clientId }),
    ...(clientSecret === '' ? {} : { client_secret: clientSecret }),
  });
  return {
    url,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: Buffer.from(form.toString()),
  };
}

/**
 * 400, 401 and 403 say that the token is bad, except in a form, where 401 and 403 are about our own client_secret. Rejects
 * if there is no answer.
 */
export async function ask(question: Question, send: Send, signal: AbortSignal): Promise<Checked> {
  const { status, body } = await send(question, { signal, most: MOST });
  if (status >= 200 && status < 300) {
    const fields = objectIn(body);
    return fields === null ? { kind: 'unavailable', why: 'the answer is no JSON object' } : { kind: 'fields', fields };
  }
  const isRefused = status === 400 || (question.method === 'GET' && (status === 401 || status === 403));
  return { kind: isRefused ? 'refused' : 'unavailable', why: `the answer has the status ${status}` };
}

function objectIn(body: Buffer): Fields | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
  } catch {
    return null;
  }
}
