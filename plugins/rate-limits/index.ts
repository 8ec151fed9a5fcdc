/** Limits of what accounts send to other servers, and an alarm when one sends unlike itself (README.md). */
import {
  type Connection,
  definePlugin,
  deny,
  denySoft,
  NEXT,
  reply,
  type Server,
  setting,
  type Verdict,
} from '../../src/bus/plugin.ts';
import { compileNetworks } from '../../src/lookup/network.ts';
import { networksOf } from '../../src/lookup/service-networks.ts';
import { addressKey, qualify } from '../../src/mail/address.ts';
import { bounced, type Decision, decide, forgiven, type Ledger, type Limits, type Rules } from './ledger.ts';
import { alarmLetter } from './letter.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** For how long what is known of a sender is kept after its last message. */
const LEDGER_LIFE = 40 * DAY;
/** A message whose recipients bounce later is forgotten. */
const MESSAGE_LIFE = 2 * DAY;

const count = (fallback: number) => setting.number({ default: fallback, min: 0, whole: true });
const own = () => setting.optional(setting.number({ min: 0, whole: true }));

const WORDS: Readonly<Record<keyof Limits, string>> = {
  messages_per_hour: 'messages in an hour',
  messages_per_day: 'messages in a day',
  recipients_per_hour: 'recipients in an hour',
  recipients_per_day: 'recipients in a day',
};

export default definePlugin({
  name: 'rate-limits',
  config: {
    messages_per_hour: count(100),
    messages_per_day: count(1000),
    recipients_per_hour: count(500),
    recipients_per_day: count(2000),
    exceptions: setting.map(
      setting.object({
        messages_per_hour: own(),
        messages_per_day: own(),
        recipients_per_hour: own(),
        recipients_per_day: own(),
        alarm: setting.boolean({ default: true }),
      }),
      { default: {} },
    ),
    exempt: setting.list(setting.text(), { default: [] }),
    alarm: setting.object({
      least: setting.number({ default: 200, min: 1, whole: true }),
      factor: setting.number({ default: 5, min: 1 }),
      bounces: setting.number({ default: 20, min: 1, whole: true }),
      bounce_share: setting.number({ default: 0.3, min: 0, max: 1 }),
      pause: setting.duration({ default: HOUR, min: 60, max: DAY }),
      patience: setting.number({ default: 20, min: 0, whole: true }),
    }),
    administrator: setting.text({ default: 'postmaster' }),
  },
  register(server) {
    const { config } = server;
    const exceptions = new Map(Object.entries(config.exceptions).map(([who, rules]) => [addressKey(who), rules]));
    const rulesOf = (who: string): Rules => {
      const { alarm = true, ...limits } = exceptions.get(who) ?? {};
      const { messages_per_hour, messages_per_day, recipients_per_hour, recipients_per_day } = config;
      const usual: Limits = { messages_per_hour, messages_per_day, recipients_per_hour, recipients_per_day };
      const given = Object.entries(limits).filter(([, limit]) => limit !== undefined);
      return { limits: { ...usual, ...Object.fromEntries(given) }, alarm: alarm ? config.alarm : null };
    };
    const senderOf = whoSends(server, config.exempt);
    const administrator = qualify(config.administrator, server.parameters.string('myorigin'));
    const counted = server.metrics.counter('messages_total', 'Messages to other servers by what was decided.', [
      'result',
    ]);

    /** The sender is stopped before anybody is told: the mail about it may fail. */
    async function raise(who: string, kind: 'pause' | 'stop', why: string, ledger: Ledger): Promise<void> {
      const now = server.clock();
      if (kind === 'stop')
        await server.state.set(stoppedKey(who), { at: now, why }, who.includes('@') ? {} : { expires: DAY });
      const done = kind === 'stop' ? 'stopped' : 'refused for now';
      server.log.warn({ sender: who, done }, `${who}: ${why}: ${done}`);
      await server
        .send(alarmLetter({ administrator, who, kind, why, ledger, now, pause: config.alarm.pause }))
        .catch((error: unknown) => {
          server.log.warn({ sender: who }, `${administrator} could not be told about ${who}: ${String(error)}`);
        });
    }

    server.on('queue_outbound', async ({ connection, transaction, recipients }) => {
      const who = connection === null ? null : await senderOf(connection);
      if (connection === null || who === null) return NEXT;
      if ((await server.state.get(stoppedKey(who))) !== undefined) {
        counted.count('stopped');
        return stopped(who);
      }
      const rules = rulesOf(who);
      const attempt = { now: server.clock(), recipients: recipients.length, ip: connection.remote.ip };
      let decision: Decision = { kind: 'sent' };
      const change = (known: Ledger | undefined): Ledger => {
        const decided = decide(known, attempt, rules);
        decision = decided.decision;
        return decided.ledger;
      };
      const ledger = await server.state.update<Ledger>(ledgerKey(who), change, { expires: LEDGER_LIFE });
      // What `change` has set is not seen by the compiler.
      const made = decision as Decision;
      counted.count(made.kind);
      if (made.kind === 'sent') {
        await server.state.set(messageKey(transaction.queueId), who, { expires: MESSAGE_LIFE });
        return NEXT;
      }
      if (made.kind === 'pause' || made.kind === 'stop')
        await raise(who, made.kind, made.why, ledger ?? { slots: {}, days: {}, from: {} });
      return refusal(who, made);
    });

    server.on('bounce', async ({ queueId }) => {
      const who = await server.state.get<string>(messageKey(queueId));
      if (who !== undefined)
        await server.state.update<Ledger>(ledgerKey(who), (known) => bounced(known, server.clock()), {
          expires: LEDGER_LIFE,
        });
      return NEXT;
    });

    server.on('account_changed', async ({ address, change }) => {
      if (change !== 'passwd' && change !== 'enable') return NEXT;
      const who = addressKey(address);
      const wasStopped = (await server.state.get(stoppedKey(who))) !== undefined;
      await server.state.update<Ledger>(ledgerKey(who), (known) => (known === undefined ? known : forgiven(known)), {
        expires: LEDGER_LIFE,
      });
      await server.state.delete(stoppedKey(who));
      if (wasStopped) server.log.info({ sender: who }, `${who} may send again: ${change} by an administrator`);
      return NEXT;
    });
  },
});

