/** Plans who receives a message and how, once its reverse-path and copies are final. */
import { type Address, addressKey, domainOf } from '../../mail/address.ts';
import type { ClientOrigin } from '../../mail/client-origin.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { isReply, type Reply } from '../../mail/status.ts';
import type { Header } from '../../protocol/mime/header.ts';
import { trace } from '../../tracing.ts';
import { routeTo, routeWords } from '../route/router.ts';
import { isLocalMail, originOf } from './client-origin.ts';
import { type ExpandedRecipient, type Expansion, type ExpansionLimits, expand } from './expand.ts';
import type { DeliveryContext } from './mailbox-row.ts';
import { emptyPlan, type Plan, planRecipient, planRest } from './plan.ts';
import type { Incoming } from './receiver.ts';
import type { ReceiverServices, ReceiverSettings } from './services.ts';

/** How recipients are planned. */
interface Way {
  readonly filter: string | null;
  readonly context: DeliveryContext;
}

/** Of mail that no client sent. */
const LOCAL_ORIGIN: ClientOrigin = { source: 'LOCAL' };

export interface PlannedMessage {
  readonly arrivedAt: number;
  /** It has a Delivered-To field. */
  readonly wasDelivered: () => boolean;
}

export class Planner {
  readonly #services: ReceiverServices;
  readonly #settings: ReceiverSettings;
  readonly #incoming: Incoming;
  readonly #arrivedAt: number;
  readonly #wasDelivered: () => boolean;
  #origin: ClientOrigin | null = null;

  constructor(
    services: ReceiverServices,
    settings: ReceiverSettings,
    incoming: Incoming,
    { arrivedAt, wasDelivered }: PlannedMessage,
  ) {
    this.#services = services;
    this.#settings = settings;
    this.#incoming = incoming;
    this.#arrivedAt = arrivedAt;
    this.#wasDelivered = wasDelivered;
  }

