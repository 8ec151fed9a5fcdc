/**
 * Which lists are evaluated at which stage (SMTPD_ACCESS_README). With smtpd_delay_reject, the default, the lists for
 * client, HELO and sender wait for RCPT TO, so that the log shows sender and recipient.
 *
 * Guarantee: `OK` is answered only if a list permitted, and names for each list the rule that did. The core lets an
 * unknown client relay only if it knows these rules; otherwise NEXT leaves a recipient to the core, which accepts only
 * our own.
 */
import {
  type Connection,
  deny,
  denyDisconnect,
  denySoft,
  type HookArguments,
  NEXT,
  OK,
  type Outcome,
  type Question,
  type Reply,
  type Server,
  type Stage,
  type Subject,
  trace,
  type Verdict,
} from '../../src/bus/plugin.ts';
import type { ListName, ParameterReader } from '../../src/lookup/parameters.ts';
import { addressKey, qualify } from '../../src/mail/address.ts';
import type { Recipient } from '../../src/mail/envelope.ts';
import { formatReply } from '../../src/mail/status.ts';
import { type Decision, Evaluation } from './evaluate.ts';
import { clientSubject, heloSubject, recipientSubject, senderSubject } from './session.ts';
import { unlisted } from './unlisted.ts';

type Asked = Omit<Question, 'subject' | 'argument'>;

/** With smtpd_delay_reject off, a deferral from an early list is kept here until RCPT TO. */
const EARLIER = 'restrictions: defer_if_permit';

/** The lists that smtpd_delay_reject delays, in order. */
const DELAYED: readonly {
  readonly list: ListName;
  readonly bareTable: string;
  readonly subject: (asked: Asked) => Subject | null;
}[] = [
  {
    list: 'smtpd_client_restrictions',
    bareTable: 'check_client_access',
    subject: ({ connection }) => clientSubject(connection),
  },
  {
    list: 'smtpd_helo_restrictions',
    bareTable: 'check_helo_access',
    subject: ({ helo }) => (helo === null ? null : heloSubject(helo)),
  },
  {
    list: 'smtpd_sender_restrictions',
    bareTable: 'check_sender_access',
    subject: ({ sender }) => (sender === null ? null : senderSubject(sender)),
  },
];

function ask(connection: Connection, stage: Stage, more: Partial<Asked> = {}): Asked {
  return {
    connection,
    stage,
    helo: connection.helo,
    sender: connection.transaction?.reversePath ?? null,
    recipient: null,
    domain: null,
    ...more,
  };
}

/** After 421 and 521 the connection ends (access(5)). */
const refused = (reply: Reply): Verdict => {
  if (reply.code === 421 || reply.code === 521) return denyDisconnect(reply);
  return reply.code < 500 ? denySoft(reply) : deny(reply);
};
const delays = (parameters: ParameterReader): boolean => parameters.boolean('smtpd_delay_reject');

export class Stages {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  connect({ connection }: HookArguments['connect']): Verdict | Promise<Verdict> {
    return this.#early(ask(connection, 'CONNECT'), 0);
  }

  helo({ connection, name }: HookArguments['helo']): Verdict | Promise<Verdict> {
    return this.#early(ask(connection, 'HELO', { helo: name }), 1);
  }

  mail({ connection, reversePath }: HookArguments['mail']): Verdict | Promise<Verdict> {
    return this.#early(ask(connection, 'MAIL', { sender: reversePath }), 2);
  }

  async rcpt({ connection, recipient }: HookArguments['rcpt']): Promise<Verdict> {
    return this.#recipient(ask(connection, 'RCPT', { recipient }), recipient);
  }

  /** VRFY reveals no more than RCPT TO would. */
  async vrfy({ connection, address }: HookArguments['vrfy']): Promise<Verdict> {
    const recipient: Recipient = { address, original: address, notify: [], orcpt: '' };
    return this.#recipient(ask(connection, 'VRFY', { recipient }), recipient);
  }

  hasList(connection: Connection | null, list: ListName): boolean {
    return connection !== null && connection.parameters.list(list).length > 0;
  }

  data({ connection }: HookArguments['data']): Verdict | Promise<Verdict> {
    return this.#late(connection, 'DATA', 'smtpd_data_restrictions', { name: 'DATA', kind: 'Data command' });
  }

