/**
 * What the plugins that have mail judged by another program have in common: whom they do not ask about, what a
 * judgement does to a message, what happens without one, what is counted.
 */
import {
  type Connection,
  deny,
  denySoft,
  type HookArguments,
  NEXT,
  reply,
  type Server,
  setting,
  type Verdict,
} from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { compileNetworks } from '../../src/lookup/network.ts';
import { networksOf } from '../../src/lookup/service-networks.ts';

export type Message = HookArguments['data_post'];
type Skipped = 'users' | 'mynetworks';
type OnFailure = 'defer' | 'accept';

export interface JudgeSettings {
  /** Mail of users who have logged in, of clients in mynetworks. */
  readonly skip: readonly Skipped[];
  /** Networks of clients whose mail is not judged. */
  readonly clients: readonly string[];
  /** Octets; longer messages are not judged. */
  readonly max_size: number;
  /** Seconds for one message. */
  readonly timeout: number;
  readonly on_failure: OnFailure;
}

/** The settings, with the defaults that a plugin gives them. */
export const judgeSettings = (defaults: Pick<JudgeSettings, 'skip' | 'max_size' | 'on_failure'>) => ({
  skip: setting.list<Skipped>(setting.oneOf(['users', 'mynetworks']), { default: defaults.skip }),
  clients: setting.list(setting.text(), { default: [] }),
  max_size: setting.number({ default: defaults.max_size, min: 1024, max: 1024 ** 3, whole: true }),
  // A call may take 30 s ("deadline").
  timeout: setting.duration({ default: 25, min: 1, max: 600 }),
  on_failure: setting.oneOf<OnFailure>(['defer', 'accept'], { default: defaults.on_failure }),
});

export type Action = 'accept' | 'hold' | 'discard' | 'defer' | 'reject';

export interface Judgement {
  /** For the counter. */
  readonly result: string;
  readonly action: Action;
  /** For the log, and for what is held or discarded; '' where there is nothing to say. */
  readonly why: string;
  /** Of a refusal. */
  readonly text?: string;
  /** Marks the message; may throw where it cannot be changed. */
  readonly mark?: () => void;
  /** Whether it must not be accepted without its mark. */
  readonly isBad: boolean;
}

export interface Judge {
  /** The program that is asked, for the log. */
  readonly program: string;
  /** Names of header fields that only the plugin may write: those that come with a message that it judges are removed. */
  readonly ours: RegExp;
  /** Rejects where there is no judgement. */
  judge(message: Message): Promise<Judgement>;
}

/** Seconds. */
const BOUNDS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];
/** Each costs a reading of the header. */
const MOST_FOREIGN = 30;
const TOO_MANY_FIELDS = deny(reply(554, '5.6.0', 'Error: too many header fields of filters'));
const UNMARKED = deny(reply(554, '5.6.0', 'Error: message cannot be marked as what it is'));
const UNAVAILABLE = denySoft(reply(451, '4.7.1', 'Error: message cannot be checked now, try again later'));

const ACTIONS: Readonly<Record<Action, (judgement: Judgement, message: Message) => Verdict>> = {
  accept: () => NEXT,
  hold: ({ why }, { transaction }) => {
    transaction.hold = why;
    return NEXT;
  },
  discard: ({ why }, { transaction }) => {
    transaction.discard = why;
    return NEXT;
  },
  defer: ({ why, text = why }) => denySoft(reply(451, '4.7.1', printable(text))),
  reject: ({ why, text = why }) => deny(reply(554, '5.7.1', printable(text))),
};