  /** Who receives it and how; a Reply refuses the message. `header` is called only where it is needed. */
  async plan(header: () => Header): Promise<Plan | Reply> {
    const { transaction } = this.#incoming;
    const { reversePath } = transaction;
    // Local aliases are for the mail that comes back from the filter (Postfix: local(8)).
    const filter = transaction.filter ?? this.#settings.filter;
    const steps = { maps: this.#settings.maps, aliases: filter === null };
    const { log } = this.#services;
    const isLoop = steps.aliases && this.#wasDelivered() ? this.#loops(header()) : undefined;
    const limits = {
      ...this.#settings.expansion,
      steps,
      warn: (message: string): void => log.warn({ queueId: transaction.queueId }, `${transaction.queueId}: ${message}`),
      sentOn: (address: string) => this.#sentOn(address),
      ...(isLoop === undefined ? {} : { isLoop }),
    };
    const expansion = await expand(await this.#recipients(), this.#services.hooks, limits);
    if (isReply(expansion)) return expansion;
    const waiting = expansion.failed.find(({ reply: { code }, isLocal }) => isLocal && code < 500);
    if (this.#incoming.waited === true && waiting !== undefined) return waiting.reply;
    const plan = emptyPlan();
    const context = {
      hooks: this.#services.hooks,
      reversePath,
      arrivedAt: this.#arrivedAt,
      namesOriginal: this.#settings.namesOriginal,
      header,
    };
    await this.#planAll(plan, expansion.recipients, { filter, context });
    planRest(plan, expansion);
    return plan.forwarded.length === 0 ? plan : this.#planForwards(plan, expansion, { limits, filter, context });
  }

  /** Each address once: mailboxes that forward to each other come to an end. */
  async #planForwards(
    plan: Plan,
    { recipients }: Expansion,
    { limits, ...way }: Way & { readonly limits: ExpansionLimits },
  ): Promise<Plan | Reply> {
    const forwards = emptyPlan();
    const { addressing } = this.#settings;
    const done = new Set(recipients.map(({ address }) => addressKey(address)));
    const isNew = (address: Address): boolean => done.size < done.add(addressKey(address)).size;
    const waiting = plan.forwarded.splice(0);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const address = await addressing.envelope(next.address, 'envelope_recipient');
      if (!isNew(address)) continue;
      const expansion = await expand([{ ...next.recipient, address }], this.#services.hooks, limits);
      if (isReply(expansion)) return expansion;
      const fresh = expansion.recipients.filter((one) => one.address === address || isNew(one.address));
      await this.#planAll(forwards, fresh, way);
      planRest(forwards, expansion);
      waiting.push(...forwards.forwarded.splice(0));
    }
    return { ...plan, forwards };
  }

  async #planAll(plan: Plan, recipients: readonly ExpandedRecipient[], { filter, context }: Way): Promise<void> {
    const { telling, domains, router } = this.#services;
    const { verp = '', reports = false, transaction } = this.#incoming;
    for (const given of recipients) {
      const address = await domains.resolve(given.address);
      // Members of an alias with an owner get the owner's mail.
      const own =
        given.sender !== undefined
          ? {}
          : { ...(verp === '' ? {} : { verp }), ...(reports ? { reports: true as const } : {}) };
      const recipient = { ...given, address, ...own };
      const route =
        given.target === undefined
          ? await router.route(recipient.address, recipient.sender ?? context.reversePath, filter)
          : routeTo(given.target, given.delivered ?? recipient.address);
      trace()?.add({ kind: 'route', address: recipient.address, ...routeWords(route) });
      const planned = telling.has(route.transport) ? { ...recipient, client: await this.#client() } : recipient;
      await planRecipient(plan, planned, route, transaction.hold !== null, context);
    }
  }

  /** As Postfix's local(8): by Delivered-To fields, for our local domains only, with the address extension. */
  #loops(header: Header): (address: string) => Promise<boolean> {
    const delivered = new Set(header.all('delivered-to').map((value) => addressKey(value.trim())));
    const { domains } = this.#services;
    return async (address) =>
      delivered.has(addressKey(address)) && (await domains.classify(domainOf(address))) === 'local';
  }

  /** As in Postfix, mail that a local alias sends elsewhere passes the canonical tables as it would from outside. */
  async #sentOn(address: string): Promise<string> {
    const isLocal = (await this.#services.domains.classify(domainOf(address))) === 'local';
    return isLocal ? address : this.#settings.addressing.envelope(address, 'envelope_recipient');
  }

  /** For the items of transports that tell it on. */
  async #client(): Promise<ClientOrigin> {
    const { connection, transaction, forwarded, saslSender = '' } = this.#incoming;
    if (connection === null) return LOCAL_ORIGIN;
    this.#origin ??= originOf(connection, {
      forwarded,
      isLocal: await isLocalMail(this.#incoming, this.#settings.isLocal),
      queueId: transaction.queueId,
      saslSender,
    });
    return this.#origin;
  }

  async #recipients(): Promise<readonly Recipient[]> {
    const { transaction, envelope } = this.#incoming;
    const { redirect } = transaction;
    if (typeof redirect === 'string') {
      const original = envelope.recipients[0]?.original ?? redirect;
      return [{ address: redirect, original, notify: [], orcpt: '' }];
    }
    if (redirect !== null) {
      const known = new Map(transaction.recipients.map((recipient) => [recipient.address, recipient]));
      return redirect.map((address) => known.get(address) ?? { address, original: address, notify: [], orcpt: '' });
    }
    const { alwaysBcc, addressing } = this.#settings;
    const recipients = [...transaction.recipients];
    for (const original of alwaysBcc === '' ? transaction.bcc : [...transaction.bcc, alwaysBcc]) {
      const address = await addressing.envelope(original, 'envelope_recipient');
      recipients.push({ address, original, notify: ['NEVER'], orcpt: '' });
    }
    return recipients;
  }
}
