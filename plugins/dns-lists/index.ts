/**
 * DNS block and allow lists (requirement P7): adds reject_rbl_client and related restrictions.
 * `plugins.d/dns-lists.json`: `{ "lookupSeconds": 5 }`, the time after which a list that has not answered is ignored.
 */
import { definePlugin } from '../../src/bus/plugin.ts';
import { DnsLists } from './lists.ts';
import { listRestrictions } from './restrictions.ts';

export default definePlugin({
  name: 'dns-lists',
  stateless: true,
  register(server) {
    const { lookupSeconds = 5 } = server.config;
    if (typeof lookupSeconds !== 'number' || !(lookupSeconds > 0 && lookupSeconds <= 25)) {
      throw new Error('lookupSeconds must be a number of seconds from above 0 to 25');
    }
    const lists = new DnsLists({ resolver: server.resolver, clock: server.clock, deadline: lookupSeconds * 1000 });
    for (const [name, restriction] of Object.entries(listRestrictions(server, lists)))
      server.defineRestriction(name, restriction);
  },
});
