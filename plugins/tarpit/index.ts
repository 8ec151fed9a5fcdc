/** Clients that were refused often get their replies slowly (README.md). */
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { type Connection, definePlugin, NEXT, setting, type Verdict } from '../../src/bus/plugin.ts';
import { trustedClients } from '../../src/lookup/trusted-clients.ts';

/** Of clients that were refused; the one that was refused longest ago is forgotten first. */
const REMEMBERED = 10_000;

export default definePlugin({
  name: 'tarpit',
  // Without it, replies only come sooner.
  onError: 'pass',
  config: {
    refusals: setting.number({ default: 5, min: 1, whole: true }),
    // A call may take 30 s; clients wait for a reply to MAIL and RCPT for 5 minutes (RFC 5321 section 4.5.3.2).
    step: setting.duration({ default: 1, min: 0.01, max: 20 }),
    longest: setting.duration({ default: 10, min: 0.01, max: 20 }),
    forget: setting.duration({ default: 3_600, min: 1 }),
    most: setting.number({ default: 50, min: 1, max: 10_000, whole: true }),
    clients: setting.list(setting.text(), { default: [] }),
  },
  register(server) {
    const { refusals, step, longest, forget, most, clients } = server.config;
    const isFree = trustedClients(server, clients);
    const refused = new LRUCache<string, { readonly at: number; readonly times: number }>({ max: REMEMBERED });
    const counted = server.metrics.counter('replies_total', 'Replies to clients that were refused often.', ['result']);
    let waiting = 0;

    const timesOf = (ip: string): number => {
      const known = refused.get(ip);
      return known === undefined || server.clock() - known.at >= forget * 1000 ? 0 : known.times;
    };

    async function slow(connection: Connection): Promise<Verdict> {
      const { ip } = connection.remote;
      const excess = timesOf(ip) - refusals + 1;
      if (excess <= 0 || (await isFree(connection))) return NEXT;
      if (waiting >= most) {
        counted.count('not_delayed');
        return NEXT;
      }
      waiting += 1;
      counted.count('delayed');
      await delay(Math.min(longest, excess * step) * 1000);
      waiting -= 1;
      return NEXT;
    }

    const FIRST = { priority: -100 };
    server.on('helo', ({ connection }) => slow(connection), FIRST);
    server.on('mail', ({ connection }) => slow(connection), FIRST);
    server.on('rcpt', ({ connection }) => slow(connection), FIRST);
    server.on('deny', ({ connection, verdict }) => {
      if (connection === null || !isPermanent(verdict)) return NEXT;
      const { ip } = connection.remote;
      const times = timesOf(ip) + 1;
      refused.set(ip, { at: server.clock(), times });
      if (times === refusals)
        server.log.info({ client: ip, times }, `${ip} was refused ${times} times: its replies are slow now`);
      return NEXT;
    });
  },
});

/** Who is asked to come again has done nothing wrong. */
const isPermanent = (verdict: Verdict): boolean =>
  !verdict.code.startsWith('DENYSOFT') &&
  !('reply' in verdict && verdict.reply !== undefined && verdict.reply.code < 500);
