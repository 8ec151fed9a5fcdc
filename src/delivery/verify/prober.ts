/**
 * Asks whether an address could be delivered to (Postfix: a message that verify(8) sends to it): through the virtual
 * aliases, then by the route of probes. What is delivered here is answered from the tables; another server is asked up
 * to RCPT TO, or DATA (smtp_address_verify_target).
 *
 * A probe is not an item of the queue: it has no content and ends with its answer, so it can neither be delivered nor
 * bounce, and a process that dies loses nothing that the next question would not ask again.
 *
 * `sendmail -bv` asks as well: by the way that mail takes, and about each address that a virtual alias stands for.
 */
import type { Hooks } from '../../bus/hook.ts';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Domains } from '../../lookup/domains.ts';
import { logAddress } from '../../lookup/log-address.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { utf8Sources } from '../../lookup/utf8-sources.ts';
import type { Verification } from '../../lookup/verifications.ts';
import { readVerifySender } from '../../lookup/verify-sender.ts';
import type { Envelope, Recipient } from '../../mail/envelope.ts';
import { isReply, type Reply, reply } from '../../mail/status.ts';
import { Gate } from '../../net/gate.ts';
import type { QueueItem } from '../../store/queue.ts';
import { hasUtf8Address } from '../checks/utf8-header.ts';
import { formatDelays, recipientWords } from '../log-format.ts';
import { type Attempt, type Outcome, unanimous } from '../outcome.ts';
import { programOf } from '../queue/program.ts';
import { type Expansion, type ExpansionLimits, expand } from '../receive/expand.ts';
import { destinationOf, type Route, type Router } from '../route/router.ts';
import { type Asked, probeItem } from './probe-item.ts';
import type { Probe } from './verifier.ts';

