/**
 * Decides where one recipient's mail goes: a local account, a nexthop, a program, or an error (Postfix:
 * trivial-rewrite(8), transport(5), local(8)). Called when a message is received and again before each attempt, so that
 * changes to the configuration or directory apply to queued mail.
 */

import { lookUp, mailboxKeys, transportKeys, userKeys } from '../../lookup/address-keys.ts';
import { delimitersOf } from '../../lookup/delimiters.ts';
import type { AddressClass, Domains } from '../../lookup/domains.ts';
import type { ListName, ParameterReader } from '../../lookup/parameters.ts';
import { portNamesOf } from '../../lookup/ports.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import type { PipeCommand, Transport, TransportProgram, Transports } from '../../lookup/transports.ts';
import type { Account } from '../../mail/account.ts';
import { addressKey, domainOf, localPart, qualify } from '../../mail/address.ts';
import type { LocalTarget } from '../../mail/local-target.ts';
import { formatReply, type Reply, reply } from '../../mail/status.ts';
import { ownValue } from '../../own-value.ts';
import type { RouteWords } from '../../tracing.ts';
import type { Accounts } from './accounts.ts';
import { openTables } from './address-tables.ts';
import { doubleBounceOf } from './double-bounce.ts';
import { mailboxCommandDestination, readMailboxCommand } from './mailbox-command.ts';
import { type Nexthop, parseNexthop } from './nexthop.ts';
import { targetDestination, targetOf } from './target-destination.ts';
import { parseWay, type Way } from './way.ts';

export type Route = Ending & {
  /** Of master.cf. */
  readonly transport: string;
  /** What a FILTER or content_filter set: the item remembers it. */
  readonly filter?: string;
};

/** Which of Postfix's programs delivers into a mailbox: the log names it. */
export type MailboxAgent = 'local' | 'virtual';
export const MAILBOX_AGENTS: ReadonlySet<string> = new Set<MailboxAgent>(['local', 'virtual']);

type Ending =
  | { readonly kind: 'local'; readonly account: Account; readonly agent: MailboxAgent }
  | {
      readonly kind: 'remote';
      readonly nexthop: Nexthop;
      /** The next hop as written, in lower case: the key of tables of the client. */
      readonly site: string;
      readonly destination: string;
    }
  | {
      readonly kind: 'pipe';
      readonly command: PipeCommand;
      readonly nexthop: string;
      readonly destination: string;
    }
  /** A command or a file of an alias, or the command instead of a mailbox. */
  | {
      readonly kind: 'target';
      readonly target: LocalTarget;
      /** For Delivered-To:. */
      readonly delivered: string;
      readonly destination: string;
    }
  /**
   * A 4xx reply is retried, a 5xx reply bounces. `relay`: what the log shows as the relay. `meant`: set by the
   * transport error or retry, so that a recipient is refused already.
   */
  | { readonly kind: 'error'; readonly reply: Reply; readonly relay: MailboxAgent | 'none'; readonly meant?: true }
  /** The recipient's local alias could not be expanded before: it is tried again. */
  | { readonly kind: 'expand' }
  /** Accepted and discarded (transport `discard:`). */
  | { readonly kind: 'discard'; readonly text: string };

export interface Router {
  /**
   * `filter`: the `transport:nexthop` set by content_filter or FILTER. Rejects if a table or the directory is
   * temporarily unavailable.
   */
  route(recipient: string, reversePath: string, filter?: string | null): Promise<Route>;
  /** For a queued item: keeps what its destination fixes, and decides the rest again. */
  routeQueued(item: {
    readonly recipient: string;
    readonly reversePath: string;
    readonly destination: string;
    readonly lastReply: Reply | null;
  }): Promise<Route>;
  /** Where mail for a domain goes whose best MX is this server (best_mx_transport); null: it bounces. */
  asBestMx(item: Journey, route: { readonly site: string; readonly transport: string }): Promise<Route | null>;
  /** The destinations of mail for a domain, or for a next hop as it is written (postqueue -s, ETRN). */
  destinationsOf(site: string): Promise<readonly string[]>;
}

