/**
 * Validates answers. Plugins are third-party code: a verdict is checked and copied before the core acts on it, so that
 * an invalid reply is never sent (a text with CR LF would add a reply) and no getter of a plugin runs after the check.
 */

import type { Account } from '../mail/account.ts';
import type { Forwarding } from '../mail/forwarding.ts';
import { type Reply, reply } from '../mail/status.ts';
import { type HookName, NEXT, type Verdict } from './hook.ts';

/** The verdict for a plugin that failed in `defer` mode. */
const UNAVAILABLE: Verdict = { code: 'DENYSOFT', reply: reply(451, '4.3.0', 'Error: service temporarily unavailable') };

/**
 * Every hook. Observing hooks only inform: every handler is called, and answers do not count. Of the deciding ones, a
 * refusal at a session's hook can be overruled at `deny`.
 */
const HOOKS: Readonly<Record<HookName, 'session' | 'deciding' | 'observing'>> = {
  connect_init: 'session',
  lookup_rdns: 'deciding',
  connect: 'session',
  helo: 'session',
  capabilities: 'session',
  auth: 'deciding',
  mail: 'session',
  rcpt: 'session',
  rcpt_ok: 'session',
  data: 'session',
  data_post: 'session',
  max_data_exceeded: 'deciding',
  vrfy: 'session',
  etrn: 'session',
  noop: 'deciding',
  rset: 'deciding',
  quit: 'deciding',
  unrecognized_command: 'deciding',
  reset_transaction: 'observing',
  deny: 'deciding',
  disconnect: 'observing',
  queue: 'session',
  queue_outbound: 'session',
  sign: 'deciding',
  queue_ok: 'observing',
  recipient_exists: 'deciding',
  expand: 'deciding',
  deliver: 'deciding',
  get_mx: 'deciding',
  send_email: 'deciding',
  delivered: 'observing',
  deferred: 'observing',
  bounce: 'observing',
  dns_query: 'deciding',
  smtp_login: 'session',
  imap_login: 'deciding',
  pop3_login: 'deciding',
  imap_command: 'deciding',
  pop3_command: 'deciding',
  message_appended: 'observing',
  message_moved: 'observing',
  message_copied: 'observing',
  message_deleted: 'observing',
  zone_changed: 'observing',
  account_changed: 'observing',
  domain_changed: 'observing',
  log: 'observing',
};

export const HOOK_NAMES: readonly string[] = Object.keys(HOOKS);

export const isHookName = (name: unknown): name is HookName => typeof name === 'string' && Object.hasOwn(HOOKS, name);

export const isObserving = (hook: HookName): boolean => HOOKS[hook] === 'observing';

/** A refusal there can be overruled at `deny`. */
export const canBeOverruled = (hook: HookName): boolean => HOOKS[hook] === 'session';

/** The verdict for a plugin that gave none. */
export const failureVerdict = (onError: 'defer' | 'pass'): Verdict => (onError === 'defer' ? UNAVAILABLE : NEXT);

/** The reply codes allowed for each verdict, first and last. */
const CODES: Readonly<Record<Verdict['code'], readonly [number, number]>> = {
  NEXT: [0, -1],
  OK: [200, 399],
  DENY: [400, 599],
  DENYSOFT: [400, 499],
  DENYDISCONNECT: [400, 599],
  DENYSOFTDISCONNECT: [400, 499],
  DISCONNECT: [0, -1],
};

const LONGEST_TEXT = 2000;

/** An invalid value; the message continues `plugin NAME: HOOK …`. */
export class AnswerFault extends Error {
  override readonly name = 'AnswerFault';
}

