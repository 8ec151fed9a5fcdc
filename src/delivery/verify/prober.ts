/**
 * Asks whether an address could be delivered to (Postfix: a message that verify(8) sends to it): through the virtual
 * aliases, then by the route of probes. What is delivered here is answered from the tables; another server is asked up
 * to RCPT TO, or DATA (smtp_address_verify_target).
 *
 * A probe is not an item of the queue: it has no content and ends with its answer, so it can neither be delivered nor
 * bounce, and a process that dies loses nothing that the next question would not ask again.
 */
import { isAscii } from 'node:buffer';
import type { Hooks } from '../../bus/hook.ts';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Domains } from '../../lookup/domains.ts';
import { logAddress } from '../../lookup/log-address.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Verification } from '../../lookup/verifications.ts';
import { readVerifySender } from '../../lookup/verify-sender.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { isReply, type Reply, reply } from '../../mail/status.ts';
import { Gate } from '../../net/gate.ts';
import type { QueueItem } from '../../store/queue.ts';
import { formatDelays, recipientWords } from '../log-format.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import { programOf } from '../queue/program.ts';
import { type ExpansionLimits, expand } from '../receive/expand.ts';
import { destinationOf, type Route, type Router } from '../route/router.ts';
import type { Probe } from './verifier.ts';

export interface ProberOptions {
  readonly hooks: Hooks;
  readonly domains: Pick<Domains, 'classify' | 'resolve'>;
  /** Reads the parameters of probes, and makes no accounts. */
  readonly router: Pick<Router, 'route'>;
  readonly expansion: Omit<ExpansionLimits, 'steps'>;
  /** As the address of a message's envelope. */
  rewrite(address: string): Promise<string>;
  /** Asks another server about an item without content. */
  remote(route: Route & { kind: 'remote' }, item: QueueItem, signal: AbortSignal): Promise<Attempt>;
  readonly parameters: ParameterReader;
  readonly newQueueId: () => string;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted at shutdown. */
  readonly closing: AbortSignal;
}

/** Probes at a time; the others wait. */
const AT_ONCE = 100;
/** The longest that a probe may take, ms. */
const DEADLINE = 1_000_000;

/** Where an address leads. */
type End =
  | { readonly kind: 'answer'; readonly status: 'sent' | 'deferred' | 'bounced'; readonly reply: Reply }
  | { readonly kind: 'route'; readonly route: Route; readonly recipient: Recipient };

const good = (text: string): End => ({ kind: 'answer', status: 'sent', reply: reply(250, '2.0.0', text) });
const failed = (answer: Reply): End => ({
  kind: 'answer',
  status: answer.code >= 500 ? 'bounced' : 'deferred',
  reply: answer,
});

const STATUSES = { sent: 'deliverable', deferred: 'deferred', bounced: 'undeliverable' } as const;

export function createProber(options: ProberOptions): Probe {
  const { hooks, domains, router, expansion, parameters, clock, log, closing } = options;
  const probeSender = readVerifySender(parameters);
  const logForm = logAddress(parameters);
  const delayDigits = parameters.number('delay_logging_resolution_limit');
  const gate = new Gate(AT_ONCE);

  async function endOf(address: string, sender: string): Promise<End> {
    const original = { address: await options.rewrite(address), original: address, notify: [], orcpt: '' };
    const mapped = await expand([original], hooks, { ...expansion, steps: { maps: true, aliases: false } });
    if (isReply(mapped)) return failed(mapped);
    if (mapped.failed[0] !== undefined) return failed(mapped.failed[0].reply);
    const [only, ...others] = mapped.recipients;
    if (only === undefined || others.length > 0) return good('aliased to multiple recipients');
    const recipient = { ...only, address: await domains.resolve(only.address) };
    // As local(8), which asks nobody about the members of an alias.
    const aliased = await expand([recipient], hooks, { ...expansion, steps: { maps: false, aliases: true } });
    if (isReply(aliased)) return failed(aliased);
    if (aliased.failed[0] !== undefined) return failed(aliased.failed[0].reply);
    const [member, ...rest] = aliased.recipients;
    if (member?.address !== recipient.address || member.target !== undefined || rest.length > 0) return good('aliased');
    return { kind: 'route', route: await router.route(recipient.address, sender), recipient };
  }

  async function attempt(route: Route, item: QueueItem): Promise<Attempt> {
    const taken = (text: string): Attempt => unanimous([item], 'sent', reply(250, '2.0.0', text), route.transport);
    switch (route.kind) {
      case 'local':
        return taken('delivers to mailbox');
      case 'target':
        return taken('delivers to a command or file');
      case 'pipe':
        return taken(`delivers to command: ${route.transport}`);
      case 'discard':
        return unanimous([item], 'sent', reply(250, '2.0.0', route.text), 'none');
      case 'error':
        return unanimous([item], route.reply.code >= 500 ? 'bounced' : 'deferred', route.reply, route.relay);
      case 'remote':
        return options.remote(route, item, AbortSignal.any([closing, AbortSignal.timeout(DEADLINE)]));
    }
  }

  async function probe(address: string, began: number): Promise<Verification | null> {
    const sender = probeSender.at(began);
    const end = await endOf(address, sender);
    const started = clock();
    const recipient = end.kind === 'route' ? end.recipient : { address, original: address };
    const item = itemOf(sender, recipient, end.kind === 'route' ? destinationOf(end.route) : '', began);
    const tried =
      end.kind === 'route' ? await attempt(end.route, item) : unanimous([item], end.status, end.reply, 'none');
    const [outcome] = tried.outcomes;
    if (outcome === undefined || closing.aborted) return null;
    const text = outcome.reply.text.replaceAll('\n', ' ');
    const good = outcome.status === 'sent';
    const delays = formatDelays([0, started - began, tried.connecting, tried.sending], delayDigits);
    log
      .child({ process: `postfix/${end.kind === 'route' ? programOf(end.route) : 'cleanup'}` })
      .info(
        { queueId: item.queueId },
        `${item.queueId}: ${recipientWords(recipient, logForm)}, relay=${outcome.relay}, ${delays}, dsn=${outcome.reply.enhanced}, status=${good ? 'deliverable' : 'undeliverable'} (${text})`,
      );
    return { status: STATUSES[outcome.status], text };
  }

  const itemOf = (
    sender: string,
    { address, original }: Pick<Recipient, 'address' | 'original'>,
    destination: string,
    now: number,
  ) =>
    ({
      id: '',
      queueId: options.newQueueId(),
      content: '',
      size: 0,
      recipient: address,
      original,
      notify: [],
      orcpt: '',
      destination,
      state: 'incoming',
      reversePath: sender,
      ret: '',
      envid: '',
      smtputf8: !isAscii(Buffer.from(`${address}${sender}`)),
      body: '7BIT',
      arrivedAt: now,
      dueAt: now,
      attempts: 0,
      warned: false,
      lastReply: null,
      active: true,
    }) satisfies QueueItem;

  return (address) =>
    gate.run(() =>
      probe(address, clock()).catch((error: unknown) => {
        log.warn({ err: error }, `cannot probe <${address}>: ${messageOf(error)}`);
        return null;
      }),
    );
}
