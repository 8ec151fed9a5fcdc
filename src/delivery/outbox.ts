/**
 * Mail that plugins send (`server.send`). It is accepted like a notification of our own: plugins do not judge it, so none
 * hears of its own mail, and it is in a mailbox or in the queue when the promise resolves.
 */
import type { PluginMail } from '../bus/plugin.ts';
import type { Clock } from '../clock.ts';
import type { Envelope } from '../mail/envelope.ts';
import { formatReply, isSuccess } from '../mail/status.ts';
import { parseHeader } from '../protocol/mime/header.ts';
import { trace } from '../tracing.ts';
import type { MessageReceiver } from './receive/message-receiver.ts';
import { makeTransaction } from './receive/transaction.ts';

export interface OutboxServices {
  readonly receiver: Pick<MessageReceiver, 'beginInternal'>;
  readonly newQueueId: () => string;
  /** message_size_limit: octets; 0 is none. */
  readonly sizeLimit: number;
}

/** Of one plugin in a minute, unless it says otherwise: two that answer each other must not fill the disk. */
const MOST_IN_A_MINUTE = 1_000;
const MINUTE = 60_000;
const MOST_RECIPIENTS = 1_000;
/** Octets above message_size_limit: what a plugin writes around a message that was just accepted. */
const AROUND = 64 * 1024;
/** An address of an envelope, with a domain. */
const ADDRESS = /^[^\s<>\0]{1,255}@[^\s<>@\0]{1,255}$/;

export class Outbox {
  readonly #clock: Clock;
  readonly #sent = new Map<string, { since: number; count: number }>();
  #services: OutboxServices | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Before this, sending rejects. */
  open(services: OutboxServices): void {
    this.#services = services;
  }

  /** Returns the queue ID. Rejects with an Error that says why nothing was accepted. */
  async send(plugin: string, { from, to, message }: PluginMail, most = MOST_IN_A_MINUTE): Promise<string> {
    const services = this.#services;
    if (services === null) throw new Error('nothing can be sent during register(); send in a hook');
    if (trace()?.hypothetical === true) throw new Error('posthorn explain sends nothing');
    const fault = faultOf({ from, to, message }, services.sizeLimit);
    if (fault !== null) throw new Error(`server.send: ${fault}`);
    this.#count(plugin, most);
    const octets = Buffer.from(message);
    const isMarked = parseHeader(octets).get('Auto-Submitted') !== null;
    const recipients = to.map((address) => ({ address, original: address, notify: [], orcpt: '' }));
    const smtputf8 = /[^\x00-\x7f]/.test([from, ...to].join(''));
    const envelope: Envelope = { reversePath: from, recipients, ret: '', envid: '', smtputf8, body: '8BITMIME' };
    const queueId = services.newQueueId();
    const transaction = makeTransaction(queueId, envelope);
    const intake = services.receiver.beginInternal({ connection: null, transaction, envelope });
    // RFC 3834 section 5: whoever answers by itself must not answer this.
    if (!isMarked) await intake.write(Buffer.from('Auto-Submitted: auto-generated\r\n'));
    await intake.write(octets);
    const reply = await intake.end();
    if (isSuccess(reply)) return queueId;
    throw new Error(`server.send: not accepted: ${formatReply(reply)}`);
  }

  #count(plugin: string, most: number): void {
    const now = this.#clock();
    const known = this.#sent.get(plugin);
    if (known === undefined || now - known.since >= MINUTE) this.#sent.set(plugin, { since: now, count: 1 });
    else if (known.count < most) known.count += 1;
    else throw new Error(`server.send: more than ${most} messages in a minute`);
  }
}

/** The values come from a plugin: they may be anything. */
function faultOf({ from, to, message }: PluginMail, sizeLimit: number): string | null {
  if (typeof from !== 'string' || (from !== '' && !ADDRESS.test(from))) return '"from" must be an address, or \'\'';
  if (!Array.isArray(to) || to.length === 0 || to.length > MOST_RECIPIENTS || !to.every((one) => ADDRESS.test(one)))
    return `"to" must be a list of 1 to ${MOST_RECIPIENTS} addresses`;
  if (typeof message !== 'string' && !(message instanceof Uint8Array)) return '"message" must be a text or octets';
  const size = Buffer.byteLength(message);
  return sizeLimit > 0 && size > sizeLimit + AROUND
    ? `the message has ${size} octets; message_size_limit is ${sizeLimit}, and ${AROUND} more are for what is around it`
    : null;
}
