/**
 * DNS block and allow lists (requirement P7): adds reject_rbl_client and related restrictions, and judges messages by the
 * lists of its configuration (README.md).
 */
import { definePlugin } from '../../src/bus/plugin.ts';
import { DnsLists } from './lists.ts';
import { listRestrictions } from './restrictions.ts';
import { SETTINGS, scoredList } from './settings.ts';

export default definePlugin({
  name: 'dns-lists',
  stateless: true,
  config: SETTINGS,
  async register(server) {
    const { config } = server;
    const dns = new DnsLists({
      resolver: server.resolver,
      clock: server.clock,
      deadline: config.lookupSeconds * 1000,
      warn: (message) => server.log.warn({}, message),
    });
    for (const [name, restriction] of Object.entries(listRestrictions(server, dns)))
      server.defineRestriction(name, restriction);
    if (config.lists.length === 0) return;
    const lists = config.lists.map(scoredList);
    // The public suffix list is loaded only where it is used.
    const { judgeMessages } = await import('./messages.ts');
    const never = Number.POSITIVE_INFINITY;
    judgeMessages(server, dns, {
      lists,
      thresholds: { tag: config.tag_at ?? never, junk: config.junk_at ?? never, reject: config.reject_at ?? never },
      mostUris: config.most_uris,
      total: config.total * 1000,
      clients: config.clients,
      recipients: config.recipients,
    });
  },
});