const stoppedKey = (who: string): string => `stopped:${who}`;
const ledgerKey = (who: string): string => `sender:${who}`;
const messageKey = (queueId: string): string => `message:${queueId}`;

/** The account, else the address of a client in mynetworks; null: it is not counted. */
function whoSends(
  server: Pick<Server, 'tables'>,
  exempt: readonly string[],
): (connection: Connection) => Promise<string | null> {
  const myNetworks = networksOf(server, 'mynetworks');
  const accounts = new Set(exempt.filter((item) => item.includes('@')).map(addressKey));
  const clients = compileNetworks(
    exempt.filter((item) => !item.includes('@')),
    server,
  );
  return async ({ user, parameters, remote: { ip, name } }) => {
    if (user !== null) {
      const who = addressKey(user.account.address);
      return accounts.has(who) ? null : who;
    }
    return (await myNetworks(parameters)(ip, name)) && !(await clients(ip, name)) ? ip : null;
  };
}

const stopped = (who: string): Verdict =>
  deny(reply(554, '5.7.1', `Error: ${who} is stopped from sending to other servers; ask your administrator`));

function refusal(who: string, decision: Exclude<Decision, { readonly kind: 'sent' }>): Verdict {
  if (decision.kind === 'stop') return stopped(who);
  const what = decision.kind === 'limited' ? `too many ${WORDS[decision.limit]}` : 'unusually much mail';
  return denySoft(reply(450, '4.7.1', `Error: ${what} from ${who}; try again later`));
}