export interface RouterOptions {
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly transports: Transports;
  readonly domains: Pick<Domains, 'classify'>;
  readonly accounts: Pick<Accounts, 'findOrMake'>;
}

/** Destinations of queue items without a nexthop. */
export const LOCAL_DESTINATION = 'local';
export const ERROR_DESTINATION = 'error';
/** Prefixes of the destination of an item with a known error: `error:5.1.6 User has moved`; of one in a local alias. */
const FIXED_ERROR = `${ERROR_DESTINATION}:`;
const FIXED_LOCAL_ERROR = 'Local error:';
/** Destination of an item that the administrator has returned to its sender (postsuper -e). */
export const EXPIRED_DESTINATION = 'expired';
/** Prefix of the destination of an item with a filter: `filter:smtp:[127.0.0.1]:10025`. */
const FILTERED = 'filter:';

/** The name by which a route's deliveries are grouped, limited and displayed, and which its items keep. */
export function destinationOf(route: Route): string {
  if (route.filter !== undefined) return `${FILTERED}${route.filter}`;
  if (route.kind === 'remote' || route.kind === 'pipe' || route.kind === 'target') return route.destination;
  return route.kind === 'local' || route.kind === 'expand' ? LOCAL_DESTINATION : ERROR_DESTINATION;
}

/** Of an item that is to bounce, or to be retried, with this reply. */
export const errorDestination = ({ enhanced, text }: Reply, isLocal: boolean): string =>
  `${isLocal ? FIXED_LOCAL_ERROR : FIXED_ERROR}${enhanced === '' ? '5.0.0' : enhanced} ${text}`;

/** For whoever watches (tracing.ts). */
export function routeWords(route: Route): RouteWords {
  switch (route.kind) {
    case 'local':
      return { transport: route.agent, nexthop: route.account.address };
    case 'remote':
      return { transport: route.transport, nexthop: route.site };
    case 'pipe':
      return { transport: route.transport, nexthop: route.nexthop };
    case 'target':
      return { transport: 'local', nexthop: route.target.text };
    case 'expand':
      return { transport: 'local', nexthop: '' };
    case 'error':
      return { transport: route.transport, nexthop: formatReply(route.reply) };
    case 'discard':
      return { transport: 'discard', nexthop: route.text };
  }
}

const error = (code: number, enhanced: string, text: string, relay: MailboxAgent | 'none' = 'none'): Route => ({
  kind: 'error',
  reply: reply(code, enhanced, text),
  relay,
  transport: relay === 'none' ? 'error' : relay,
});

export const routeTo = (target: LocalTarget, delivered: string): Route & { kind: 'target' } => ({
  kind: 'target',
  target,
  delivered,
  destination: targetDestination(target, delivered),
  transport: 'local',
});

/** `5.1.1 text` as written after `error:` and `retry:`. */
function errorTransport(code: number, fallback: string, text: string, transport = 'error'): Route & { kind: 'error' } {
  const parts = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+(.*))?$/s.exec(text);
  const words = parts === null ? text || 'Address is undeliverable' : (parts[2] ?? '');
  return {
    kind: 'error',
    reply: reply(code, parts?.[1] ?? fallback, words),
    relay: 'none',
    transport,
    meant: true,
  };
}

/** One recipient on its way. */
interface Journey {
  readonly recipient: string;
  readonly reversePath: string;
}

type Step = (transport: Transport, nexthop: string, journey: Journey) => Route | Promise<Route>;

