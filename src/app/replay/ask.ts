/**
 * What a plugin says about one message of a mailbox: it is asked as in the session that brought it, from `connect_init` to
 * `deliver`, until it decides.
 */
import type { Connection, HookArguments, HookName, Hooks, Transaction } from '../../bus/hook.ts';
import { notedChange } from '../../bus/noted-change.ts';
import { makeNotes } from '../../bus/notes.ts';
import { refusalReply } from '../../bus/refusal.ts';
import { makeTransaction } from '../../delivery/receive/transaction.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Account } from '../../mail/account.ts';
import type { Envelope, Recipient } from '../../mail/envelope.ts';
import { formatReply, reply } from '../../mail/status.ts';
import type { Header } from '../../protocol/mime/header.ts';
import type { ReceivedFrom } from './received.ts';

export interface ReplayedMessage {
  readonly account: Account;
  /** Who brought it; null: it was submitted on the machine. */
  readonly client: ReceivedFrom | null;
  readonly user: Account | null;
  readonly envelope: Envelope;
  /** Without what our own server put above it. */
  readonly header: Header;
  readonly size: number;
  content(): AsyncIterable<Buffer>;
}

export interface Said {
  /** `refused at rcpt`, `put into Junk`, `no opinion` … */
  readonly outcome: string;
  /** A reply's text, or where it would go. */
  readonly words: string;
  /** The mailbox that it chose; null: it chose none. */
  readonly mailbox: string | null;
  /** What it would change, such as `header x-spam`. */
  readonly changes: readonly string[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const REFUSED = { permanent: reply(550, '5.7.1', 'refused'), temporary: reply(450, '4.7.1', 'refused for now') };
const NO_OPINION = 'no opinion';

export async function ask(message: ReplayedMessage, hooks: Hooks, parameters: ParameterReader): Promise<Said> {
  const transaction: Mutable<Transaction> = makeTransaction(message.client?.queueId ?? '', {
    ...message.envelope,
    recipients: [],
  });
  const connection = message.client === null ? null : connectionOf(message, message.client, parameters);
  const changes: string[] = [];
  const refusedAt = async <N extends HookName>(hook: N, argument: HookArguments[N]): Promise<Said | null> => {
    const verdict = await hooks.run(hook, argument);
    if (verdict.code === 'DISCONNECT')
      return { outcome: `refused at ${hook}`, words: 'disconnected', mailbox: null, changes };
    const refusal = refusalReply(verdict, REFUSED);
    if (refusal !== null) return { outcome: `refused at ${hook}`, words: formatReply(refusal), mailbox: null, changes };
    return verdict.code === 'OK' && hook === 'queue'
      ? { outcome: 'taken over', words: '', mailbox: null, changes }
      : null;
  };
  const inSession = connection === null ? null : await askInSession(message, connection, transaction, refusedAt);
  if (inSession !== null) return inSession;
  transaction.recipients = message.envelope.recipients;
  Object.assign(transaction, { header: message.header, size: message.size });
  const received = transaction as HookArguments['data_post']['transaction'];
  const change = notedChange({ ...message, note: (what) => void changes.push(what) });
  const content = { [Symbol.asyncIterator]: () => message.content()[Symbol.asyncIterator]() };
  const refused =
    (await refusedAt('data_post', { connection, transaction: received, content, change })) ??
    (await refusedAt('queue', { connection, transaction: received }));
  if (refused !== null) return refused;
  changes.push(
    ...transaction.prepend.map((line) => `header ${line.slice(0, Math.max(0, line.indexOf(':'))).toLowerCase()}`),
  );
  return decidedBy(transaction, changes) ?? (await delivered(message, transaction, hooks, refusedAt, changes));
}

type Ask = <N extends HookName>(hook: N, argument: HookArguments[N]) => Promise<Said | null>;

/** Up to DATA. */
async function askInSession(
  { envelope }: ReplayedMessage,
  connection: Mutable<Connection>,
  transaction: Mutable<Transaction>,
  refusedAt: Ask,
): Promise<Said | null> {
  const name = connection.helo ?? '';
  const early =
    (await refusedAt('connect_init', { connection })) ??
    (await refusedAt('connect', { connection })) ??
    (await refusedAt('helo', { connection, name }));
  if (early !== null) return early;
  connection.transaction = transaction;
  const atMail = await refusedAt('mail', { connection, reversePath: envelope.reversePath });
  if (atMail !== null) return atMail;
  const accepted: Recipient[] = [];
  transaction.recipients = accepted;
  for (const recipient of envelope.recipients) {
    const refused =
      (await refusedAt('rcpt', { connection, recipient })) ?? (await refusedAt('rcpt_ok', { connection, recipient }));
    if (refused !== null) return refused;
    accepted.push(recipient);
  }
  return refusedAt('data', { connection });
}

/** What it set on the transaction decides before a mailbox is chosen. */
function decidedBy({ discard, hold, redirect, filter }: Transaction, changes: readonly string[]): Said | null {
  const rows = [
    ['discarded', discard],
    ['redirected', redirect === null ? null : String(redirect)],
    ['held', hold],
    ['sent to a filter', filter],
  ] as const;
  const found = rows.find(([, words]) => words !== null);
  return found === undefined ? null : { outcome: found[0], words: found[1] ?? '', mailbox: null, changes };
}

async function delivered(
  { account, envelope, header }: ReplayedMessage,
  { reversePath }: Transaction,
  hooks: Hooks,
  refusedAt: Ask,
  changes: readonly string[],
): Promise<Said> {
  const nothing = { outcome: NO_OPINION, words: '', mailbox: null, changes };
  const [recipient] = envelope.recipients;
  if (recipient === undefined || !hooks.has('deliver')) return nothing;
  const argument: HookArguments['deliver'] = {
    account,
    recipient,
    header,
    reversePath,
    mailbox: 'INBOX',
    flags: [],
    copies: [],
    forward: [],
    drop: null,
  };
  const refused = await refusedAt('deliver', argument);
  if (refused !== null) return refused;
  const { mailbox, flags, copies, forward, drop } = argument;
  const more = [
    ...changes,
    ...flags.map((flag) => `flag ${flag}`),
    ...copies.map((name) => `copy in ${name}`),
    ...forward.map((address) => `forward to ${address}`),
  ];
  if (drop !== null) return { outcome: 'dropped', words: drop, mailbox: null, changes: more };
  if (mailbox === 'INBOX') return { ...nothing, changes: more };
  return { outcome: `put into ${mailbox}`, words: '', mailbox, changes: more };
}

function connectionOf(
  { user }: ReplayedMessage,
  { ip, name, helo, protocol, tls, login }: ReceivedFrom,
  parameters: ParameterReader,
): Mutable<Connection> {
  return {
    id: 'replay',
    service: user === null ? 'smtp' : 'submission',
    parameters,
    remote: { ip, port: 0, name, reverseName: name, nameStatus: name === 'unknown' ? 'notfound' : 'ok' },
    local: { ip: '127.0.0.1', port: 25 },
    protocol,
    helo,
    tls: tls === null ? null : { ...tls, serverName: '', chosenBy: '', isAsked: false, peer: null },
    user: user === null || login === null ? null : { login, mechanism: 'PLAIN', account: user },
    pipelined: false,
    hasInput: false,
    transaction: null,
    notes: makeNotes(),
  };
}
