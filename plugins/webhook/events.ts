/** What each event tells: one row for each, with the hooks that it comes from. */
import { type HookArguments, type HookName, type Json, NEXT, type Reply, type Server } from '../../src/bus/plugin.ts';
import type { EventName } from './settings.ts';

export type Told = Readonly<Record<string, Json>>;

type Row = { readonly [N in HookName]?: (argument: HookArguments[N]) => Told };

/** Recipients that are named; `recipientCount` counts all. */
const MOST_NAMED = 100;

const replyOf = ({ code, enhanced, text }: Reply): string => [code, enhanced, text].join(' ').slice(0, 1000);

const attempt = ({ queueId, recipient, reply, relay }: HookArguments['delivered']): Told => ({
  ...{ queueId, recipient, relay },
  reply: replyOf(reply),
});

const login =
  (protocol: string) =>
  ({ account, remoteIp, tls }: HookArguments['imap_login']): Told => ({
    account: account.address,
    protocol,
    remoteIp,
    tls,
  });

const ROWS: Readonly<Record<EventName, Row>> = {
  accepted: {
    queue_ok: ({ connection, transaction: { queueId, reversePath, recipients, size } }) => ({
      ...{ queueId, size },
      from: reversePath,
      to: recipients.slice(0, MOST_NAMED).map(({ address }) => address),
      recipientCount: recipients.length,
      remoteIp: connection?.remote.ip ?? null,
      login: connection?.user?.login ?? null,
    }),
  },
  delivered: { delivered: attempt },
  deferred: { deferred: attempt },
  bounced: { bounce: attempt },
  appended: {
    message_appended: ({ account, mailbox, uids }) => ({
      account: account.address,
      mailbox: mailbox.name,
      uids: uids.slice(0, MOST_NAMED),
    }),
  },
  login: { imap_login: login('imap'), pop3_login: login('pop3') },
};

/** `tell` returns at once, so that nothing waits for what is told. */
export function listen(
  server: Pick<Server, 'on'>,
  events: readonly EventName[],
  tell: (event: EventName, told: Told) => void,
): void {
  const on = <N extends HookName>(hook: N, event: EventName, row: (argument: HookArguments[N]) => Told): void =>
    server.on(hook, (argument) => {
      tell(event, row(argument));
      return NEXT;
    });
  for (const event of new Set(events))
    for (const [hook, row] of Object.entries(ROWS[event])) on(hook as HookName, event, row as never);
}
