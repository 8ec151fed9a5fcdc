/**
 * What a plugin may change on a hook's argument: its transaction, the mailbox and flags of a delivery, the members of
 * an expansion, the reverse-path of an attempt, the answer of the name server. A value of the wrong type is replaced and counts as a failure of the plugin, like an invalid verdict; a
 * prepended line that is not a header field is left out (`prepended.ts`).
 */
import { isIP } from 'node:net';
import { messageOf } from '../errors.ts';
import type { Address } from '../mail/address.ts';
import { isHostName } from '../mail/host-name.ts';
import { givenAnswer } from '../protocol/dns/given-answer.ts';
import type { DnsQuestion } from '../protocol/dns/message.ts';
import type { HookName } from './hook.ts';
import { transactionOf } from './transaction-of.ts';
import { AnswerFault } from './verdict.ts';

type Changed = Record<string, unknown>;

/** A single line of text: addresses, names, notes. */
const isLine = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 10_000 && !/[\0\r\n]/.test(value);
const isName = (value: unknown): boolean => isLine(value) && value !== '';
/** RFC 9051 section 9: flag-keyword is an atom, the rest are the system flags. */
const isFlag = (value: unknown): boolean =>
  typeof value === 'string' && /^(?:\\(?:Answered|Deleted|Draft|Flagged|Seen)|[!#$&'+-[^-z|}~]{1,200})$/i.test(value);

interface Rule {
  readonly key: string;
  readonly isRight: (value: unknown) => boolean;
  /** The replacement for an invalid value. */
  readonly otherwise: unknown;
}

/** The same list for all calls. */
const NO_FAULTS: readonly string[] = [];

const orNull = (isRight: (value: unknown) => boolean) => (value: unknown) => value === null || isRight(value);

/** As many as a message may have after its aliases. */
const MOST_REDIRECTED = 10_000;
const isNames = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.length <= MOST_REDIRECTED && value.every(isName);

const TRANSACTION: readonly Rule[] = [
  { key: 'redirect', isRight: orNull((value) => isName(value) || isNames(value)), otherwise: null },
  { key: 'discard', isRight: orNull(isLine), otherwise: null },
  { key: 'hold', isRight: orNull(isLine), otherwise: null },
  { key: 'filter', isRight: orNull(isName), otherwise: null },
];
const DELIVERY: readonly Rule[] = [
  { key: 'mailbox', isRight: isName, otherwise: 'INBOX' },
  { key: 'drop', isRight: orNull(isLine), otherwise: null },
];
/** Of one message for one account, of all plugins together. */
const MOST_COPIES = 20;
const MOST_FORWARDED = 100;
const isMailAddress = (value: unknown): boolean =>
  isLine(value) && /^[^\s\p{Cc}<>]{1,255}@[^\s\p{Cc}<>@]{1,255}$/u.test(value);

/** Replaces invalid values, then throws AnswerFault. Also throws whatever a getter or a frozen object throws. */
export function checkChanges(hook: HookName, argument: object): void {
  const faults = (CHECKS[hook] ?? checkTransaction)(argument as Changed);
  if (faults.length > 0) throw new AnswerFault(`set ${faults.join(', ')} to a value that is not allowed there`);
}

const CHECKS: { readonly [H in HookName]?: (argument: Changed) => readonly string[] } = {
  deliver: checkDelivery,
  expand: checkExpansion,
  dns_query: checkAnswer,
  lookup_rdns: checkNames,
  capabilities: ({ offered }) => keepRight(offered, isOffer, 'offered'),
  send_email: checkSender,
  get_mx: ({ hosts }) => keepRight(hosts, isMailHost, 'hosts'),
};

/** RFC 5321 section 4.1.1.1: ehlo-line, short enough for a reply line. */
const isOffer = (value: unknown): boolean =>
  typeof value === 'string' && value.length <= 500 && /^[A-Za-z0-9][A-Za-z0-9-]*(?:[ =][\x21-\x7e]+)*$/.test(value);

const isMailHost = (value: unknown): boolean => {
  const { host, port } = (value ?? {}) as { readonly host?: unknown; readonly port?: unknown };
  return (
    isHostOrIp(host) &&
    (port === undefined || (typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65536))
  );
};
const isHostOrIp = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 253 && (isHostName(value) || isIP(value) !== 0);

const NAME_STATES: readonly unknown[] = ['ok', 'notfound', 'tempfail'];

/** `unknown` for what is no host name: it stands in log lines, tables and header fields. */
function checkNames({ client }: Changed): readonly string[] {
  return applyRules(client as Changed, [
    { key: 'name', isRight: isHostName, otherwise: 'unknown' },
    { key: 'reverseName', isRight: isHostName, otherwise: 'unknown' },
    { key: 'nameStatus', isRight: (value) => NAME_STATES.includes(value), otherwise: 'tempfail' },
  ]);
}

/** What the records mean is read when they are sent. */
function checkAnswer({ question, answer }: Changed): string[] {
  const { records, rcode } = answer as { records: unknown; rcode: unknown };
  const faults = [...keepRight(records, isLine, 'records')];
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') {
    (answer as Changed)['rcode'] = 'NOERROR';
    faults.push('rcode');
  }
  try {
    givenAnswer(records as string[], question as DnsQuestion);
  } catch (error) {
    (records as string[]).splice(0);
    throw new AnswerFault(`gave an answer that cannot be sent: ${messageOf(error)}`);
  }
  return faults;
}

/** RFC 5321 section 4.5.3.1.3 limits a path to 256 octets, its angle brackets among them. */
const LONGEST_ADDRESS = 254;

/** What a bounce would go to, or that none is to come back, is not a plugin's to decide by mistake. */
function checkSender(argument: Changed): string[] {
  const { sender, reversePath: given } = argument;
  const isRight =
    given === sender ||
    (sender !== '' && isMailAddress(given) && Buffer.byteLength(given as string) <= LONGEST_ADDRESS);
  if (isRight) return [];
  argument['reversePath'] = sender;
  return ['reversePath'];
}

function checkDelivery(delivery: Changed): readonly string[] {
  const faults = [
    applyRules(delivery, DELIVERY),
    keepRight(delivery['flags'], isFlag, 'flags'),
    keepRight(delivery['copies'], isName, 'copies'),
    keepFirst(delivery['copies'], MOST_COPIES, 'copies'),
    keepRight(delivery['forward'], isMailAddress, 'forward'),
    keepFirst(delivery['forward'], MOST_FORWARDED, 'forward'),
  ];
  return faults.every((one) => one.length === 0) ? NO_FAULTS : faults.flat();
}

/** All members or none: a single invalid member must not make the recipient get lost. */
function checkExpansion({ into }: Changed): string[] {
  if (
    !Array.isArray(into) ||
    into.every((member) => isLine((member as { readonly address?: unknown } | null)?.address))
  )
    return [];
  into.splice(0);
  return ['into'];
}

/** The reverse-path that was found right last. */
let lastPath: unknown;

/** Nothing is set that a plugin may set: so it is after nearly every call. */
const isAtRest = ({ redirect, discard, hold, filter, reversePath, bcc }: Changed): boolean =>
  redirect === null &&
  discard === null &&
  hold === null &&
  filter === null &&
  reversePath === lastPath &&
  Array.isArray(bcc) &&
  bcc.length === 0;

function checkTransaction(argument: object): readonly string[] {
  const changed = transactionOf<Changed>(argument);
  if (changed === undefined || isAtRest(changed)) return NO_FAULTS;
  const { reversePath } = changed as { readonly reversePath?: Address };
  const wrong = applyRules(changed, TRANSACTION);
  const isWrongPath = reversePath !== undefined && !isLine(reversePath);
  if (isWrongPath) changed['reversePath'] = '';
  else lastPath = reversePath;
  const copies = keepRight(changed['bcc'], isName, 'bcc');
  // At every call of every plugin: what is right makes no lists.
  if (wrong.length === 0 && !isWrongPath && copies.length === 0) return NO_FAULTS;
  return [...wrong, ...(isWrongPath ? ['reversePath'] : []), ...copies];
}

function applyRules(changed: Changed, rules: readonly Rule[]): readonly string[] {
  let wrong = NO_FAULTS;
  for (const { key, isRight, otherwise } of rules) {
    if (!(key in changed) || isRight(changed[key])) continue;
    changed[key] = otherwise;
    wrong = [...wrong, key];
  }
  return wrong;
}

function keepRight(list: unknown, isRight: (value: unknown) => boolean, name: string): readonly string[] {
  if (list === undefined) return NO_FAULTS;
  if (!Array.isArray(list)) throw new AnswerFault(`replaced the list ${name}; push to it`);
  // By index: a list with holes is not right.
  let at = 0;
  while (at < list.length && isRight(list[at])) at += 1;
  if (at === list.length) return NO_FAULTS;
  const right = list.filter(isRight);
  list.splice(0, list.length, ...right);
  return [name];
}

/** After `keepRight`, which knows that it is a list. */
function keepFirst(list: unknown, most: number, name: string): readonly string[] {
  if (!Array.isArray(list) || list.length <= most) return NO_FAULTS;
  const found = list.length;
  list.splice(most);
  return [`${name} (${found} of at most ${most})`];
}
