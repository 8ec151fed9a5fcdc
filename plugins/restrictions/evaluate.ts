/**
 * Evaluates restriction lists: left to right, the first permit or reject ends a list.
 *
 * One evaluation is for one question (one RCPT TO) over all its lists; a `defer_if_permit` in one list applies to the
 * next. Fails safe: a restriction that is unknown, throws or nests endlessly is reported to the peer as a server
 * configuration error and logged as a warning; one that has not finished when the time limit for all of them is reached
 * refuses temporarily.
 */
import {
  type Outcome,
  type Question,
  type Reply,
  type Restriction,
  type Server,
  type Subject,
  trace,
} from '../../src/bus/plugin.ts';
import { firstLineOf } from '../../src/errors.ts';
import { formatReply } from '../../src/mail/status.ts';
import { inTime, LISTS_PATIENCE } from './patience.ts';
import { CONFIGURATION_ERROR, lookupFault } from './refusal.ts';
import { clientSubject, destinationOf, heloSubject, logAction, logPermit, recipientSubject } from './session.ts';

export type Decision =
  | { readonly kind: 'dunno' }
  /** `rule`: the item of the list that permitted, with its argument; null if it does not permit relaying. */
  | { readonly kind: 'permit'; readonly rule: string | null }
  | { readonly kind: 'reject'; readonly reply: Reply };

const UNDECIDED: Decision = { kind: 'dunno' };
const DEEPEST = 100;
/** A permit of any other list lets nobody relay: it just ends that list. */
const RELAY_LISTS: ReadonlySet<string> = new Set(['smtpd_relay_restrictions', 'smtpd_recipient_restrictions']);

/** The context of a list's evaluation. */
interface Frame {
  /** Its name: a parameter, a restriction class, or the restriction whose table named this list. */
  readonly list: string;
  readonly subject: Subject;
  /** The access check that a bare `type:table` means; '' if there is none. */
  readonly bareTable: string;
  readonly permits: 'relay' | 'local' | 'never';
  /** It is, or is named by, a list that decides who may relay. */
  readonly decidesRelay: boolean;
  readonly warnOnly: boolean;
  readonly depth: number;
}

export class Evaluation {
  readonly #server: Server;
  readonly #question: Omit<Question, 'subject' | 'argument'>;
  readonly #until: number;
  /** The reply for anything not rejected permanently. */
  deferIfPermit: Reply | null;
  #deferIfReject: Reply | null = null;

  constructor(server: Server, question: Omit<Question, 'subject' | 'argument'>, deferIfPermit: Reply | null = null) {
    this.#server = server;
    this.#question = question;
    this.#until = server.clock() + LISTS_PATIENCE;
    this.deferIfPermit = deferIfPermit;
  }