export interface ProberOptions {
  readonly hooks: Hooks;
  readonly domains: Pick<Domains, 'classify' | 'resolve'>;
  /** The ways of probes and those of mail; neither makes accounts. */
  readonly routers: { readonly probe: Pick<Router, 'route'>; readonly mail: Pick<Router, 'route' | 'asBestMx'> };
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

/** Probes at a time; the others wait. Users who ask by -bv cannot hold up those of the server. */
const AT_ONCE = { server: 100, users: 20 };
/** The longest that a probe may take, ms. */
const DEADLINE = 1_000_000;

export interface Prober {
  readonly probe: Probe;
  /**
   * What would become of mail with this envelope, for each address that it reaches. Null if that cannot be found out
   * now: at shutdown, or once `signal` is aborted. Never rejects.
   */
  ask(queueId: string, envelope: Envelope, signal: AbortSignal): Promise<readonly Outcome[] | null>;
}

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

const LOOKUP_FAULT = reply(451, '4.3.0', 'Address lookup failed');

const STATUSES = { sent: 'deliverable', deferred: 'deferred', bounced: 'undeliverable' } as const;

export function createProber(options: ProberOptions): Prober {
  const { hooks, domains, routers, expansion, parameters, clock, log, closing } = options;
  const probeSender = readVerifySender(parameters);
  const logForm = logAddress(parameters);
  const delayDigits = parameters.number('delay_logging_resolution_limit');
  const detects = utf8Sources(parameters);
  const gates = { server: new Gate(AT_ONCE.server), users: new Gate(AT_ONCE.users) };

  /** After the virtual aliases. */
  async function mapped(original: Recipient): Promise<Pick<Expansion, 'recipients' | 'failed'>> {
    const found = await expand([original], hooks, { ...expansion, steps: { maps: true, aliases: false } });
    return isReply(found) ? { recipients: [], failed: [{ recipient: original, reply: found, isLocal: false }] } : found;
  }

  async function endOf(address: string, sender: string): Promise<End> {
    const original = { address: await options.rewrite(address), original: address, notify: [], orcpt: '' };
    const { recipients, failed: faults } = await mapped(original);
    if (faults[0] !== undefined) return failed(faults[0].reply);
    const [only, ...others] = recipients;
    if (only === undefined || others.length > 0) return good('aliased to multiple recipients');
    return endOfMember(only, routers.probe, sender);
  }

  async function endOfMember(member: Recipient, router: Pick<Router, 'route'>, sender: string): Promise<End> {
    const recipient = { ...member, address: await domains.resolve(member.address) };
    // As local(8), which asks nobody about the members of an alias.
    const aliased = await expand([recipient], hooks, { ...expansion, steps: { maps: false, aliases: true } });
    if (isReply(aliased)) return failed(aliased);
    if (aliased.failed[0] !== undefined) return failed(aliased.failed[0].reply);
    const [one, ...rest] = aliased.recipients;
    if (one?.address !== recipient.address || one.target !== undefined || rest.length > 0) return good('aliased');
    return { kind: 'route', route: await router.route(recipient.address, sender), recipient };
  }

  async function attempt(route: Route, item: QueueItem, signal: AbortSignal): Promise<Attempt> {
    const taken = (text: string): Attempt => unanimous([item], 'sent', reply(250, '2.0.0', text), route.transport);
    switch (route.kind) {
      case 'local':
      case 'expand':
        return taken('delivers to mailbox');
      case 'target':
        return taken('delivers to a command or file');
      case 'pipe':
        return taken(`delivers to command: ${route.transport}`);
      case 'discard':
        return unanimous([item], 'sent', reply(250, '2.0.0', route.text), 'none');
      case 'error':
        return unanimous([item], route.reply.code >= 500 ? 'bounced' : 'deferred', route.reply, route.relay);
      case 'remote': {
        const tried = await options.remote(route, item, AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)]));
        const other = tried.isOurs === true ? await routers.mail.asBestMx(item, route) : null;
        return other === null || other.kind === 'remote' ? tried : attempt(other, item, signal);
      }
    }
  }

  /** Null once `signal` is aborted. */
  async function outcomeOf(end: End, asked: Asked, signal: AbortSignal): Promise<Outcome | null> {
    const started = clock();
    const { queueId, began } = asked;
    const recipient = end.kind === 'route' ? end.recipient : asked.recipient;
    const item = probeItem(asked, recipient, end.kind === 'route' ? destinationOf(end.route) : '');
    const tried =
      end.kind === 'route' ? await attempt(end.route, item, signal) : unanimous([item], end.status, end.reply, 'none');
    const [outcome] = tried.outcomes;
    if (outcome === undefined || signal.aborted) return null;
    const delays = formatDelays([0, started - began, tried.connecting, tried.sending], delayDigits);
    log
      .child({ process: `postfix/${end.kind === 'route' ? programOf(end.route) : 'cleanup'}` })
      .info(
        { queueId },
        `${queueId}: ${recipientWords(recipient, logForm)}, relay=${outcome.relay}, ${delays}, dsn=${outcome.reply.enhanced}, status=${outcome.status === 'sent' ? 'deliverable' : 'undeliverable'} (${oneLine(outcome.reply.text)})`,
      );
    return outcome;
  }

  async function probe(address: string, began: number): Promise<Verification | null> {
    const reversePath = probeSender.at(began);
    const end = await endOf(address, reversePath);
    const recipient = { address, original: address, notify: [], orcpt: '' };
    const smtputf8 = detects.has('verify') && hasUtf8Address([address, reversePath]);
    const asked = { queueId: options.newQueueId(), reversePath, smtputf8, recipient, began };
    const outcome = await outcomeOf(end, asked, closing);
    return outcome === null ? null : { status: STATUSES[outcome.status], text: oneLine(outcome.reply.text) };
  }

  async function askAbout(
    recipient: Recipient,
    { queueId, envelope, began }: { queueId: string; envelope: Envelope; began: number },
    signal: AbortSignal,
  ): Promise<(Outcome | null)[]> {
    const { reversePath } = envelope;
    const smtputf8 = detects.has('sendmail') && hasUtf8Address([recipient.address, reversePath]);
    const outcome = (of: Recipient, end: End): Promise<Outcome | null> =>
      outcomeOf(end, { queueId, reversePath, smtputf8, recipient: of, began }, signal);
    const outcomes: (Outcome | null)[] = [];
    try {
      const { recipients, failed: faults } = await mapped({
        ...recipient,
        address: await options.rewrite(recipient.address),
      });
      if (recipients.length + faults.length === 0)
        outcomes.push(await outcome(recipient, good('discarded by an alias')));
      for (const { recipient: of, reply: answer } of faults) outcomes.push(await outcome(of, failed(answer)));
      for (const member of recipients)
        outcomes.push(await outcome(member, await endOfMember(member, routers.mail, reversePath)));
    } catch (error) {
      log.warn({ queueId, err: error }, `${queueId}: cannot probe <${recipient.address}>: ${messageOf(error)}`);
      outcomes.push(await outcome(recipient, failed(LOOKUP_FAULT)));
    }
    return outcomes;
  }

  async function ask(queueId: string, envelope: Envelope, signal: AbortSignal): Promise<readonly Outcome[] | null> {
    const until = AbortSignal.any([closing, signal]);
    const began = clock();
    const found = await Promise.all(
      envelope.recipients.map((one) =>
        gates.users.run(async () => (until.aborted ? [null] : askAbout(one, { queueId, envelope, began }, until))),
      ),
    );
    const outcomes = found.flat();
    const known = outcomes.filter((outcome) => outcome !== null);
    return known.length < outcomes.length ? null : known;
  }

  return {
    probe: (address) =>
      gates.server.run(() =>
        probe(address, clock()).catch((error: unknown) => {
          log.warn({ err: error }, `cannot probe <${address}>: ${messageOf(error)}`);
          return null;
        }),
      ),
    ask,
  };
}

const oneLine = (text: string): string => text.replaceAll('\n', ' ');
