/**
 * What of each hook's argument crosses to a plugin in a worker, and what may come back: a row for each hook, a word for
 * each field. A new hook needs a row here, and nothing else.
 */
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Header } from '../../protocol/mime/header.ts';
import type { Connection, HookArguments, HookName, MessageChange, Transaction } from '../hook.ts';
import type { RouteRequest } from '../lent/routes.ts';
import type { Question } from '../restriction.ts';

export type Shape =
  /** A value, cloned; what a handler does to it stays in the worker. */
  | 'value'
  /** A value that a handler may replace. */
  | 'set'
  /** A list that a handler may change in place. */
  | 'list'
  /** A `Map` of which either side may set keys: what can be cloned crosses. A value that is changed must be set again. */
  | 'notes'
  | 'header'
  /** main.cf as a service sees it; each value is asked for once. */
  | 'parameters'
  /** Octets, read piece by piece while the handler reads them. */
  | 'content'
  /** Operations, each done by the server at once. */
  | 'change'
  | Fields;

/** An object, field by field. */
export interface Fields {
  /** The same object in the worker as long as it is the same object here: what was sent once is not sent again. */
  readonly kept: boolean;
  readonly fields: Readonly<Record<string, Shape>>;
}

/** Fails to compile where a field has no word, or one that does not fit. */
type Row<T> = { readonly [F in keyof T]-?: ShapeOf<T[F]> };
type ShapeOf<T> = [T] extends [Connection | null]
  ? Fields
  : [T] extends [Transaction | null]
    ? Fields
    : [T] extends [ParameterReader]
      ? 'parameters'
      : [T] extends [Header | null]
        ? 'header'
        : [T] extends [Map<string, unknown>]
          ? 'notes'
          : [T] extends [AsyncIterable<unknown>]
            ? 'content'
            : [T] extends [MessageChange]
              ? 'change'
              : [T] extends [(...args: never[]) => unknown]
                ? never
                : 'value' | 'set' | 'list' | Fields;

const kept = <T>(fields: Row<T>): Fields => ({ kept: true, fields });
const plain = <T>(fields: Row<T>): Fields => ({ kept: false, fields });

export const TRANSACTION = kept<Transaction>({
  queueId: 'value',
  reversePath: 'set',
  recipients: 'value',
  announcedSize: 'value',
  smtputf8: 'value',
  size: 'value',
  header: 'header',
  notes: 'notes',
  prepend: 'list',
  bcc: 'list',
  redirect: 'set',
  discard: 'set',
  hold: 'set',
  filter: 'set',
});

const CONNECTION = kept<Connection>({
  id: 'value',
  service: 'value',
  parameters: 'parameters',
  remote: 'value',
  local: 'value',
  protocol: 'value',
  helo: 'value',
  tls: 'value',
  user: 'value',
  pipelined: 'value',
  hasInput: 'value',
  transaction: TRANSACTION,
  notes: 'notes',
});

const ATTEMPT = { queueId: 'value', recipient: 'value', reply: 'value', relay: 'value' } as const;
const LOGIN = { account: 'value', remoteIp: 'value', tls: 'value', mechanism: 'value' } as const;
const AT_MAILBOX = { account: 'value', mailbox: 'value', uids: 'value' } as const;
const SENT = { connection: CONNECTION, transaction: TRANSACTION } as const;

const ROWS: { readonly [H in HookName]: Row<HookArguments[H]> } = {
  connect_init: { connection: CONNECTION },
  lookup_rdns: {
    connection: CONNECTION,
    client: plain<HookArguments['lookup_rdns']['client']>({ name: 'set', reverseName: 'set', nameStatus: 'set' }),
  },
  connect: { connection: CONNECTION },
  helo: { connection: CONNECTION, name: 'value' },
  capabilities: { connection: CONNECTION, offered: 'list' },
  auth: {
    login: 'value',
    password: 'value',
    passwordOctets: 'value',
    remoteIp: 'value',
    protocol: 'value',
    mechanism: 'value',
  },
  mail: { connection: CONNECTION, reversePath: 'value' },
  rcpt: { connection: CONNECTION, recipient: 'value' },
  rcpt_ok: { connection: CONNECTION, recipient: 'value' },
  data: { connection: CONNECTION },
  max_data_exceeded: { connection: CONNECTION },
  data_post: { ...SENT, content: 'content', change: 'change' },
  vrfy: { connection: CONNECTION, address: 'value' },
  etrn: { connection: CONNECTION, domain: 'value' },
  noop: { connection: CONNECTION, argument: 'value' },
  rset: { connection: CONNECTION },
  quit: { connection: CONNECTION },
  unrecognized_command: { connection: CONNECTION, verb: 'value', argument: 'value' },
  reset_transaction: SENT,
  deny: { connection: CONNECTION, hook: 'value', plugin: 'value', verdict: 'value' },
  disconnect: { connection: CONNECTION },
  queue: SENT,
  queue_outbound: { ...SENT, recipients: 'value' },
  sign: { ...SENT, content: 'content', origin: 'value', recipients: 'value' },
  queue_ok: { ...SENT, reply: 'value' },
  recipient_exists: { address: 'value' },
  expand: { recipient: 'value', into: 'list', steps: 'value' },
  deliver: {
    account: 'value',
    recipient: 'value',
    header: 'header',
    reversePath: 'value',
    mailbox: 'set',
    flags: 'list',
    copies: 'list',
    forward: 'list',
    drop: 'set',
  },
  get_mx: { domain: 'value', hosts: 'list' },
  send_email: {
    queueId: 'value',
    sender: 'value',
    reversePath: 'set',
    recipients: 'value',
    originals: 'value',
    transport: 'value',
    nexthop: 'value',
    arrivedAt: 'value',
  },
  delivered: ATTEMPT,
  deferred: ATTEMPT,
  bounce: ATTEMPT,
  dns_query: {
    question: 'value',
    type: 'value',
    remoteIp: 'value',
    zone: 'value',
    answer: plain<HookArguments['dns_query']['answer']>({ records: 'list', rcode: 'set' }),
  },
  zone_changed: { zone: 'value', serial: 'value' },
  account_changed: { address: 'value', change: 'value', before: 'value' },
  domain_changed: { domain: 'value', change: 'value' },
  log: { level: 'value', process: 'value', message: 'value', time: 'value' },
  smtp_login: { connection: CONNECTION, account: 'value', mechanism: 'value' },
  imap_login: LOGIN,
  pop3_login: LOGIN,
  imap_command: { session: 'value', command: 'value', argument: 'value', mailbox: 'value' },
  pop3_command: { session: 'value', command: 'value', argument: 'value' },
  message_appended: AT_MAILBOX,
  message_moved: { ...AT_MAILBOX, from: 'value' },
  message_copied: { ...AT_MAILBOX, from: 'value' },
  message_deleted: AT_MAILBOX,
};

export const crossingOf = (hook: HookName): Fields => plain<unknown>(ROWS[hook] as Row<unknown>);

/** The same for a job: what it gets is made in the worker. */
export const JOB = plain<object>({});

/** The same for a request to a route. */
export interface CrossingRequest extends Omit<RouteRequest, 'query'> {
  readonly query: string;
}
export const ROUTE = plain<CrossingRequest>({
  method: 'value',
  path: 'value',
  query: 'value',
  headers: 'value',
  body: 'value',
});

/** The same for a restriction that a plugin defines. */
export const QUESTION = plain<Question>({
  connection: CONNECTION,
  stage: 'value',
  helo: 'value',
  sender: 'value',
  recipient: 'value',
  domain: 'value',
  subject: 'value',
  argument: 'value',
});