export function createRouter(options: RouterOptions): Router {
  const { parameters, tables, transports, domains, accounts } = options;
  const open = (name: ListName): readonly LookupTable[] => openTables(parameters.list(name), tables);
  const transportMaps = open('transport_maps');
  const bySender = {
    relayhost: open('sender_dependent_relayhost_maps'),
    transport: open('sender_dependent_default_transport_maps'),
  };
  const nullSender = {
    relayhost: parameters.string('empty_address_relayhost_maps_lookup_key'),
    transport: parameters.string('empty_address_default_transport_maps_lookup_key'),
  };
  const mailboxTransports = open('mailbox_transport_maps');
  const fallbackTransports = open('fallback_transport_maps');
  const mailboxTransport = parameters.string('mailbox_transport');
  const fallbackTransport = parameters.string('fallback_transport');
  const relayhost = parameters.string('relayhost');
  const luserRelay = parameters.string('luser_relay');
  const delimiters = delimitersOf(parameters);
  const isDoubleBounce = doubleBounceOf(parameters, domains);
  const mailboxCommand = readMailboxCommand(parameters, tables);
  const ports = portNamesOf(parameters);
  const filterNexthop = parameters.string('default_filter_nexthop');

  const toNexthop = (transport: Transport, text: string, protocol: Nexthop['protocol']): Route => {
    const nexthop = parseNexthop(text, protocol, ports);
    if (nexthop === null) return error(451, '4.3.5', `Server configuration error: bad nexthop "${text}"`);
    const socket = nexthop.socket === null ? null : transports.socketPath(nexthop.socket);
    return {
      kind: 'remote',
      nexthop: { ...nexthop, socket },
      site: text.toLowerCase(),
      destination: named(transport, text),
      transport: transport.name,
    };
  };

  /** Of smtp, the next hop alone: ETRN and postqueue -s name it so. */
  const named = ({ name }: Transport, nexthop: string): string =>
    name === 'smtp' ? nexthop.toLowerCase() : `${name}:${nexthop.toLowerCase()}`;

  const hostOr = (nexthop: string, { recipient }: Journey): string => (nexthop === '' ? domainOf(recipient) : nexthop);

  const toRemote =
    (protocol: Nexthop['protocol']): Step =>
    (transport, given, journey) => {
      const nexthop = hostOr(given, journey);
      // Of a recipient, its domain may be none at all.
      if (given === '' && parseNexthop(nexthop, 'smtp', ports) === null)
        return error(550, '5.1.3', 'bad address syntax');
      const socket = protocol === 'lmtp' ? /^unix:(.+)$/.exec(nexthop)?.[1] : undefined;
      // It would be our own mail again.
      if (socket !== undefined && transports.isOwnSocket(transports.socketPath(socket))) return toMailbox(journey);
      return toNexthop(transport, nexthop, protocol);
    };

  const programs: Readonly<Record<TransportProgram, Step>> = {
    smtp: toRemote('smtp'),
    lmtp: toRemote('lmtp'),
    local: (_transport, _nexthop, journey) => toUser(journey),
    virtual: async ({ name }, _nexthop, { recipient }) => ({
      ...(await toAccount(recipient, false)),
      transport: name,
    }),
    error: ({ name }, text) => errorTransport(550, '5.0.0', text, name),
    retry: ({ name }, text) => errorTransport(450, '4.0.0', text, name),
    discard: ({ name }, text) => ({ kind: 'discard', text, transport: name }),
    pipe: (transport, nexthop, journey) => {
      if (transport.command === null) return UNAVAILABLE;
      // A command sees the domain as it was written.
      const hop = nexthop || journey.recipient.slice(journey.recipient.lastIndexOf('@') + 1);
      const destination = named(transport, hop);
      return { kind: 'pipe', command: transport.command, nexthop: hop, destination, transport: transport.name };
    },
  };

  async function follow({ transport: name, nexthop }: Way, journey: Journey): Promise<Route> {
    const transport = transports.get(name);
    return transport === undefined ? UNAVAILABLE : programs[transport.program](transport, nexthop, journey);
  }

  const unknownUser = (recipient: string, local: boolean): Route =>
    error(
      550,
      '5.1.1',
      `unknown user: "${local ? localPart(recipient).toLowerCase() : addressKey(recipient)}"`,
      local ? 'local' : 'virtual',
    );

  const inAccount = (account: Account, agent: MailboxAgent): Route => ({
    kind: 'local',
    account,
    agent,
    transport: agent,
  });

  const toAccount = async (recipient: string, local: boolean): Promise<Route> => {
    const account = await accounts.findOrMake(recipient, local);
    return account === null ? unknownUser(recipient, local) : inAccount(account, local ? 'local' : 'virtual');
  };

  /** An account here, whatever the class of the address. */
  const toMailbox = async ({ recipient }: Journey): Promise<Route> =>
    toAccount(recipient, (await domains.classify(domainOf(recipient))) === 'local');

  const toMailboxCommand = async (recipient: string): Promise<Route | null> => {
    const target = mailboxCommand === null ? null : await mailboxCommand(recipient);
    return target === null
      ? null
      : { ...routeTo(target, recipient), destination: mailboxCommandDestination(target.user) };
  };

  /** As local(8): mailbox_transport before the account, fallback_transport and luser_relay after it. */
  const toUser = async (journey: Journey): Promise<Route> => {
    const { recipient } = journey;
    const first = await otherTransport(recipient, mailboxTransports, mailboxTransport);
    if (first !== null) return follow(first, journey);
    const account = await accounts.findOrMake(recipient, true);
    if (account !== null) return (await toMailboxCommand(recipient)) ?? inAccount(account, 'local');
    const last = await otherTransport(recipient, fallbackTransports, fallbackTransport);
    if (last !== null) return follow(last, journey);
    return luserRelay === '' ? unknownUser(recipient, true) : toLuser(recipient);
  };

  /** Another transport than local for a user; null if there is none, or it would be local again. */
  const otherTransport = async (
    recipient: string,
    maps: readonly LookupTable[],
    otherwise: string,
  ): Promise<Way | null> => {
    const user = userKeys(recipient, delimiters).slice(-1);
    const text = (maps.length === 0 ? undefined : (await lookUp(maps, user))?.value) ?? otherwise;
    const way = parseWay(text);
    return text === '' || transports.get(way.transport)?.program === 'local' ? null : way;
  };

  /** Mail for unknown users goes to one address (luser_relay, local(8)). */
  const toLuser = async (recipient: string): Promise<Route> => {
    const words: Readonly<Record<string, string>> = {
      user: localPart(recipient),
      local: localPart(recipient),
      mailbox: recipient,
      recipient,
      domain: domainOf(recipient),
    };
    const address = luserRelay.replace(
      /\$(?:\{(\w+)\}|\((\w+)\)|(\w+))/g,
      (_all, a?: string, b?: string, c?: string) => ownValue(words, a ?? b ?? c ?? '') ?? '',
    );
    const relay = qualify(address, parameters.string('myorigin'));
    if ((await domains.classify(domainOf(relay))) !== 'local') {
      const journey = { recipient: relay, reversePath: '' };
      return follow(await offHost(parseWay(parameters.string('default_transport')), journey), journey);
    }
    const account = await accounts.findOrMake(relay, true);
    return account === null ? unknownUser(recipient, true) : inAccount(account, 'local');
  };

  /** What a sender-dependent table says; null if nothing. */
  const askedBySender = async (kind: keyof typeof bySender, reversePath: string): Promise<string | null> => {
    if (bySender[kind].length === 0) return null;
    const key = reversePath === '' ? nullSender[kind] : reversePath;
    const found = await lookUp(bySender[kind], mailboxKeys(key, delimiters, false));
    return found === null || found.value.toUpperCase() === 'DUNNO' ? null : found.value;
  };

  /** Without a next hop of its own, a transport that leaves this machine uses the relayhost. */
  const offHost = async (way: Way, { reversePath }: Journey): Promise<Way> =>
    way.nexthop !== ''
      ? way
      : { transport: way.transport, nexthop: (await askedBySender('relayhost', reversePath)) ?? relayhost };

  const inTable = parameters.boolean('show_user_unknown_table_name') ? ' in virtual alias table' : '';
  const NO_ALIAS: Way = { transport: 'error', nexthop: `5.1.1 User unknown${inTable}` };
  const byClass: Readonly<Record<AddressClass, (journey: Journey) => Way | Promise<Way>>> = {
    local: () => parseWay(parameters.string('local_transport')),
    virtual_mailbox: () => parseWay(parameters.string('virtual_transport')),
    virtual_alias: () => NO_ALIAS,
    relay: (journey) => offHost(parseWay(parameters.string('relay_transport')), journey),
    default: async (journey) => {
      const own = await askedBySender('transport', journey.reversePath);
      return offHost(parseWay(own ?? parameters.string('default_transport')), journey);
    },
  };

  async function route(recipient: string, reversePath: string, filter: string | null = null): Promise<Route> {
    const journey: Journey = { recipient, reversePath };
    const unwanted = isDoubleBounce(recipient);
    if (typeof unwanted === 'boolean' ? unwanted : await unwanted) return NOT_WANTED;
    if (filter !== null) {
      const { transport, nexthop } = parseWay(filter);
      const way = { transport, nexthop: nexthop || filterNexthop || domainOf(recipient) };
      return { ...(await follow(way, journey)), filter: `${way.transport}:${way.nexthop}` };
    }
    const mapped =
      transportMaps.length === 0
        ? EMPTY
        : parseWay((await lookUp(transportMaps, transportKeys(recipient, delimiters)))?.value ?? '');
    if (mapped.transport !== '') return follow(mapped, journey);
    const way = await byClass[await domains.classify(domainOf(recipient))](journey);
    return follow(mapped.nexthop === '' ? way : { ...way, nexthop: mapped.nexthop }, journey);
  }

  async function routeQueued(item: Parameters<Router['routeQueued']>[0]): Promise<Route> {
    const { recipient, reversePath, destination, lastReply } = item;
    // As Postfix: with the reason of the last attempt.
    if (destination === EXPIRED_DESTINATION)
      return lastReply === null
        ? error(550, '5.4.7', 'delivery was ended by the administrator')
        : error(550, lastReply.enhanced, lastReply.text);
    if (destination.startsWith(`${FIXED_LOCAL_ERROR}4`)) return { kind: 'expand', transport: 'local' };
    for (const prefix of [FIXED_ERROR, FIXED_LOCAL_ERROR]) {
      if (!destination.startsWith(prefix)) continue;
      const text = destination.slice(prefix.length);
      const fixed = errorTransport(text.startsWith('4') ? 450 : 550, '5.0.0', text);
      return prefix === FIXED_LOCAL_ERROR ? { ...fixed, relay: 'local', transport: 'local' } : fixed;
    }
    const known = targetOf(destination);
    if (known !== null) return routeTo(known.target, known.delivered);
    return route(recipient, reversePath, destination.startsWith(FILTERED) ? destination.slice(FILTERED.length) : null);
  }

  async function asBestMx(
    journey: Journey,
    { site, transport }: { site: string; transport: string },
  ): Promise<Route | null> {
    const way = parseWay((transports.get(transport)?.parameters ?? parameters).string('best_mx_transport'));
    return way.transport === '' ? null : follow({ ...way, nexthop: way.nexthop || site }, journey);
  }

  async function destinationsOf(site: string): Promise<readonly string[]> {
    const names = [...transports.all()].filter(({ program }) => LEAVING.has(program)).map((one) => named(one, site));
    const isDomain = /^[^[\]:]+$/.test(site) && ['relay', 'default'].includes(await domains.classify(site));
    if (!isDomain) return names;
    // Where tables and relayhost send it.
    const sent = await route(`postmaster@${site}`, '');
    return sent.kind === 'remote' || sent.kind === 'pipe' ? [...new Set([...names, sent.destination])] : names;
  }

  return { route, routeQueued, asBestMx, destinationsOf };
}

/** Programs whose destinations have next hops. */
const LEAVING: ReadonlySet<TransportProgram> = new Set(['smtp', 'lmtp', 'pipe']);
/** Answers to bounces that could not be delivered, and to probes. */
const NOT_WANTED: Route = {
  kind: 'discard',
  text: 'undeliverable postmaster notification discarded',
  transport: 'discard',
};
const EMPTY: Way = { transport: '', nexthop: '' };
/** Postfix: its queue manager finds no such service. */
const UNAVAILABLE = error(451, '4.3.0', 'mail transport unavailable');