/** Has the mail of clients judged. */
export function judgeMail<C extends JudgeSettings>(server: Server<C>, { program, ours, judge }: Judge): void {
  const { max_size: maxSize, on_failure: onFailure } = server.config;
  const isSkipped = skipping(server);
  const counted = server.metrics.counter('messages_total', 'Messages by what was found.', ['result']);
  const took = server.metrics.histogram('scan_seconds', 'Time for one message.', ['result'], BOUNDS);

  async function judged(message: Message, queueId: string): Promise<Judgement | null> {
    const began = performance.now();
    const tell = (result: string): void => took.observe((performance.now() - began) / 1000, result);
    try {
      const judgement = await judge(message);
      tell('judged');
      return judgement;
    } catch (error) {
      tell('failed');
      server.log.warn(
        { queueId, action: onFailure },
        `${queueId}: ${program}: ${printable(messageOf(error))}: message ${onFailure === 'accept' ? 'accepted unchecked' : 'deferred'}`,
      );
      return null;
    }
  }

  /** False, and a line in the log, where the message cannot be changed: a faulty field, too many changes. */
  function changed(queueId: string, make: () => void): boolean {
    try {
      make();
      return true;
    } catch (error) {
      server.log.warn({ queueId }, `${queueId}: cannot be marked: ${printable(messageOf(error))}`);
      return false;
    }
  }

  server.on(
    'data_post',
    async (message) => {
      const { connection, transaction, change } = message;
      const { queueId, size, header } = transaction;
      if (!isForUs(connection)) return NEXT;
      if (await isSkipped(connection)) {
        counted.count('skipped');
        return NEXT;
      }
      const foreign = new Set(header.fields.map(({ name }) => name.toLowerCase()).filter((name) => ours.test(name)));
      if (foreign.size > MOST_FOREIGN) return TOO_MANY_FIELDS;
      changed(queueId, () => {
        for (const name of foreign) change.removeHeader(name);
      });
      if (size > maxSize) {
        counted.count('too_big');
        server.log.info({ queueId, size }, `${queueId}: ${size} octets, more than max_size: not judged`);
        return NEXT;
      }
      const judgement = await judged(message, queueId);
      counted.count(judgement?.result ?? 'failed');
      if (judgement === null) return onFailure === 'accept' ? NEXT : UNAVAILABLE;
      const { action, why, mark, isBad } = judgement;
      if (why !== '') server.log.info({ queueId, action }, `${queueId}: ${why}: ${action}`);
      if (mark !== undefined && !changed(queueId, mark) && isBad && action === 'accept') return UNMARKED;
      return ACTIONS[action](judgement, message);
    },
    { when: isForUs },
  );
}

/** Mail of clients. What the filter before the queue gets cannot be changed, and comes back. */
const isForUs = (connection: Connection | null): connection is Connection =>
  connection !== null && connection.parameters.string('smtpd_proxy_filter') === '';

function skipping<C extends JudgeSettings>(server: Server<C>): (connection: Connection) => Promise<boolean> {
  const { skip, clients } = server.config;
  const myNetworks = networksOf(server, 'mynetworks');
  const listed = compileNetworks(clients, server);
  return async ({ user, parameters, remote: { ip, name } }) =>
    (skip.includes('users') && user !== null) ||
    (skip.includes('mynetworks') && (await myNetworks(parameters)(ip, name))) ||
    (await listed(ip, name));
}

/** Puts what the plugin has marked into a mailbox, with the keyword of junk. */
export function fileMarked(
  server: Pick<Server, 'on'>,
  mailbox: string,
  isMarked: (header: HookArguments['deliver']['header']) => boolean,
): void {
  server.on('deliver', (letter) => {
    if (!isMarked(letter.header)) return NEXT;
    letter.flags.push('$Junk');
    if (letter.mailbox === 'INBOX') letter.mailbox = mailbox;
    return NEXT;
  });
}

export const mailboxName = setting.text({ pattern: /^[^\0\r\n]{1,200}$/, default: 'Junk' });

const LONGEST_SHOWN = 200;
/** What the program says, in a reply or the log. */
export const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_SHOWN);

/** Octets of a message as it is now, which may be another number than came. */
export async function sizeOf(content: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const { length } of content) size += length;
  return size;
}
