/**
 * Decides where one recipient's mail goes: a local account, a nexthop, or an error (Postfix: trivial-rewrite(8),
 * transport(5)). Called when a message is received and again before each attempt, so that changes to the configuration
 * or directory apply to queued mail.
 */

import { lookUp, mailboxKeys, transportKeys } from '../../lookup/address-keys.ts';
import type { AddressClass, Domains } from '../../lookup/domains.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Tables } from '../../lookup/table.ts';
import type { Account } from '../../mail/account.ts';
import { addressKey, domainOf, localPart, qualify } from '../../mail/address.ts';
import { formatReply, type Reply, reply } from '../../mail/status.ts';
import { ownValue } from '../../own-value.ts';
import type { RouteWords } from '../../tracing.ts';
import type { Accounts } from './accounts.ts';
import { openTables } from './address-tables.ts';
import { type Nexthop, parseNexthop } from './nexthop.ts';

export type Route =
  | { readonly kind: 'local'; readonly account: Account }
  | { readonly kind: 'remote'; readonly nexthop: Nexthop; readonly destination: string }
  /** A 4xx reply is retried, a 5xx reply bounces. `relay`: what the log shows as the relay. */
  | { readonly kind: 'error'; readonly reply: Reply; readonly relay: 'local' | 'none' }
  /** Accepted and discarded (transport `discard:`). */
  | { readonly kind: 'discard'; readonly text: string };

