/**
 * A message being received: gathers octets, and at the end turns them and the envelope into one acceptance. `end` never
 * rejects: any failure becomes a reply, and a reply other than 2xx means that nothing was kept. What header and body
 * checks change is changed before it is gathered: the message is durable as changed before it is acknowledged.
 */

import type { MailOrigin, MessageChange } from '../../bus/hook.ts';
import { refusalReply } from '../../bus/refusal.ts';
import { counters } from '../../counters.ts';
import { messageOf } from '../../errors.ts';
import type { MailSource } from '../../lookup/utf8-sources.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { isReply, type Reply, reply } from '../../mail/status.ts';
import { type Header, parseHeader } from '../../protocol/mime/header.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import { type AcceptedMessage, StoreFullError, StoreUnavailableError } from '../../store/store.ts';
import { withoutCharacters } from '../checks/characters.ts';
import { ContentFilter } from '../checks/content-filter.ts';
import { CheckUnavailable, type ContentRules } from '../checks/rules.ts';
import { hasUtf8Address, hasUtf8Header } from '../checks/utf8-header.ts';
import { formatDelays, recipientWords } from '../log-format.ts';
import type { MilterSession } from '../milter/session.ts';
import type { RewriteField } from '../rewriting/address-rewriter.ts';
import type { MailboxAgent } from '../route/router.ts';
import { isLocalMail } from './client-origin.ts';
import { type Composed, messageIdOf } from './composition.ts';
import { type Checked, receivingAct, refuseCharacter, refuseStructure } from './content-actions.ts';
import { mailboxReply, STORE_FULL } from './mailbox-row.ts';
import { MessageContent } from './message-content.ts';
import { MessageEdit } from './message-edit.ts';
import { inspect } from './milters.ts';
import { type Plan, wholePlan, withoutDeliveries, withoutOutgoing } from './plan.ts';
import { Planner } from './planner.ts';
import type { Incoming, Intake } from './receiver.ts';
import type { ReceiverServices, ReceiverSettings } from './services.ts';

const TOO_MANY_HOPS = reply(554, '5.4.0', 'Error: too many hops');
const WRITE_ERROR = reply(451, '4.3.0', 'Error: queue file write error');
export const REFUSED = {
  permanent: reply(550, '5.7.1', 'Message refused'),
  temporary: reply(451, '4.7.1', 'Service unavailable - try again later'),
};

/** Of mail that a plugin sends too: it is a notification. */
const sourceOf = ({ report, submitter, connection }: Incoming): MailSource =>
  report ?? (submitter !== undefined ? 'sendmail' : connection !== null ? 'smtpd' : 'notify');

const originOf = ({ connection, submitter, report, again, forwarded }: Incoming): MailOrigin => {
  // A filter says whose mail it brings back.
  if (connection !== null) return forwarded?.get('SOURCE')?.value === 'REMOTE' ? 'again' : 'client';
  if (submitter !== undefined) return 'sendmail';
  if (report !== undefined) return 'notice';
  return again === true ? 'again' : 'plugin';
};

export class MessageIntake implements Intake {
  readonly #services: ReceiverServices;
  readonly #incoming: Incoming;
  readonly #settings: ReceiverSettings;
  readonly #arrivedAt: number;
  readonly #content: MessageContent;
  readonly #planner: Planner;
  /** A plugin will read the message. */
  readonly #isJudged: boolean;
  /** Those that look at the message at its end; of a session, or of this message alone. */
  readonly #milters: MilterSession | null;
  /** No session has told its milters of it. */
  readonly #isUnheard: boolean;
  readonly #looksForUtf8: boolean;
  /** Milters add and remove some. */
  readonly #envelopeRecipients: Recipient[];
  #refusalIsLogged = false;
  #failure: Reply | null = null;

