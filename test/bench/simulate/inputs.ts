/** What is asked of the simulation: who uses the service, how much, and on which machines. Each is an option. */

interface Input {
  readonly value: number;
  readonly about: string;
}

export const INPUTS = {
  accounts: { value: 1_000_000, about: 'accounts' },
  active: { value: 0.4, about: 'share of them that is used on a day' },
  in: { value: 30, about: 'messages that reach a mailbox, for each account and day' },
  out: { value: 6, about: 'messages that are sent, for each account and day; each has a copy in Sent' },
  recipients: { value: 1.3, about: 'recipients of a sent message' },
  local: { value: 0.3, about: 'share of these recipients that have an account here' },
  deferred: { value: 0.1, about: 'share of messages to others that are tried a second time' },
  'size-median': { value: 15_000, about: 'octets of a message, median; sizes are log-normal' },
  'size-sigma': { value: 1.8, about: 'standard deviation of their logarithm' },
  'kept-median': { value: 1_500, about: 'messages that an account has, median; log-normal' },
  'kept-sigma': { value: 1.5, about: 'standard deviation of their logarithm' },
  inbox: { value: 0.5, about: 'share of them in the mailbox that is opened' },
  idle: { value: 0.15, about: 'IMAP sessions in IDLE at the peak, for each account' },
  sessions: { value: 20, about: 'IMAP sessions that an active account opens in a day' },
  pop3: { value: 0.05, about: 'share of accounts that poll with POP3' },
  'pop3-minutes': { value: 10, about: 'minutes between two polls' },
  listed: { value: 300, about: 'messages whose ENVELOPE is fetched, for each active account and day' },
  read: { value: 1.5, about: 'times that the octets of a message are fetched' },
  flagged: { value: 1.2, about: 'STOREs for each message' },
  removed: { value: 0.5, about: 'share of messages that are removed again' },
  searches: { value: 0.3, about: 'SEARCHes of texts for each active account and day' },
  aliases: { value: 100_000, about: 'aliases' },
  'alias-changes': { value: 200, about: 'changes of aliases or domains in a day' },
  peak: { value: 3, about: 'the busiest hour, over the mean of the day' },
  growth: { value: 0.25, about: 'by which what is kept grows in a year' },
  replicas: { value: 3, about: 'members of each replica set' },
  streams: { value: 1, about: '1: the database has change streams (replica sets); 0: mailboxes are polled' },
  clustered: { value: 0, about: '1: messages is a clustered collection: the rows of a mailbox lie side by side' },
  'front-cores': { value: 16, about: 'processors of a front machine, one process each' },
  'front-memory': { value: 64, about: 'GB of memory of a front machine' },
  'shard-memory': { value: 128, about: 'GB of memory of a database machine' },
  'shard-disk': { value: 15_000, about: 'GB of its disk' },
  'shard-cores': { value: 16, about: 'processors of it' },
  seed: { value: 1, about: 'of the random numbers' },
} as const satisfies Readonly<Record<string, Input>>;

export type Inputs = Readonly<Record<keyof typeof INPUTS, number>>;

export const INPUT_NAMES = Object.keys(INPUTS) as (keyof typeof INPUTS)[];

export const defaultInputs = (): Inputs =>
  Object.fromEntries(INPUT_NAMES.map((name) => [name, INPUTS[name].value])) as Inputs;

/** Throws where a value is not a number of at least 0. */
export function readInputs(given: Readonly<Record<string, string | boolean | undefined>>): Inputs {
  const values = INPUT_NAMES.map((name) => {
    const text = given[name];
    if (text === undefined) return [name, INPUTS[name].value];
    const value = Number(text);
    if (!(value >= 0)) throw new Error(`--${name}: expected a number of at least 0, not ${text}`);
    return [name, value];
  });
  return Object.fromEntries(values) as Inputs;
}
