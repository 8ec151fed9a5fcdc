/**
 * `check_*_access type:table`: one row per restriction. Each looks up the keys of its subject in its table and acts on
 * the result; an unavailable table refuses temporarily.
 *
 * A permit before the rules that refuse unknown clients lets them relay, as in Postfix, even by what they merely claim
 * (a HELO name, a sender address): the start lists each such table.
 */

import {
  DUNNO,
  type Outcome,
  type Question,
  type Restriction,
  type Server,
  type Subject,
} from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { accessKeys, hostKeys, ipKeys } from '../../src/lookup/address-keys.ts';
import { delimitersOf } from '../../src/lookup/delimiters.ts';
import type { LookupTable } from '../../src/lookup/table.ts';
import { commonName } from '../../src/protocol/tls/peer.ts';
import { type AccessResult, accessOutcome } from './access-action.ts';
import { fingerprintKeys } from './client-certificate.ts';
import { isLogged, refuse } from './refusal.ts';
import { clientSubject, heloSubject, recipientOf, recipientSubject, senderSubject } from './session.ts';

/** What is looked up in a table. */
export interface Sought {
  readonly subject: Subject;
  readonly keys: readonly string[];
  /** Keys for regular expression and CIDR tables, which match only whole names. */
  readonly wholeKeys: readonly string[];
}

type Look = (question: Question, parents: boolean, server: Server) => Sought | null | Promise<Sought>;

/** Pattern tables get the whole address as other tables do: complete, quoted, in lower case. */
function mail(
  server: Server,
  question: Question,
  given: string,
  subject: Subject,
  parents: boolean,
): Sought | Promise<Sought> {
  const { parameters } = question.connection;
  if (given === '') return { subject, ...once(parameters.string('smtpd_null_access_lookup_key')) };
  const by = (address: string): Sought => {
    const keys = accessKeys(address, parents, delimitersOf(question.connection.parameters));
    return { subject, keys, wholeKeys: keys.slice(0, 1) };
  };
  const resolved = server.domains.resolve(given);
  return resolved instanceof Promise ? resolved.then(by) : by(resolved);
}

const host = (name: string, subject: Subject, parents: boolean): Sought => ({
  subject,
  keys: hostKeys(name, parents),
  wholeKeys: [name],
});
const once = (key: string): Pick<Sought, 'keys' | 'wholeKeys'> => ({ keys: [key.toLowerCase()], wholeKeys: [key] });

const client = (question: Question, name: string, subject: Subject, parents: boolean): Sought => {
  const { ip } = question.connection.remote;
  return { subject, keys: [...hostKeys(name, parents), ...ipKeys(ip)], wholeKeys: [name, ip] };
};

interface Row {
  readonly look: Look;
  readonly permits: AccessResult['permits'];
}

const ROWS: Readonly<Record<string, Row>> = {
  check_client_access: {
    permits: 'relay',
    look: (q, parents) => client(q, q.connection.remote.name, clientSubject(q.connection), parents),
  },
  check_reverse_client_hostname_access: {
    permits: 'never',
    look: (q, parents) =>
      client(
        q,
        q.connection.remote.reverseName,
        { name: q.connection.remote.reverseName, kind: 'Unverified Client host' },
        parents,
      ),
  },
  check_helo_access: {
    permits: 'relay',
    look: ({ helo }, parents) => (helo === null ? null : host(helo, heloSubject(helo), parents)),
  },
  check_sender_access: {
    permits: 'relay',
    look: (q, parents, server) =>
      q.sender === null ? null : mail(server, q, q.sender, senderSubject(q.sender), parents),
  },
  check_recipient_access: {
    permits: 'relay',
    look: (q, parents, server) => {
      const recipient = recipientOf(q);
      return recipient === null || recipient === ''
        ? null
        : mail(server, q, recipient, recipientSubject(recipient), parents);
    },
  },
  check_sasl_access: {
    permits: 'relay',
    look: ({ connection: { user } }) =>
      user === null ? null : { subject: { name: user.login, kind: 'SASL login name' }, ...once(user.login) },
  },
  check_etrn_access: {
    permits: 'local',
    look: ({ domain }, parents) =>
      domain === null ? null : host(domain, { name: domain, kind: 'Etrn command' }, parents),
  },
  check_ccert_access: {
    permits: 'relay',
    look: ({ connection }) => {
      const peer = connection.tls?.peer ?? null;
      const keys = fingerprintKeys(connection);
      if (peer === null || keys.length === 0) return null;
      const name = commonName(peer.certificate.subject);
      return {
        subject: { name, kind: 'Client certificate' },
        keys: keys.map((key) => key.toLowerCase()),
        wholeKeys: keys,
      };
    },
  },
};

/** The first key found in the table decides. `permits`: what a permit found there allows. */
export function askTable(
  server: Server,
  question: Question,
  sought: Sought,
  permits: AccessResult['permits'],
): Outcome | Promise<Outcome> {
  const name = question.argument;
  let table: LookupTable;
  try {
    table = server.tables.open(name);
  } catch (error) {
    warn(server, question, `cannot be opened: ${messageOf(error)}`);
    return unanswered(sought);
  }
  const keys = table.wholeKeyOnly ? sought.wholeKeys : sought.keys;
  /** Tables in memory answer at once: no promise and no timer for each of them. */
  const from = (first: number): Outcome | Promise<Outcome> => {
    for (let i = first; i < keys.length; i += 1) {
      const key = keys[i] ?? '';
      const act = (value: string): Outcome | Promise<Outcome> =>
        accessOutcome(value, { server, question, subject: sought.subject, table: name, key, permits });
      const failed = (error: unknown): Outcome => {
        if (!isLogged(error)) warn(server, question, `lookup error for "${key.slice(0, 100)}": ${messageOf(error)}`);
        return unanswered(sought);
      };
      let found: ReturnType<LookupTable['get']>;
      try {
        found = table.get(key);
      } catch (error) {
        return failed(error);
      }
      if (found instanceof Promise)
        return found.then((value) => (value === undefined ? from(i + 1) : act(value)), failed);
      if (found !== undefined) return act(found);
    }
    return DUNNO;
  };
  return from(0);
}

const warn = (server: Server, question: Question, what: string): void =>
  server.log.warn({ session: question.connection.id, table: question.argument }, `${question.argument}: ${what}`);

const unanswered = (sought: Sought): Outcome => refuse(451, '4.3.5', sought.subject, 'Server configuration error');

/** Whether a `domain` key also matches its subdomains (parent_domain_matches_subdomains). */
export const parentsMatch = (question: Question): boolean =>
  question.connection.parameters.list('parent_domain_matches_subdomains').includes('smtpd_access_maps');

export function accessRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  const restriction = ({ look, permits }: Row): Restriction => ({
    takesArgument: true,
    check: (question) => {
      const ask = (sought: Sought | null): Outcome | Promise<Outcome> =>
        sought === null ? DUNNO : askTable(server, question, sought, permits);
      const sought = look(question, parentsMatch(question), server);
      return sought instanceof Promise ? sought.then(ask) : ask(sought);
    },
  });
  return Object.fromEntries(Object.entries(ROWS).map(([name, row]) => [name, restriction(row)]));
}