  constructor(services: ReceiverServices, incoming: Incoming) {
    this.#services = services;
    this.#incoming = incoming;
    this.#settings = services.settings(incoming.connection);
    this.#arrivedAt = services.clock();
    this.#isJudged = services.hooks.has('data_post', incoming.connection);
    const { submitter, report } = incoming;
    this.#isUnheard = submitter !== undefined || (report !== undefined && this.#settings.filtersOwn.has(report));
    this.#looksForUtf8 = this.#settings.utf8Sources.has(sourceOf(incoming));
    this.#milters = this.#isUnheard ? this.#settings.milters.forSubmission() : (incoming.milters ?? null);
    this.#envelopeRecipients = [...incoming.envelope.recipients];
    this.#content = new MessageContent({
      services,
      settings: this.#settings,
      incoming,
      arrivedAt: this.#arrivedAt,
      reread:
        this.#isJudged ||
        this.#milters !== null ||
        this.#looksForUtf8 ||
        services.hooks.has('sign', incoming.connection),
      filter: this.#filter(),
    });
    this.#planner = new Planner(services, this.#settings, incoming, {
      arrivedAt: this.#arrivedAt,
      wasDelivered: () => this.#content.wasDelivered,
    });
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== null) return undefined;
    const octets = this.#wanted(chunk);
    // A full disk is reported after the end of data: the rest must still be read, or the dialog gets out of sync.
    return octets === null
      ? undefined
      : this.#content.write(octets)?.catch((error: unknown) => this.#fail(this.#replyTo(error)));
  }

  /** Null if it has what no message may have. */
  #wanted(chunk: Uint8Array): Uint8Array | null {
    const { characters } = this.#settings;
    if (characters.strip === null && characters.reject === null) return chunk;
    const octets = withoutCharacters(chunk, characters);
    if (typeof octets !== 'string') return octets;
    refuseCharacter(this.#checked(), octets);
    return null;
  }

  async end(): Promise<Reply> {
    try {
      const answer = this.#failure ?? (await this.#accept());
      if (answer.code >= 300) await this.#content.discard();
      return answer;
    } catch (error) {
      await this.#content.discard();
      return this.#replyTo(error);
    } finally {
      if (this.#isUnheard) this.#milters?.close();
    }
  }

  abort(): void {
    this.#fail(WRITE_ERROR);
  }

  get refusalIsLogged(): boolean {
    return this.#refusalIsLogged;
  }

  /** Null if nothing looks at the content. */
  #filter(): ContentFilter | null {
    const { content, addressing, isLocal } = this.#settings;
    const { local, remote } = addressing.header;
    const asked = isLocalMail(this.#incoming, isLocal);
    if (asked instanceof Promise)
      return this.#filterOf(content, async (field) => ((await asked) ? local : remote)?.(field) ?? field);
    const rewrite = asked ? local : remote;
    return content.isEmpty && rewrite === null ? null : this.#filterOf(content, rewrite);
  }

  #checked(): Checked {
    const { connection, transaction, envelope } = this.#incoming;
    return {
      connection,
      transaction,
      envelope,
      log: this.#services.cleanupLog,
      logAddress: this.#settings.logAddress,
      refuse: (answer) => {
        this.#refusalIsLogged = true;
        this.#fail(answer);
      },
    };
  }

  #filterOf(rules: ContentRules, rewrite: RewriteField | null): ContentFilter {
    const checked = this.#checked();
    return new ContentFilter({
      rules,
      act: receivingAct(checked),
      ...(rewrite === null ? {} : { rewrite }),
      onFault: (fault, text) => refuseStructure(checked, fault, text),
    });
  }

  /** The message will not be kept; further input is ignored. */
  #fail(answer: Reply): undefined {
    this.#failure = answer;
    void this.#content.discard();
    return undefined;
  }

  async #accept(): Promise<Reply> {
    const { transaction, connection } = this.#incoming;
    const { hooks } = this.#services;
    await this.#content.finish();
    if (this.#failure !== null) return this.#failure;
    if (this.#content.hops > this.#settings.hopLimit) return TOO_MANY_HOPS;
    const refusal = await this.#askMilters();
    if (refusal !== null) return refusal;
    await this.#rewriteEnvelope();
    let header: Header | null = null;
    const headerOf = (): Header => (header ??= parseHeader(Buffer.concat(this.#content.headerBlock())));
    if (this.#isJudged) {
      const received = Object.assign(transaction, { header: headerOf() });
      const edit = this.#edit((changed) => {
        header = changed;
        received.header = changed;
      });
      const verdict = await hooks.run('data_post', {
        connection,
        transaction: received,
        content: { [Symbol.asyncIterator]: () => this.#content.read() },
        change: edit,
      });
      edit.close();
      this.#tellChanges(edit.changed);
      const refused = refusalReply(verdict, REFUSED);
      if (refused !== null) return refused;
    }
    if (transaction.discard !== null) return this.#discarded(transaction.discard);
    if (hooks.has('queue')) {
      const received = Object.assign(transaction, { header: headerOf() });
      const verdict = await hooks.run('queue', { connection, transaction: received });
      if (verdict.code === 'OK') return this.#taken(verdict.reply);
      const refused = refusalReply(verdict, REFUSED);
      if (refused !== null) return refused;
    }
    // Only now are the reverse-path and copies final (plugins, sender_bcc_maps).
    const plan = await this.#planner.plan(headerOf);
    if (isReply(plan)) return plan;
    const { outgoing } = wholePlan(plan);
    if (outgoing.length === 0 || !hooks.has('queue_outbound')) return this.#signAndKeep(plan, headerOf);
    const received = Object.assign(transaction, { header: headerOf() });
    const verdict = await hooks.run('queue_outbound', {
      connection,
      transaction: received,
      recipients: outgoing.map(({ recipient }) => recipient),
    });
    const refused = refusalReply(verdict, REFUSED);
    if (refused !== null) return refused;
    return this.#signAndKeep(verdict.code === 'OK' ? withoutOutgoing(plan, verdict.reply) : plan, headerOf);
  }

  async #signAndKeep(plan: Plan, headerOf: () => Header): Promise<Reply> {
    const { transaction, connection } = this.#incoming;
    const { hooks } = this.#services;
    const { queued } = wholePlan(plan);
    if (queued.length > 0 && hooks.has('sign', connection)) {
      const origin = originOf(this.#incoming);
      const verdict = await hooks.run('sign', {
        ...{ connection, origin },
        transaction: Object.assign(transaction, { header: headerOf() }),
        content: { [Symbol.asyncIterator]: () => this.#content.read() },
        recipients: queued.map(({ recipient }) => recipient),
      });
      const refused = refusalReply(verdict, REFUSED);
      // There is nobody who could send the others again.
      if (refused !== null && (origin === 'client' || origin === 'sendmail')) return refused;
    }
    return this.#keep(plan);
  }

  #tellQueued(answer: Reply): Reply {
    const { transaction, connection } = this.#incoming;
    const { hooks } = this.#services;
    // Not waited for: the client must hear soon that it is ours now, or it sends the message again.
    if (hooks.has('queue_ok')) void hooks.run('queue_ok', { connection, transaction, reply: answer });
    return answer;
  }

  #edit(onHeader: (header: Header) => void): MessageEdit {
    const { temporaryFolder } = this.#services;
    const { sizeLimit } = this.#settings;
    return new MessageEdit({ content: this.#content, temporaryFolder, sizeLimit, onHeader });
  }

  #tellChanges({ fields, body }: MessageChange['changed']): void {
    if (fields.length === 0 && !body) return;
    const { queueId } = this.#incoming.transaction;
    const what = [...(fields.length > 0 ? [`header ${fields.join(', ')}`] : []), ...(body ? ['body'] : [])];
    this.#services.cleanupLog.info({ queueId }, `${queueId}: changed by plugins: ${what.join('; ')}`);
  }

  /** They change the message before it is kept: what is durable is what they left. */
  async #askMilters(): Promise<Reply | null> {
    const { transaction } = this.#incoming;
    const session = this.#milters;
    if (session === null || transaction.discard !== null) return null;
    const checked = this.#checked();
    const { milterFields, headerLimit, expansion } = this.#settings;
    const refusal = await inspect({
      session,
      isSubmission: this.#isUnheard,
      checked,
      fields: milterFields,
      act: receivingAct(checked),
      content: this.#content,
      recipients: this.#envelopeRecipients,
      rewrite: expansion.rewrite,
      headerLimit,
      temporaryFolder: this.#services.temporaryFolder,
    });
    if (refusal !== null) this.#refusalIsLogged = true;
    return refusal ?? this.#failure;
  }

  /** After the milters: Postfix rewrites what they add and change, too. */
  async #rewriteEnvelope(): Promise<void> {
    const { transaction } = this.#incoming;
    const { addressing } = this.#settings;
    transaction.reversePath = await addressing.envelope(transaction.reversePath, 'envelope_sender');
    const recipients: Recipient[] = [];
    for (const recipient of this.#envelopeRecipients)
      recipients.push({ ...recipient, address: await addressing.envelope(recipient.address, 'envelope_recipient') });
    (transaction as { recipients: readonly Recipient[] }).recipients = recipients;
  }

  async #keep(plan: Plan): Promise<Reply> {
    const { transaction, envelope } = this.#incoming;
    let done = wholePlan(plan);
    const smtputf8 = envelope.smtputf8 || (this.#looksForUtf8 && (await this.#needsUtf8(done)));
    const composed = await this.#content.compose();
    const began = this.#services.clock();
    let messageId = '';
    let appended: AcceptedMessage['appended'] = [];
    if (done.deliveries.length + done.queued.length === 0) {
      messageId = messageIdOf(composed);
      await this.#content.discard();
    } else {
      try {
        ({ messageId, appended } = await this.#store(done, composed, smtputf8));
      } catch (error) {
        if (!(error instanceof MailboxError)) throw error;
        // One mailbox is full or deleted. If it is the only recipient, the client gets the error; otherwise it must not
        // block the others.
        if (done.delivered.length + done.queued.length === 1) return mailboxReply(error, done.delivered[0]);
        done = withoutDeliveries(plan);
        ({ messageId, appended } = await this.#store(done, composed, smtputf8));
      }
    }
    // Accepted: whatever fails from here on, the client gets 250.
    try {
      this.#logAcceptance(done, messageId, composed.size, began);
      for (const [at, where] of appended.entries()) {
        const [account, row] = [done.accounts[at], done.deliveries[at]];
        if (account !== undefined && row !== undefined) this.#services.events.delivered(account, row.mailbox, where);
      }
      if (done.queued.length > 0) this.#services.onQueued();
    } catch (error) {
      this.#services.cleanupLog.error(
        { queueId: transaction.queueId, err: error },
        `${transaction.queueId}: accepted, but an error followed`,
      );
    }
    return this.#tellQueued(reply(250, '2.0.0', `Ok: queued as ${transaction.queueId}`));
  }

  /** Only what is sent on can need it. */
  async #needsUtf8({ queued }: Plan): Promise<boolean> {
    if (queued.length === 0) return false;
    const { reversePath } = this.#incoming.transaction;
    return (
      hasUtf8Address([reversePath, ...queued.map(({ recipient }) => recipient)]) || hasUtf8Header(this.#content.read())
    );
  }

  #store(plan: Plan, composed: Composed, smtputf8: boolean): Promise<AcceptedMessage> {
    const { transaction, envelope } = this.#incoming;
    const { reversePath } = transaction;
    const { ret, envid, body } = envelope;
    return this.#services.store.accept({
      queueId: transaction.queueId,
      arrivedAt: this.#arrivedAt,
      envelope: { reversePath, ret, envid, smtputf8, body },
      content: composed.content,
      index: composed.index,
      deliveries: plan.deliveries,
      queued: plan.queued,
    });
  }

  async #discarded(text: string): Promise<Reply> {
    const { queueId } = this.#incoming.transaction;
    this.#services.cleanupLog.info({ queueId }, `${queueId}: discard: ${text}`);
    await this.#content.discard();
    return reply(250, '2.0.0', `Ok: queued as ${queueId}`);
  }

  async #taken(answer: Reply | undefined): Promise<Reply> {
    await this.#content.discard();
    return this.#tellQueued(answer ?? reply(250, '2.0.0', `Ok: queued as ${this.#incoming.transaction.queueId}`));
  }

  #logAcceptance(plan: Plan, messageId: string, size: number, began: number): void {
    const { queueId, reversePath, hold } = this.#incoming.transaction;
    const fields = { queueId };
    counters.accepted.count(this.#incoming.connection?.protocol ?? 'local');
    this.#services.cleanupLog.info(fields, `${queueId}: message-id=${messageId}`);
    const count = plan.deliveries.length + plan.queued.length;
    if (hold !== null) this.#services.cleanupLog.info(fields, `${queueId}: hold: ${hold}`);
    else
      this.#services.queueLog.info(
        fields,
        `${queueId}: from=<${this.#settings.logAddress(reversePath)}>, size=${size}, nrcpt=${count} (queue active)`,
      );
    const delays = formatDelays(
      [began - this.#arrivedAt, 0, 0, this.#services.clock() - began],
      this.#settings.delayDigits,
    );
    const sent = (recipient: Recipient, text: string, agent: MailboxAgent = 'local'): void =>
      this.#services.mailboxLogs[agent].info(
        fields,
        `${queueId}: ${recipientWords(recipient, this.#settings.logAddress)}, relay=${agent}, ${delays}, dsn=2.0.0, status=sent (${text})`,
      );
    for (const recipient of plan.delivered) {
      const { agent } = recipient;
      counters.deliveries.count(agent, 'sent');
      counters.deliveryDelay.observe((this.#services.clock() - this.#arrivedAt) / 1000, agent);
      sent(recipient, 'delivered to mailbox', agent);
    }
    for (const { recipient, text } of plan.dropped) sent(recipient, `discarded: ${text}`);
    if (plan.queued.length === 0) this.#services.queueLog.info(fields, `${queueId}: removed`);
  }

  #replyTo(fault: unknown): Reply {
    // The store logs itself that it cannot be reached.
    if (fault instanceof StoreUnavailableError) return WRITE_ERROR;
    const { queueId } = this.#incoming.transaction;
    if (fault instanceof CheckUnavailable) {
      this.#services.cleanupLog.warn(
        { queueId, err: fault.cause },
        `${queueId}: ${fault.message} -- message not accepted, try again later`,
      );
      return WRITE_ERROR;
    }
    const full =
      fault instanceof StoreFullError || (fault instanceof Error && 'code' in fault && fault.code === 'ENOSPC');
    this.#services.cleanupLog.warn({ queueId, err: fault }, `${queueId}: message not accepted: ${messageOf(fault)}`);
    return full ? STORE_FULL : WRITE_ERROR;
  }
}
