/**
 * Judges access tokens by dovecot-oauth2.conf.ext: asks tokeninfo, introspection or the token's own signature, then
 * compares user, activity, scope and issuer, as Dovecot 2.3 does.
 *
 * Guarantees: an answer without a user, or with one whose `active` is false, admits nobody; questions are bounded in
 * number, time and length; no token is logged.
 */

import type { Clock } from '../../../clock.ts';
import { messageOf } from '../../../errors.ts';
import type { Log } from '../../../log.ts';
import type { TokenSettings } from '../../../lookup/token-settings.ts';
import { ownValue } from '../../../own-value.ts';
import type { Candidate } from '../authenticator.ts';
import { ask, introspection, type Send, tokeninfo } from './ask.ts';
import type { Judged, TokenJudge } from './judge.ts';
import { type Checked, checkJwt, type Fields } from './jwt.ts';

/** Tokens that are asked about at once. */
const AT_ONCE = 100;

export interface TokenJudgeOptions {
  readonly settings: TokenSettings;
  readonly send: Send;
  readonly log: Log;
  readonly clock: Clock;
}

export class OAuth2Judge implements TokenJudge {
  readonly configurationUrl: string;
  readonly #settings: TokenSettings;
  readonly #send: Send;
  readonly #log: Log;
  readonly #clock: Clock;
  #asking = 0;

  constructor({ settings, send, log, clock }: TokenJudgeOptions) {
    this.configurationUrl = settings.openidConfigurationUrl;
    this.#settings = settings;
    this.#send = send;
    this.#log = log.child({ process: 'auth' });
    this.#clock = clock;
  }

  async judge(token: string, { login, remoteIp }: Pick<Candidate, 'login' | 'remoteIp'>): Promise<Judged> {
    const checked = await this.#check(token);
    const outcome = checked.kind === 'fields' ? this.#compare(checked.fields, login) : checked;
    if (outcome === null) return 'good';
    const { kind, why } = outcome;
    const who = `oauth2(${login.replace(/[\x00-\x1f\x7f<>]/g, '?').slice(0, 200)},${remoteIp})`;
    this.#log[kind === 'unavailable' ? 'error' : 'info']({}, `${who}: ${why}`);
    return kind === 'unavailable' ? 'unavailable' : 'refused';
  }

  async #check(token: string): Promise<Checked> {
    if (this.#settings.mode === 'local' && this.#settings.tokeninfoUrl === '')
      return checkJwt(token, { keyFolder: this.#settings.keyFolder, now: this.#clock() });
    if (this.#asking >= AT_ONCE)
      return { kind: 'unavailable', why: `more than ${AT_ONCE} tokens are being asked about` };
    this.#asking += 1;
    try {
      return await this.#ask(token, AbortSignal.timeout(this.#settings.timeout));
    } catch (error) {
      return { kind: 'unavailable', why: `cannot ask about a token: ${messageOf(error).replaceAll(token, '…')}` };
    } finally {
      this.#asking -= 1;
    }
  }

  async #ask(token: string, signal: AbortSignal): Promise<Checked> {
    const { tokeninfoUrl, introspectionUrl, mode, forceIntrospection, usernameAttribute } = this.#settings;
    if (tokeninfoUrl === '') return ask(introspection(this.#settings, token), this.#send, signal);
    const known = await ask(tokeninfo(this.#settings, token), this.#send, signal);
    if (known.kind !== 'fields') return known;
    const isWhole = !forceIntrospection && ownValue(known.fields, usernameAttribute) !== undefined;
    if (isWhole || mode === 'local' || introspectionUrl === '') return known;
    const more = await ask(introspection(this.#settings, token), this.#send, signal);
    return more.kind === 'fields' ? { kind: 'fields', fields: { ...known.fields, ...more.fields } } : more;
  }

  /** Null: the token is good. */
  #compare(fields: Fields, login: string): Exclude<Checked, { kind: 'fields' }> | null {
    const { usernameAttribute, activeAttribute, activeValue, scope, issuers } = this.#settings;
    const text = (name: string): string | null => textOf(ownValue(fields, name));
    const refused = (why: string) => ({ kind: 'refused', why }) as const;
    // RFC 7662 section 2.2: nothing else needs to be there.
    if (ownValue(fields, 'active') === false) return refused('the token is not active');
    const expires = ownValue(fields, 'expires_in');
    if (typeof expires === 'number' && expires <= 0) return refused('the token has expired');
    const user = text(usernameAttribute);
    if (user === null || user === '')
      return { kind: 'unavailable', why: `no username returned (${usernameAttribute})` };
    const [wanted, given] = [login, user].map((name) => this.#settings.userOf(name));
    if (wanted !== given) return refused(`username '${clean(given ?? '')}' did not match '${clean(wanted ?? '')}'`);
    const active = activeAttribute === '' ? '' : text(activeAttribute);
    if (active === null || (activeAttribute !== '' && activeValue !== '' && active !== activeValue))
      return refused(`user account is not active (${activeAttribute})`);
    const scopes = (text('scope') ?? text('aud') ?? '').split(/\s+/);
    if (!scope.every((word) => scopes.includes(word)))
      return refused(`token is not valid for scope '${scope.join(' ')}'`);
    if (issuers.length > 0 && !issuers.includes(text('iss') ?? '')) return refused("issuer 'iss' is not allowed");
    return null;
  }
}

const clean = (text: string): string => text.replace(/[\x00-\x1f\x7f]/g, '?').slice(0, 200);

/** As Dovecot reads JSON: numbers and truth values as words, a list as words with blanks. */
function textOf(value: unknown): string | null {
  if (Array.isArray(value)) return value.map((one) => textOf(one) ?? '').join(' ');
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}
