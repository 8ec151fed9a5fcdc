/**
 * Who sent how much, counted from the lines of the log (requirement P19): messages when they are accepted, their results
 * as they come, and what was refused.
 *
 * A line about a message has its queue ID and not its sender, so each message is remembered until it is removed.
 * Both memories are bounded: beyond MOST_MESSAGES the oldest is forgotten (its later results count under `-`), beyond
 * MOST_KEYS new keys count under `(others)`.
 */

export const KINDS = ['user', 'client', 'sender', 'domain', 'recipient-domain'] as const;
export type Kind = (typeof KINDS)[number];

export interface Count {
  /** Accepted. */
  messages: number;
  /** Of accepted messages, after aliases; by recipient-domain those with a final result. */
  recipients: number;
  /** Of the messages, each once. */
  octets: number;
  sent: number;
  /** Attempts that will be repeated. */
  deferred: number;
  bounced: number;
  /** Commands and messages that were refused. */
  rejected: number;
}

export interface Row extends Readonly<Count> {
  readonly key: string;
}

const MOST_MESSAGES = 200_000;
const MOST_KEYS = 100_000;
const OTHERS = '(others)';
/** Where a message or a session has none, or began before the log that is read. */
const NONE = '-';

/** What is known of a message. */
interface Message {
  user: string;
  client: string;
  sender: string;
  size: number;
  isAccepted: boolean;
  isCounted: boolean;
  readonly domains: Set<string>;
}

interface Entry {
  readonly queueId?: unknown;
  readonly session?: unknown;
  readonly msg?: unknown;
  readonly time?: unknown;
  readonly reject?: unknown;
}

/** What a line about a refusal has in its field `reject`. */
export interface RejectFields {
  readonly client: string;
  readonly user: string;
  readonly sender: string;
  readonly recipient: string;
}

interface Line {
  readonly pattern: RegExp;
  readonly act: (queueId: string, parts: readonly (string | undefined)[]) => void;
}

/** Only these are parsed. */
const INTERESTING = / client=| uid=| message-id=|\(queue active\)| status=|: removed"|"reject":/;

export class Traffic {
  readonly #kind: Kind;
  /** ms. */
  readonly #since: number;
  readonly #messages = new Map<string, Message>();
  readonly #counts = new Map<string, Count>();

  constructor(kind: Kind, since: number) {
    this.#kind = kind;
    this.#since = since;
  }