  /** Evaluates one `smtpd_*_restrictions` list. Never rejects. */
  list(name: string, restrictions: readonly string[], subject: Subject, bareTable: string): Promise<Decision> {
    this.#deferIfReject = null;
    if (restrictions.length > 0) trace()?.add({ kind: 'list', list: name, subject: subject.name });
    const decidesRelay = RELAY_LISTS.has(name);
    return this.#walk(restrictions, {
      list: name,
      subject,
      bareTable,
      permits: 'relay',
      decidesRelay,
      warnOnly: false,
      depth: 1,
    });
  }

  async #walk(list: readonly string[], frame: Frame): Promise<Decision> {
    if (frame.depth > DEEPEST)
      return this.#broken(`${this.#question.stage}: restrictions are nested more than ${DEEPEST} deep`);
    let warnOnly = frame.warnOnly;
    for (let i = 0; i < list.length; i += 1) {
      if (this.#question.connection.transaction?.discard != null) return { kind: 'permit', rule: null };
      const word = list[i] ?? '';
      if (word.toLowerCase() === 'warn_if_reject') {
        warnOnly = true;
        continue;
      }
      const bare = frame.bareTable !== '' && word.includes(':');
      const name = bare ? frame.bareTable : word;
      const restriction = this.#find(name);
      if (restriction === undefined) return this.#broken(`"${word.slice(0, 100)}" is not a restriction of any plugin`);
      if (restriction.takesArgument === true && !bare) i += 1;
      const argument = restriction.takesArgument === true ? list[i] : '';
      if (argument === undefined) return this.#broken(`an argument is missing after "${name}"`);
      const rule = argument === '' ? name : `${name} ${argument}`;
      const asked = this.#ask(name, restriction, { ...this.#question, subject: frame.subject, argument });
      const outcome = asked instanceof Promise ? await asked : asked;
      tell(frame, rule, argument === '' ? name : argument, outcome === NOT_ASKED ? REMEMBERS : outcome, warnOnly);
      const decision = this.#settle(outcome, { ...frame, warnOnly }, name);
      const decided = decision instanceof Promise ? await decision : decision;
      // A permit that does not allow relaying does not end the list for relayed mail: a later rule may know the client
      // better.
      const mayNotRelay = decided.kind === 'permit' && decided.rule === null && frame.decidesRelay;
      const overruled = mayNotRelay && (await this.#leadsElsewhere());
      if (decided.kind === 'permit' && !overruled) return decided.rule === null ? decided : { kind: 'permit', rule };
      if (decided.kind === 'reject') return decided;
      if (this.deferIfPermit !== null && this.#deferIfReject !== null) break;
      warnOnly = frame.warnOnly;
    }
    return UNDECIDED;
  }

  /** Whether mail to the current recipient would have to be relayed. */
  async #leadsElsewhere(): Promise<boolean> {
    const { recipient } = this.#question;
    if (recipient === null || this.#question.connection.transaction?.discard != null) return false;
    try {
      return (await destinationOf(this.#server, this.#question, recipient.original)) === 'elsewhere';
    } catch {
      // The core asks the same later and reports the failure.
      return false;
    }
  }

  /** A restriction of any plugin, or a restriction class. */
  #find(name: string): Restriction | undefined {
    const known = this.#server.restriction(name);
    if (known !== undefined) return known;
    const { parameters } = this.#question.connection;
    if (!parameters.list('smtpd_restriction_classes').includes(name)) return undefined;
    return {
      check: ({ subject }) => ({ kind: 'evaluate', list: parameters.untyped.list(name), subject, permits: 'relay' }),
    };
  }

  #ask(name: string, restriction: Restriction, question: Question): Outcome | Promise<Outcome> {
    const failed = (error: unknown): Outcome => {
      const what = `restriction ${name} failed: ${firstLineOf(error)}`;
      return lookupFault(this.#server, question, what, error, question.subject.name);
    };
    if (restriction.stateful === true && trace()?.hypothetical === true) return NOT_ASKED;
    try {
      const outcome = restriction.check(question);
      return outcome instanceof Promise
        ? inTime(outcome, Math.max(0, this.#until - this.#server.clock())).catch(failed)
        : outcome;
    } catch (error) {
      return failed(error);
    }
  }

  #settle(outcome: Outcome, frame: Frame, name: string): Decision | Promise<Decision> {
    switch (outcome.kind) {
      case 'dunno':
        return UNDECIDED;
      case 'permit':
        if (frame.permits === 'never')
          return this.#broken(
            `${name} permits where a permit is not allowed for security reasons; use DUNNO to make an exception`,
          );
        this.#tellPermit(frame, name);
        return {
          kind: 'permit',
          rule: outcome.relay === 'client' || (outcome.relay === 'list' && frame.permits === 'relay') ? name : null,
        };
      case 'reject':
        return this.#reject(outcome.reply, frame, outcome.always === true);
      case 'defer_if_permit':
        if (frame.warnOnly) return this.#reject(outcome.reply, frame, false);
        this.deferIfPermit ??= outcome.reply;
        return UNDECIDED;
      case 'defer_if_reject':
        this.#deferIfReject ??= outcome.reply;
        return UNDECIDED;
      case 'evaluate':
        return this.#walk(outcome.list, {
          ...frame,
          list: name,
          subject: outcome.subject,
          permits: stricter(frame.permits, outcome.permits),
          depth: frame.depth + 1,
        });
    }
  }

  /** A table's permit is told by whoever asked the table. */
  #tellPermit(frame: Frame, name: string): void {
    const word = name.toLowerCase();
    if (word.startsWith('check_') && word !== 'check_relay_domains') return;
    const subject = PERMITTED.get(word)?.(this.#question) ?? frame.subject;
    logPermit(this.#server, { ...this.#question, subject, argument: '' }, name);
  }

  #reject(reply: Reply, frame: Frame, always: boolean): Decision {
    if (frame.warnOnly && !always) {
      logAction(
        this.#server,
        { ...this.#question, subject: frame.subject, argument: '' },
        'reject_warning',
        formatReply(reply),
      );
      return UNDECIDED;
    }
    // An earlier check that failed might have permitted this: refuse only temporarily, and say why.
    return { kind: 'reject', reply: reply.code >= 500 && this.#deferIfReject !== null ? this.#deferIfReject : reply };
  }

  #broken(what: string): Decision {
    this.#server.log.warn({ session: this.#question.connection.id }, `smtpd restrictions: ${what}`);
    return { kind: 'reject', reply: CONFIGURATION_ERROR };
  }
}

type OfQuestion = (question: Omit<Question, 'subject' | 'argument'>) => Subject | null;

const client: OfQuestion = ({ connection }) => clientSubject(connection);
const recipient: OfQuestion = ({ recipient: given }) => (given === null ? null : recipientSubject(given.original));

/** Whom a permit is about, in whatever list it stands; of the others it is the subject of their list. */
const PERMITTED: ReadonlyMap<string, OfQuestion> = new Map(
  Object.entries({
    permit_mynetworks: client,
    permit_inet_interfaces: client,
    permit_sasl_authenticated: client,
    permit_tls_clientcerts: client,
    permit_tls_all_clientcerts: client,
    permit_auth_destination: recipient,
    permit_mx_backup: recipient,
    check_relay_domains: recipient,
    permit_naked_ip_address: ({ helo }) => (helo === null ? null : heloSubject(helo)),
  } satisfies Record<string, OfQuestion>),
);

/** For a message that does not exist. */
const NOT_ASKED: Outcome = { kind: 'dunno' };
const REMEMBERS = 'not asked, because it may remember what it is asked';

/** Tells whoever watches. */
function tell(frame: Frame, rule: string, item: string, outcome: Outcome | string, warnOnly: boolean): void {
  const watcher = trace();
  if (watcher === null) return;
  const { list, depth } = frame;
  watcher.add({ kind: 'rule', list, rule, item, depth, result: outcomeWords(outcome, warnOnly) });
}

function outcomeWords(outcome: Outcome | string, warnOnly: boolean): string {
  if (typeof outcome === 'string') return outcome;
  switch (outcome.kind) {
    case 'dunno':
      return 'no opinion';
    case 'permit':
      return outcome.relay === 'no' ? 'permit (does not permit relaying)' : 'permit';
    case 'evaluate':
      return `see ${outcome.list.join(' ')}`;
    default:
      return `${warnOnly ? 'warn_if_reject, ' : ''}${outcome.kind}: ${formatReply(outcome.reply)}`;
  }
}

const STRICTNESS = ['relay', 'local', 'never'] as const;
const stricter = (a: Frame['permits'], b: Frame['permits']): Frame['permits'] =>
  STRICTNESS.indexOf(a) > STRICTNESS.indexOf(b) ? a : b;
