/** Tells a web server what happens, by signed HTTP requests; what it does not take is sent again for a day. */
import { createHmac } from 'node:crypto';
import { definePlugin, type Json } from '../../src/bus/plugin.ts';
import { listen } from './events.ts';
import { Outbox } from './outbox.ts';
import { SETTINGS } from './settings.ts';

const RETRY_EVERY = 10;

export default definePlugin({
  name: 'webhook',
  onError: 'pass',
  config: SETTINGS,
  register(server) {
    const { url, secret, events: names, timeout, keep } = server.config;
    const counted = server.metrics.counter('events_total', 'Events for the web hook.', ['result']);

    async function send(id: string, events: readonly Json[]): Promise<void> {
      const body = JSON.stringify({ id, events });
      const time = Math.floor(server.clock() / 1000);
      const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
      const { status } = await server.http.fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-posthorn-signature': `t=${time},v1=${signature}` },
        ...{ body, timeout },
        maxBytes: 64 * 1024,
        redirect: 'error',
      });
      if (status < 200 || status > 299) throw new Error(`${new URL(url).host} answered ${status}`);
    }

    const outbox = new Outbox({
      ...{ state: server.state, log: server.log, keep, send },
      clock: () => server.clock(),
      count: (what, events) => counted.add(events, what),
    });
    listen(server, names, (event, told) => outbox.add({ event, time: server.clock(), ...told }));
    server.jobs.every(RETRY_EVERY, 'send again', ({ signal }) => outbox.retry(signal));
    server.onClose(() => outbox.written());
  },
});