  /** What is said of a message, with its queue ID in front. */
  readonly #lines: readonly Line[] = [
    {
      pattern: /^\w+: client=\S*\[([^\]\s]+)\](?:, sasl_method=[^,]*, sasl_username=(.*?)(?:, orig_|$))?/,
      act: (queueId, [client = NONE, user = NONE]) => this.#know(queueId, { client, user }),
    },
    {
      pattern: /^\w+: uid=(\d+) from=</,
      act: (queueId, [uid = NONE]) => this.#know(queueId, { user: `uid=${uid}` }),
    },
    { pattern: /^\w+: message-id=/, act: (queueId) => this.#know(queueId, { isAccepted: true }) },
    {
      pattern: /^\w+: from=<(.*)>, size=(\d+), nrcpt=(\d+) \(queue active\)$/,
      act: (queueId, [sender = '', size, recipients]) =>
        this.#queued(queueId, sender, Number(size), Number(recipients)),
    },
    {
      pattern: /^\w+: to=<(.*?)>, .*?\bstatus=(sent|deferred|bounced|SOFTBOUNCE) \(/,
      act: (queueId, [recipient = '', status = '']) => this.#result(queueId, recipient, status),
    },
    { pattern: /^\w+: removed$/, act: (queueId) => void this.#messages.delete(queueId) },
  ];

  /** Anything that is not a line of the log is passed over. */
  read(line: string): void {
    if (!INTERESTING.test(line)) return;
    let entry: Entry;
    try {
      entry = JSON.parse(line) as Entry;
    } catch {
      return;
    }
    const { msg, time, queueId, reject } = entry;
    if (typeof msg !== 'string' || typeof time !== 'string' || !(Date.parse(time) >= this.#since)) return;
    if (isReject(reject)) this.#rejected(reject);
    else if (typeof queueId === 'string') this.#told(queueId, msg);
  }

  /** Those who sent the most, and of those who sent the same the most refused, first. */
  get rows(): Row[] {
    return [...this.#counts]
      .map(([key, count]) => ({ key, ...count }))
      .sort((a, b) => b.recipients - a.recipients || b.rejected - a.rejected || (a.key < b.key ? -1 : 1));
  }

  #told(queueId: string, msg: string): void {
    for (const { pattern, act } of this.#lines) {
      const [whole, ...parts] = pattern.exec(msg) ?? [];
      if (whole === undefined) continue;
      act(queueId, parts);
      return;
    }
  }

  #queued(queueId: string, sender: string, size: number, recipients: number): void {
    this.#know(queueId, { sender: sender === '' ? '<>' : sender.toLowerCase(), size });
    const message = this.#messages.get(queueId);
    // A message that becomes active again was accepted before.
    if (message === undefined || !message.isAccepted || message.isCounted) return;
    message.isCounted = true;
    if (this.#kind === 'recipient-domain') return;
    const count = this.#countOf(this.#keyOf(message));
    count.messages += 1;
    count.recipients += recipients;
    count.octets += size;
  }

  #result(queueId: string, recipient: string, status: string): void {
    const message = this.#messages.get(queueId);
    const domain = domainOf(recipient);
    const byDomain = this.#kind === 'recipient-domain';
    const count = this.#countOf(byDomain ? domain : message === undefined ? NONE : this.#keyOf(message));
    if (status === 'sent') count.sent += 1;
    else if (status === 'bounced') count.bounced += 1;
    else count.deferred += 1;
    if (!byDomain) return;
    if (status === 'sent' || status === 'bounced') count.recipients += 1;
    if (message === undefined || message.domains.has(domain)) return;
    message.domains.add(domain);
    count.messages += 1;
    count.octets += message.size;
  }

  #rejected({ client, user, sender, recipient }: RejectFields): void {
    const keys: Readonly<Record<Kind, string>> = {
      user: user === '' ? NONE : user,
      client,
      sender: sender === '' ? '<>' : sender.toLowerCase(),
      domain: domainOf(sender),
      'recipient-domain': domainOf(recipient),
    };
    this.#countOf(keys[this.#kind]).rejected += 1;
  }

  #know(queueId: string, facts: Partial<Message>): void {
    const known = this.#messages.get(queueId) ?? {
      user: NONE,
      client: NONE,
      sender: NONE,
      size: 0,
      isAccepted: false,
      isCounted: false,
      domains: new Set<string>(),
    };
    this.#messages.set(queueId, Object.assign(known, facts));
    if (this.#messages.size <= MOST_MESSAGES) return;
    for (const oldest of this.#messages.keys()) {
      this.#messages.delete(oldest);
      break;
    }
  }

  #keyOf({ user, client, sender }: Message): string {
    if (this.#kind === 'user') return user;
    if (this.#kind === 'client') return client;
    return this.#kind === 'sender' ? sender : domainOf(sender);
  }

  #countOf(key: string): Count {
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const kept = this.#counts.size >= MOST_KEYS ? OTHERS : key;
    const count = this.#counts.get(kept) ?? {
      messages: 0,
      recipients: 0,
      octets: 0,
      sent: 0,
      deferred: 0,
      bounced: 0,
      rejected: 0,
    };
    this.#counts.set(kept, count);
    return count;
  }
}

function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? NONE : address.slice(at + 1).toLowerCase();
}

const isReject = (value: unknown): value is RejectFields =>
  typeof value === 'object' &&
  value !== null &&
  ['client', 'user', 'sender', 'recipient'].every(
    (name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'string',
  );