/** The verdict as plain data, each property read once. Throws AnswerFault if it is invalid; getters may throw too. */
export function readVerdict(value: unknown): Verdict {
  if (value === NEXT) return NEXT;
  if (typeof value !== 'object' || value === null)
    throw new AnswerFault(
      `answered ${value === null ? 'null' : typeof value} instead of a verdict such as NEXT, OK or deny(reply)`,
    );
  const {
    code,
    reply: given,
    account: holder,
    relay,
  } = value as { readonly [name in 'code' | 'reply' | 'account' | 'relay']?: unknown };
  if (!isCode(code))
    throw new AnswerFault(`answered the verdict code ${shown(code)}; known are ${Object.keys(CODES).join(', ')}`);
  const answer = given === undefined ? undefined : readReply(given, code, CODES[code]);
  switch (code) {
    case 'NEXT':
      return NEXT;
    case 'DISCONNECT':
      return { code };
    case 'OK':
      return {
        code,
        ...(answer === undefined ? {} : { reply: answer }),
        ...(holder === undefined ? {} : { account: readAccount(holder) }),
        ...(relay === undefined ? {} : { relay: readRules(relay) }),
      };
    default:
      return answer === undefined ? { code } : { code, reply: answer };
  }
}

const isCode = (code: unknown): code is Verdict['code'] => typeof code === 'string' && Object.hasOwn(CODES, code);

/** A value for a message; never calls the value's own toString. */
const shown = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'undefined'
    ? String(value).slice(0, 40)
    : `of type ${typeof value}`;

/** A reply as plain data, its code within the range. `what` contains it, for the message. Throws AnswerFault. */
export function readReply(value: unknown, what: string, [first, last]: readonly [number, number]): Reply {
  if (typeof value !== 'object' || value === null)
    throw new AnswerFault('answered with an invalid reply; create it with reply(code, enhanced, text)');
  const { code, enhanced, text } = value as { readonly [K in keyof Reply]?: unknown };
  if (typeof code !== 'number' || !Number.isInteger(code) || code < first || code > last)
    throw new AnswerFault(`answered ${what} with reply code ${shown(code)}`);
  if (typeof enhanced !== 'string' || !/^(?:[245]\.\d{1,3}\.\d{1,3})?$/.test(enhanced))
    throw new AnswerFault('answered with an enhanced status code that is not like 5.7.1');
  if (typeof text !== 'string' || text.length > LONGEST_TEXT || /[\0\r]/.test(text))
    throw new AnswerFault(
      `answered with an invalid reply text: expected a string without CR or NUL, at most ${LONGEST_TEXT} characters`,
    );
  return { code, enhanced, text };
}

/** Maximum number of restriction lists for which a verdict may name rules. */
const MOST_LISTS = 20;

/**
 * The rules that permitted an unknown client, by list. The core checks whether each was listed at start
 * (server/smtp/relay.ts).
 */
function readRules(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null)
    throw new AnswerFault('answered with relay rules that are not an object of list names and rules');
  const rules: Record<string, string> = {};
  for (const list of Object.keys(value).slice(0, MOST_LISTS)) {
    const rule = (value as Readonly<Record<string, unknown>>)[list];
    if (typeof rule !== 'string')
      throw new AnswerFault(`answered with a relay rule of ${list.slice(0, 60)} that is not a string`);
    rules[list] = rule;
  }
  return rules;
}

function readAccount(value: unknown): Account {
  const fault = new AnswerFault('answered with an invalid account; get it from server.directory.find(address)');
  if (typeof value !== 'object' || value === null) throw fault;
  const { id, address, passwordHash, disabled, quota, forwarding, createdAt } = value as {
    readonly [K in keyof Account]?: unknown;
  };
  if (
    (typeof id !== 'number' && typeof id !== 'string') ||
    typeof address !== 'string' ||
    typeof passwordHash !== 'string'
  )
    throw fault;
  if (typeof disabled !== 'boolean' || typeof quota !== 'number' || typeof createdAt !== 'number') throw fault;
  return { id, address, passwordHash, disabled, quota, forwarding: readForwarding(forwarding, fault), createdAt };
}

function readForwarding(value: unknown, fault: AnswerFault): Forwarding | null {
  // Plugins that make an account themselves may know nothing of it.
  if (value === undefined || value === null) return null;
  const { targets, keep } = value as { readonly [K in keyof Forwarding]?: unknown };
  if (!Array.isArray(targets) || !targets.every((target) => typeof target === 'string') || typeof keep !== 'boolean')
    throw fault;
  return { targets: [...targets], keep };
}
