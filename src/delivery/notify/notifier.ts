/**
 * Sends notifications (requirement P16, RFC 3461 sections 4 and 6): failures, delays and successes to the sender, with
 * the null reverse-path; a bounce that cannot be delivered goes to the postmaster, if notify_classes contains 2bounce;
 * a bounce of a bounce is never sent.
 *
 * A notification is accepted like any message, through the receiver, before the item it reports is settled. So a crash
 * between the two repeats a notification and never loses one.
 */

import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { ParameterReader, StringName } from '../../lookup/parameters.ts';
import { addressKey, qualify } from '../../mail/address.ts';
import type { BounceTemplates } from '../../mail/bounce-template.ts';
import type { Envelope, Notify } from '../../mail/envelope.ts';
import { formatReply, isSuccess, type Reply } from '../../mail/status.ts';
import { parseHeader } from '../../protocol/mime/header.ts';
import type { ContentStore } from '../../store/content.ts';
import type { QueueItem } from '../../store/queue.ts';
import { readHeaderOctets } from '../../store/stored-header.ts';
import type { Outcome } from '../outcome.ts';
import type { MessageReceiver } from '../receive/message-receiver.ts';
import { makeTransaction } from '../receive/transaction.ts';
import { verpItem } from '../verp-item.ts';
import { formatReport, type Report, type ReportKind } from './report.ts';

export interface NotifierOptions {
  readonly content: ContentStore;
  readonly receiver: MessageReceiver;
  readonly parameters: ParameterReader;
  readonly templates: BounceTemplates;
  readonly clock: Clock;
  readonly log: Log;
  readonly newQueueId: () => string;
}

export interface Notifier {
  /**
   * All outcomes are of one message, perhaps of several senders (`owner-` aliases). True once everyone who must be notified has been notified durably, or no one had
   * to be. Rejects if the store fails.
   */
  notify(kind: 'failure' | 'delay' | 'success', outcomes: readonly Outcome[]): Promise<boolean>;
  /**
   * Tells the sender of a message that was refused before it was in the queue. True once that is durable, or nobody is
   * to be told.
   */
  refused(message: RefusedMessage): Promise<boolean>;
  /**
   * Tells the sender what would become of mail (`sendmail -bv`). True once that is durable, or nobody is to be told.
   * `header`: of the message that was not sent.
   */
  asked(outcomes: readonly Outcome[], header: Buffer): Promise<boolean>;
  /** Tells the sender how the first attempt went (`sendmail -v`); as `asked`. Rejects if the store fails. */
  attempted(outcomes: readonly Outcome[]): Promise<boolean>;
  /** Mails a session's transcript to the postmaster (notify_classes). Best effort: never rejects. */
  transcript(kind: 'protocol', subject: string, text: string): Promise<void>;
}

/** A message from a local user that was not accepted. */
export interface RefusedMessage {
  readonly queueId: string;
  readonly envelope: Envelope;
  readonly reply: Reply;
  /** The beginning of it. */
  readonly original: Buffer;
}

/** RFC 3461 section 4.1: without NOTIFY, failures and (if delay warnings are configured) delays are reported. */
const WANTED: Readonly<
  Record<'failure' | 'delay' | 'success', { readonly notify: Notify; readonly unasked: boolean }>
> = {
  failure: { notify: 'FAILURE', unasked: true },
  delay: { notify: 'DELAY', unasked: true },
  success: { notify: 'SUCCESS', unasked: false },
};

const LOG_WORDS: Readonly<Record<ReportKind, string>> = {
  failure: 'sender non-delivery notification',
  delay: 'sender delay notification',
  success: 'sender delivery status notification',
  verify: 'sender delivery status notification',
  attempt: 'sender delivery status notification',
  postmaster: 'postmaster non-delivery notification',
  double: 'postmaster non-delivery notification',
  'postmaster delay': 'postmaster delay notification',
};

const HEADER_ROOM = 100 * 1024;

/** Whether this recipient's sender wants the notification. */
export function isWanted(kind: keyof typeof WANTED, item: Pick<QueueItem, 'notify'>): boolean {
  const { notify, unasked } = WANTED[kind];
  return item.notify.length === 0 ? unasked : item.notify.includes(notify);
}

