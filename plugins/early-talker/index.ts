/** Strangers wait for their greeting; who does not, and speaks first, is refused (README.md). */
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { type Connection, definePlugin, denyDisconnect, NEXT, reply, setting } from '../../src/bus/plugin.ts';
import { trustedClients } from '../../src/lookup/trusted-clients.ts';

/** How often it is looked whether a client has spoken. */
const LOOK_MS = 50;
/** Of clients that have waited. */
const REMEMBERED = 10_000;

export default definePlugin({
  name: 'early-talker',
  config: {
    // A call may take 30 s, and clients may wait as long for the greeting as RFC 5321 asks of them: 5 minutes.
    wait: setting.duration({ default: 3, min: 0.1, max: 20 }),
    services: setting.list(setting.text(), { default: ['smtp'] }),
    clients: setting.list(setting.text(), { default: [] }),
    remember: setting.duration({ default: 86_400, min: 0 }),
    most: setting.number({ default: 50, min: 1, max: 10_000, whole: true }),
  },
  register(server) {
    if (server.inWorker)
      throw new Error(
        'early-talker cannot see in a worker that a client speaks; remove "worker" from its configuration',
      );
    const { wait, services, clients, remember, most } = server.config;
    const isTrusted = trustedClients(server, clients);
    const patient = new LRUCache<string, number>({ max: REMEMBERED });
    const counted = server.metrics.counter('clients_total', 'Clients by what they did.', ['result']);
    let waiting = 0;

    const isKnown = async (connection: Connection): Promise<boolean> =>
      server.clock() - (patient.get(connection.remote.ip) ?? Number.NEGATIVE_INFINITY) < remember * 1000 ||
      (await isTrusted(connection));

    server.on('connect', async ({ connection }) => {
      if (!services.includes(connection.service) || (await isKnown(connection))) return NEXT;
      if (waiting >= most) {
        counted.count('not_delayed');
        return NEXT;
      }
      waiting += 1;
      const spoke = await speaks(connection, wait * 1000).finally(() => {
        waiting -= 1;
      });
      counted.count(spoke ? 'early' : 'patient');
      if (spoke) return denyDisconnect(reply(521, '5.5.1', 'Protocol error: wait for the greeting'));
      patient.set(connection.remote.ip, server.clock());
      return NEXT;
    });
  },
});

/** Whether a client sends something within this time, ms. */
async function speaks(connection: Pick<Connection, 'hasInput'>, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  for (let left = ms; !connection.hasInput && left > 0; left = end - performance.now())
    await delay(Math.min(LOOK_MS, left));
  return connection.hasInput;
}