  endOfData({ connection }: HookArguments['data_post']): Verdict | Promise<Verdict> {
    if (connection === null) return NEXT;
    return this.#late(connection, 'END-OF-MESSAGE', 'smtpd_end_of_data_restrictions', {
      name: 'END-OF-MESSAGE',
      kind: 'End-of-data',
    });
  }

  async etrn({ connection, domain }: HookArguments['etrn']): Promise<Verdict> {
    const asked = ask(connection, 'ETRN', { domain });
    const evaluation = new Evaluation(this.#server, asked);
    const earlier = delays(connection.parameters) ? await this.#delayed(evaluation, asked, DELAYED.slice(0, 2)) : null;
    if (earlier !== null) return refused(earlier);
    const decision = await this.#list(evaluation, asked, 'smtpd_etrn_restrictions', 'check_etrn_access', {
      name: domain,
      kind: 'Etrn command',
    });
    return conclude(decision, evaluation);
  }

  /** CONNECT, HELO and MAIL, if refusals are not delayed. */
  #early(asked: Asked, which: number): Verdict | Promise<Verdict> {
    const { parameters } = asked.connection;
    const row = DELAYED[which];
    if (row === undefined || delays(parameters)) return NEXT;
    const sender =
      which === 2 && asked.sender !== null && asked.sender !== '' && parameters.boolean('smtpd_reject_unlisted_sender');
    if (!sender && parameters.list(row.list).length === 0) return NEXT;
    return this.#evaluateEarly(asked, row, which);
  }

  async #evaluateEarly(asked: Asked, row: (typeof DELAYED)[number], which: number): Promise<Verdict> {
    const { notes } = asked.connection;
    // A new HELO or MAIL continues from the stages before it.
    const before = [2, 1].map((n) => which - n).filter((n) => n >= 0);
    const earlier =
      before.map((n) => notes.get(`${EARLIER} ${n}`) as Reply | null | undefined).findLast((reply) => reply != null) ??
      null;
    const evaluation = new Evaluation(this.#server, asked, earlier);
    const reply = await this.#delayed(evaluation, asked, [row]);
    notes.set(`${EARLIER} ${which}`, evaluation.deferIfPermit);
    for (let later = which + 1; later < DELAYED.length; later += 1) notes.delete(`${EARLIER} ${later}`);
    return reply === null ? NEXT : refused(reply);
  }

  async #recipient(asked: Asked, recipient: Recipient): Promise<Verdict> {
    const { connection } = asked;
    const { parameters, notes } = connection;
    // RFC 5321 section 4.5.1: no list may block postmaster.
    if (recipient.original.toLowerCase() === 'postmaster') return NEXT;
    if (isSenderOfProbes(recipient.original, parameters)) return NEXT;
    const delayed = delays(parameters);
    const earlier =
      [2, 1, 0].map((n) => notes.get(`${EARLIER} ${n}`) as Reply | null | undefined).find((reply) => reply != null) ??
      null;
    const evaluation = new Evaluation(this.#server, asked, delayed ? null : earlier);
    const early = delayed ? await this.#delayed(evaluation, asked, DELAYED) : null;
    if (early !== null) return refused(early);

    const relayFirst = parameters.boolean('smtpd_relay_before_recipient_restrictions');
    const lists: readonly ListName[] = relayFirst
      ? ['smtpd_relay_restrictions', 'smtpd_recipient_restrictions']
      : ['smtpd_recipient_restrictions', 'smtpd_relay_restrictions'];
    const relay: Record<string, string> = {};
    for (const list of lists) {
      const decision = await this.#list(
        evaluation,
        asked,
        list,
        'check_recipient_access',
        recipientSubject(recipient.original),
      );
      if (decision.kind === 'reject') return refused(decision.reply);
      if (decision.kind === 'permit' && decision.rule !== null) relay[list] = decision.rule;
    }
    if (evaluation.deferIfPermit !== null) return refused(evaluation.deferIfPermit);
    // A discarded message may have any recipient (access(5), DISCARD).
    if (connection.transaction?.discard != null) return OK;
    if (
      parameters.boolean('smtpd_reject_unlisted_recipient') &&
      !parameters.list('receive_override_options').includes('no_unknown_recipient_checks')
    ) {
      const question = { ...asked, subject: recipientSubject(recipient.original), argument: '' };
      const outcome = await this.#unlisted(question, recipient.original, 'recipient');
      if (outcome.kind === 'reject') return refused(outcome.reply);
    }
    return Object.keys(relay).length > 0 ? { code: 'OK', relay } : NEXT;
  }

  /** The reply of the first delayed list that refuses. */
  async #delayed(evaluation: Evaluation, asked: Asked, rows: typeof DELAYED): Promise<Reply | null> {
    for (const row of rows) {
      const subject = row.subject(asked);
      if (subject === null) continue;
      const decision = await this.#list(evaluation, asked, row.list, row.bareTable, subject);
      if (decision.kind === 'reject') return decision.reply;
      if (row.bareTable !== 'check_sender_access' || subject.name === '') continue;
      if (!asked.connection.parameters.boolean('smtpd_reject_unlisted_sender')) continue;
      const outcome = await this.#unlisted({ ...asked, subject, argument: '' }, subject.name, 'sender');
      if (outcome.kind === 'reject') return outcome.reply;
    }
    return null;
  }

  /** What smtpd_reject_unlisted_sender and smtpd_reject_unlisted_recipient ask. */
  async #unlisted(question: Question, address: string, party: 'sender' | 'recipient'): Promise<Outcome> {
    const outcome = await unlisted(this.#server, question, address, party);
    const rule = `smtpd_reject_unlisted_${party}`;
    const result = outcome.kind === 'reject' ? `reject: ${formatReply(outcome.reply)}` : 'no opinion';
    trace()?.add({ kind: 'rule', list: rule, rule, item: 'yes', depth: 1, result });
    return outcome;
  }

  /** DATA and the end of data: one list, with the recipient if there is only one. */
  #late(connection: Connection, stage: Stage, list: ListName, subject: Subject): Verdict | Promise<Verdict> {
    if (!this.hasList(connection, list)) return NEXT;
    const recipients = connection.transaction?.recipients ?? [];
    const asked = ask(connection, stage, { recipient: recipients.length === 1 ? (recipients[0] ?? null) : null });
    const evaluation = new Evaluation(this.#server, asked);
    return this.#list(evaluation, asked, list, '', subject).then((decision) => conclude(decision, evaluation));
  }

  #list(evaluation: Evaluation, asked: Asked, name: ListName, bareTable: string, subject: Subject): Promise<Decision> {
    return evaluation.list(name, asked.connection.parameters.list(name), subject, bareTable);
  }
}

/** No list may block it: another server may ask about it while it is asked. Its mail is discarded. */
function isSenderOfProbes(address: string, parameters: ParameterReader): boolean {
  const sender = parameters.string('address_verify_sender');
  return sender !== '' && addressKey(address) === addressKey(qualify(sender, parameters.string('myorigin')));
}

function conclude(decision: Decision, evaluation: Evaluation): Verdict {
  if (decision.kind === 'reject') return refused(decision.reply);
  return evaluation.deferIfPermit === null ? NEXT : refused(evaluation.deferIfPermit);
}