export function createNotifier(options: NotifierOptions): Notifier {
  const { parameters, content, receiver, clock } = options;
  const log = options.log.child({ process: 'postfix/bounce' });
  const host = parameters.string('myhostname');
  const origin = parameters.string('myorigin');
  const mailerDaemon = `MAILER-DAEMON@${origin}`;
  const doubleBounce = qualify(parameters.string('double_bounce_sender'), host);
  const classes = new Set(parameters.list('notify_classes').map((name) => name.toLowerCase()));
  const isThreaded = parameters.boolean('enable_threaded_bounces');
  const confirmsDelays = parameters.boolean('confirm_delay_cleared');
  const bouncesEach = !parameters.boolean('disable_verp_bounces');
  const sizeLimit = parameters.number('bounce_size_limit');

  /**
   * The message as returned in the notification: complete if that was requested or is customary, and it is small
   * enough.
   */
  async function original(item: QueueItem, kind: ReportKind): Promise<{ octets: Buffer; complete: boolean }> {
    const whole = (kind === 'failure' || kind === 'double') && item.ret !== 'HDRS' && item.size <= sizeLimit;
    if (!whole)
      return { octets: await readHeaderOctets(content, item.content, item.size, HEADER_ROOM), complete: false };
    const pieces: Buffer[] = [];
    for await (const piece of content.stream(item.content, 0, item.size)) pieces.push(piece);
    return { octets: Buffer.concat(pieces), complete: true };
  }

  async function send(
    report: 'bounce' | 'notify',
    reversePath: string,
    to: string,
    smtputf8: boolean,
    octets: Buffer,
  ): Promise<string | null> {
    const queueId = options.newQueueId();
    const recipients = [{ address: to, original: to, notify: ['NEVER' as const], orcpt: '' }];
    const envelope: Envelope = { reversePath, recipients, ret: '', envid: '', smtputf8, body: '8BITMIME' };
    const intake = receiver.beginInternal({
      connection: null,
      transaction: makeTransaction(queueId, envelope),
      envelope,
      report,
    });
    await intake.write(octets);
    const answer = await intake.end();
    if (isSuccess(answer)) return queueId;
    log.warn({ queueId }, `${queueId}: notification not accepted: ${formatReply(answer)}`);
    return null;
  }

  async function report(
    kind: ReportKind,
    reversePath: string,
    to: string,
    outcomes: readonly Outcome[],
    returned?: Report['original'],
  ): Promise<boolean> {
    const item = outcomes[0]?.item;
    if (item === undefined) return true;
    const message = returned ?? (await original(item, kind));
    const octets = formatReport({
      kind,
      references: isThreaded ? (parseHeader(message.octets).get('message-id') ?? '').trim() : '',
      host,
      templates: options.templates,
      to,
      queueId: item.queueId,
      outcomes,
      now: clock(),
      retryUntil: item.arrivedAt + parameters.time('maximal_queue_lifetime'),
      original: message,
    });
    const queueId = await send('bounce', reversePath, to, item.smtputf8, octets);
    if (queueId !== null)
      log.info({ queueId: item.queueId, notification: queueId }, `${item.queueId}: ${LOG_WORDS[kind]}: ${queueId}`);
    return queueId !== null;
  }

  async function notify(kind: 'failure' | 'delay' | 'success', outcomes: readonly Outcome[]): Promise<boolean> {
    let all = true;
    const addressed =
      kind === 'failure' && bouncesEach ? outcomes.map((one) => ({ ...one, item: verpItem(one.item) })) : outcomes;
    for (const ofSender of Map.groupBy(addressed, ({ item }) => item.reversePath).values())
      all = (await notifySender(kind, ofSender)) && all;
    return all;
  }

  async function notifySender(kind: 'failure' | 'delay' | 'success', outcomes: readonly Outcome[]): Promise<boolean> {
    const wanted = outcomes.filter(
      ({ item: one }) => isWanted(kind, one) || (kind === 'success' && confirmsDelays && one.warned),
    );
    const item = (kind === 'failure' ? outcomes : wanted)[0]?.item;
    if (item === undefined) return true;
    if (item.reversePath === '' || addressKey(item.reversePath) === addressKey(doubleBounce))
      return kind !== 'failure' || bouncedBounce(item, outcomes);
    if (wanted.length === 0) return true;
    const told = await report(kind, '', item.reversePath, wanted);
    if (told && kind === 'failure' && classes.has('bounce'))
      await report('postmaster', doubleBounce, postmaster('bounce_notice_recipient'), wanted);
    if (told && kind === 'delay' && classes.has('delay'))
      await report('postmaster delay', doubleBounce, postmaster('delay_notice_recipient'), wanted);
    return told;
  }

  async function refused({ queueId, envelope, reply, original: octets }: RefusedMessage): Promise<boolean> {
    log.warn({ queueId }, `${queueId}: refused: ${formatReply(reply)}`);
    if (envelope.reversePath === '') return true;
    const arrivedAt = clock();
    const outcomes = envelope.recipients.map((recipient): Outcome => {
      const { reversePath, ret, envid, smtputf8, body } = envelope;
      const sent = {
        queueId,
        reversePath,
        ret,
        envid,
        smtputf8,
        body,
        size: octets.length,
        arrivedAt,
        dueAt: arrivedAt,
      };
      const { address, original: given, notify: wishes, orcpt } = recipient;
      const item: QueueItem = {
        ...sent,
        id: '',
        content: '',
        recipient: address,
        original: given,
        notify: wishes,
        orcpt,
        destination: '',
        state: 'incoming',
        attempts: 0,
        warned: false,
        lastReply: reply,
        active: false,
      };
      return { item, status: 'bounced', reply, relay: 'none', diagnostic: '', remoteHost: '', notifies: false };
    });
    const wanted = outcomes.filter(({ item }) => isWanted('failure', item));
    return report('failure', '', envelope.reversePath, wanted, { octets, complete: true });
  }

  const asked = (outcomes: readonly Outcome[], header: Buffer): Promise<boolean> =>
    told('verify', outcomes, { octets: header, complete: false });

  const attempted = (outcomes: readonly Outcome[]): Promise<boolean> => told('attempt', outcomes);

  async function told(
    as: 'verify' | 'attempt',
    outcomes: readonly Outcome[],
    returned?: Report['original'],
  ): Promise<boolean> {
    const item = outcomes[0]?.item;
    if (item === undefined) return true;
    const { queueId, reversePath } = item;
    const isDouble = addressKey(reversePath) === addressKey(doubleBounce);
    if (reversePath !== '' && !isDouble) return report(as, '', reversePath, outcomes, returned);
    const kind = isDouble ? 'double' : 'single';
    log.info({ queueId }, `${queueId}: not sending trace/success notification for ${kind}-bounce message`);
    return true;
  }

  async function bouncedBounce(item: QueueItem, outcomes: readonly Outcome[]): Promise<boolean> {
    if (item.reversePath !== '') {
      log.warn({ queueId: item.queueId }, `${item.queueId}: undeliverable postmaster notification discarded`);
      return true;
    }
    if (classes.has('2bounce')) return report('double', doubleBounce, postmaster('2bounce_notice_recipient'), outcomes);
    log.info(
      { queueId: item.queueId },
      `${item.queueId}: undeliverable notification discarded (notify_classes has no 2bounce)`,
    );
    return true;
  }

  const postmaster = (parameter: StringName): string => qualify(parameters.string(parameter), origin);

  async function transcript(kind: 'protocol', subject: string, text: string): Promise<void> {
    if (!classes.has(kind)) return;
    const to = postmaster('error_notice_recipient');
    const lines = ['Transcript of session follows.', '', ...text.split('\n')].join('\r\n');
    const octets = `From: Mail Delivery System <${mailerDaemon}>\r\nTo: Postmaster <${to}>\r\nSubject: ${subject}\r\nAuto-Submitted: auto-generated\r\n\r\n${lines}\r\n`;
    await send('notify', doubleBounce, to, false, Buffer.from(octets)).catch((error: unknown) =>
      log.warn({ err: error }, 'a transcript could not be mailed to the postmaster'),
    );
  }

  return { notify, refused, asked, attempted, transcript };
}