export interface Router {
  /**
   * `filter`: the `transport:nexthop` set by FILTER in an access table. Rejects if a table or the directory is
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
}

export interface RouterOptions {
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly domains: Pick<Domains, 'classify'>;
  readonly accounts: Pick<Accounts, 'findOrMake'>;
}

/** Destinations of queue items without a nexthop. */
export const LOCAL_DESTINATION = 'local';
export const ERROR_DESTINATION = 'error';
/** Prefix of the destination of an item with a known error: `error:5.1.6 User has moved`. */
const FIXED_ERROR = `${ERROR_DESTINATION}:`;
/** Destination of an item that the administrator has returned to its sender (postsuper -e). */
export const EXPIRED_DESTINATION = 'expired';
/** Prefix of the destination of an item with a FILTER: `filter:smtp:[127.0.0.1]:10025`. */
const FILTERED = 'filter:';

/** The name by which a route's deliveries are grouped, limited and displayed. */
export function destinationOf(route: Route): string {
  return route.kind === 'remote' ? route.destination : route.kind === 'local' ? LOCAL_DESTINATION : ERROR_DESTINATION;
}

/** For whoever watches (tracing.ts). */
export function routeWords(route: Route): RouteWords {
  switch (route.kind) {
    case 'local':
      return { transport: 'local', nexthop: route.account.address };
    case 'remote':
      return { transport: route.nexthop.protocol, nexthop: route.destination };
    case 'error':
      return { transport: 'error', nexthop: formatReply(route.reply) };
    case 'discard':
      return { transport: 'discard', nexthop: route.text };
  }
}

const error = (code: number, enhanced: string, text: string, relay: 'local' | 'none' = 'none'): Route => ({
  kind: 'error',
  reply: reply(code, enhanced, text),
  relay,
});

/** `5.1.1 text` as written after `error:` and `retry:`. */
function errorTransport(code: number, fallback: string, text: string): Route {
  const parts = /^([245]\.\d{1,3}\.\d{1,3})\s+(.*)$/s.exec(text);
  return error(code, parts?.[1] ?? fallback, parts?.[2] ?? (text === '' ? 'mail is not deliverable' : text));
}

export function createRouter(options: RouterOptions): Router {
  const { parameters, tables, domains, accounts } = options;
  const transportMaps = openTables(parameters.list('transport_maps'), tables);
  const senderRelayhosts = openTables(parameters.list('sender_dependent_relayhost_maps'), tables);
  const relayhost = parameters.string('relayhost');
  const luserRelay = parameters.string('luser_relay');
  const delimiters = parameters.string('recipient_delimiter');

  const toNexthop = (text: string, protocol: Nexthop['protocol'] = 'smtp'): Route => {
    const nexthop = parseNexthop(text, protocol);
    if (nexthop === null) return error(451, '4.3.5', `Server configuration error: bad nexthop "${text}"`);
    return {
      kind: 'remote',
      nexthop,
      destination: protocol === 'lmtp' ? `lmtp:${text.toLowerCase()}` : text.toLowerCase(),
    };
  };

  const toAccount = async (recipient: string, local: boolean): Promise<Route> => {
    const account = await accounts.findOrMake(recipient, local);
    if (account !== null) return { kind: 'local', account };
    if (local && luserRelay !== '') return toLuser(recipient);
    return error(
      550,
      '5.1.1',
      `unknown user: "${local ? localPart(recipient).toLowerCase() : addressKey(recipient)}"`,
      'local',
    );
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
    const named = luserRelay.replace(
      /\$(?:\{(\w+)\}|\((\w+)\)|(\w+))/g,
      (_all, a?: string, b?: string, c?: string) => ownValue(words, a ?? b ?? c ?? '') ?? '',
    );
    const relay = qualify(named, parameters.string('myorigin'));
    const local = (await domains.classify(domainOf(relay))) === 'local';
    if (!local) return elsewhere(relay, '');
    const account = await accounts.findOrMake(relay, true);
    return account === null
      ? error(550, '5.1.1', `unknown user: "${localPart(recipient).toLowerCase()}"`, 'local')
      : { kind: 'local', account };
  };

  const elsewhere = async (recipient: string, reversePath: string): Promise<Route> => {
    const senders =
      senderRelayhosts.length === 0
        ? null
        : await lookUp(senderRelayhosts, mailboxKeys(reversePath === '' ? '<>' : reversePath, delimiters, false));
    const relay = senders !== null && senders.value !== 'DUNNO' ? senders.value : relayhost;
    if (relay !== '') return toNexthop(relay);
    const domain = domainOf(recipient);
    return parseNexthop(domain) === null ? error(550, '5.1.3', 'bad address syntax') : toNexthop(domain);
  };

  const byClass: Readonly<Record<AddressClass, (recipient: string, reversePath: string) => Promise<Route>>> = {
    local: (recipient) => toAccount(recipient, true),
    virtual_mailbox: (recipient) => toAccount(recipient, false),
    virtual_alias: async () => error(550, '5.1.1', 'User unknown in virtual alias table'),
    relay: elsewhere,
    default: elsewhere,
  };

  const transports: Readonly<
    Record<string, (nexthop: string, recipient: string, reversePath: string) => Promise<Route>>
  > = {
    smtp: async (nexthop, recipient) => toNexthop(nexthop === '' ? domainOf(recipient) : nexthop),
    lmtp: async (nexthop, recipient) =>
      toNexthop((nexthop === '' ? domainOf(recipient) : nexthop).replace(/^inet:/, ''), 'lmtp'),
    local: (_nexthop, recipient) => toAccount(recipient, true),
    virtual: (_nexthop, recipient) => toAccount(recipient, false),
    error: async (text) => errorTransport(550, '5.0.0', text),
    retry: async (text) => errorTransport(450, '4.0.0', text),
    discard: async (text) => ({ kind: 'discard', text }),
  };

  /** `transport:nexthop`; either half may be empty. Undefined if it changes nothing. */
  async function byTransport(value: string, recipient: string, reversePath: string): Promise<Route | undefined> {
    const colon = value.indexOf(':');
    const name = (colon < 0 ? value : value.slice(0, colon)).trim();
    const nexthop = colon < 0 ? '' : value.slice(colon + 1).trim();
    if (name === '' && nexthop === '') return undefined;
    if (name === '') return toNexthop(nexthop);
    const transport = ownValue(transports, name === 'relay' ? 'smtp' : name);
    if (transport === undefined) return error(451, '4.3.0', `mail transport unavailable: "${name}"`);
    return transport(nexthop, recipient, reversePath);
  }

  async function route(recipient: string, reversePath: string, filter: string | null = null): Promise<Route> {
    if (filter !== null) {
      const filtered = await byTransport(filter, recipient, reversePath);
      if (filtered !== undefined)
        return filtered.kind === 'remote' ? { ...filtered, destination: `${FILTERED}${filter}` } : filtered;
    }
    if (transportMaps.length > 0) {
      const value = (await lookUp(transportMaps, transportKeys(recipient, delimiters)))?.value;
      const transported = value === undefined ? undefined : await byTransport(value, recipient, reversePath);
      if (transported !== undefined) return transported;
    }
    return byClass[await domains.classify(domainOf(recipient))](recipient, reversePath);
  }

  async function routeQueued(item: Parameters<Router['routeQueued']>[0]): Promise<Route> {
    const { recipient, reversePath, destination, lastReply } = item;
    // As Postfix: with the reason of the last attempt.
    if (destination === EXPIRED_DESTINATION)
      return lastReply === null
        ? error(550, '5.4.7', 'delivery was ended by the administrator')
        : error(550, lastReply.enhanced, lastReply.text);
    if (destination.startsWith(FIXED_ERROR)) {
      const text = destination.slice(FIXED_ERROR.length);
      return errorTransport(text.startsWith('4') ? 450 : 550, '5.0.0', text);
    }
    return route(recipient, reversePath, destination.startsWith(FILTERED) ? destination.slice(FILTERED.length) : null);
  }

  return { route, routeQueued };
}
