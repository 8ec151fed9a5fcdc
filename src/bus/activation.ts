/**
 * Plugins that are active for some domains or accounts only (`"domains"`, `"accounts"` of their configuration).
 *
 * A row for each hook says which addresses of ours a call is about; a plugin is called if one of them is its. A call
 * about no address reaches every plugin. Senders are not among them, because anybody can claim to be one: a session
 * that has logged in is about its account.
 */
import { delimitersOf } from '../lookup/delimiters.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import { type Address, splitDetail } from '../mail/address.ts';
import type { Connection, HookArguments, HookName, Transaction } from './hook.ts';

/** Null: about no address. */
type About<N extends HookName> = (argument: HookArguments[N]) => readonly Address[] | null;

const nobody = (): null => null;
const account = ({ account: { address } }: { readonly account: { readonly address: Address } }): Address[] => [address];
const recipient = ({ recipient: address }: { readonly recipient: Address }): Address[] => [address];
const userOf = (connection: Connection | null): Address[] =>
  connection?.user ? [connection.user.account.address] : [];
const addressesOf = (recipients: Transaction['recipients']): Address[] => recipients.map(({ address }) => address);
const message = ({
  connection,
  transaction,
}: {
  readonly connection: Connection | null;
  readonly transaction: Transaction;
}): Address[] => [...userOf(connection), ...addressesOf(transaction.recipients)];

const session = ({ connection }: { readonly connection: Connection | null }): Address[] | null =>
  connection?.user ? userOf(connection) : null;
const loggedIn = ({
  session: { account: own },
}: {
  readonly session: { readonly account: { readonly address: Address } };
}) => [own.address];
const toward = ({ connection, recipient: { address } }: HookArguments['rcpt']): Address[] => [
  ...userOf(connection),
  address,
];
const accepted = ({ connection }: HookArguments['data']): Address[] => [
  ...userOf(connection),
  ...addressesOf(connection.transaction?.recipients ?? []),
];

const ABOUT: { readonly [N in HookName]: About<N> } = {
  connect_init: nobody,
  lookup_rdns: nobody,
  connect: nobody,
  helo: nobody,
  capabilities: nobody,
  auth: ({ login }) => [login],
  // A stranger has only a sender by then.
  mail: session,
  rcpt: toward,
  rcpt_ok: toward,
  data: accepted,
  max_data_exceeded: accepted,
  data_post: message,
  vrfy: ({ address }) => [address],
  etrn: ({ domain }) => [`@${domain}`],
  noop: nobody,
  rset: session,
  quit: nobody,
  unrecognized_command: nobody,
  reset_transaction: message,
  deny: session,
  disconnect: nobody,
  queue: message,
  queue_outbound: message,
  sign: message,
  queue_ok: message,
  recipient_exists: ({ address }) => [address],
  expand: ({ recipient: { address } }) => [address],
  deliver: ({ account: { address }, recipient: { address: to } }) => [address, to],
  get_mx: ({ domain }) => [`@${domain}`],
  send_email: ({ recipients }) => recipients,
  delivered: recipient,
  deferred: recipient,
  bounce: recipient,
  dns_query: nobody,
  smtp_login: account,
  imap_login: account,
  pop3_login: account,
  imap_command: loggedIn,
  pop3_command: loggedIn,
  message_appended: account,
  message_moved: account,
  message_copied: account,
  message_deleted: account,
  zone_changed: nobody,
  account_changed: ({ address }) => [address],
  domain_changed: ({ domain }) => [`@${domain}`],
  log: nobody,
};

export interface ActiveFor {
  readonly domains?: readonly string[];
  readonly accounts?: readonly string[];
}

/** Whether a plugin is called; null: always. */
export type Activation = ((hook: HookName, argument: object) => boolean) | null;

/** Addresses without a domain are of `myorigin`; an account's are also those with an extension. */
export function activationOf({ domains, accounts }: ActiveFor, parameters: () => ParameterReader): Activation {
  if (domains === undefined && accounts === undefined) return null;
  const activeDomains = new Set(domains?.map((one) => one.toLowerCase()));
  const activeAccounts = new Set(accounts?.map((one) => one.toLowerCase()));
  const origin = parameters().string('myorigin').toLowerCase();
  const delimiters = delimitersOf(parameters());
  const isOurs = (address: Address): boolean => {
    const at = address.lastIndexOf('@');
    const user = (at < 0 ? address : address.slice(0, at)).toLowerCase();
    const domain = at < 0 ? origin : address.slice(at + 1).toLowerCase();
    if (activeDomains.has(domain) || activeAccounts.has(`${user}@${domain}`)) return true;
    const plain = activeAccounts.size === 0 ? null : splitDetail(user, delimiters);
    return plain !== null && activeAccounts.has(`${plain.user}@${domain}`);
  };
  return (hook, argument) => {
    const about = (ABOUT[hook] as (argument: object) => readonly Address[] | null)(argument);
    return about === null || about.some(isOurs);
  };
}
