/** A spam filter that learns from what people move into Junk and out of it, of each account and of the whole server. */
import { definePlugin, type MailboxEvent, type MailboxName, NEXT } from '../../src/bus/plugin.ts';
import { Filter } from './filter.ts';
import { Learner } from './learner.ts';
import { lessonOf } from './moves.ts';
import { Rooms, roomOf } from './rooms.ts';
import { SETTINGS } from './settings.ts';

export { BAYES } from './filter.ts';

export default definePlugin({
  name: 'bayes',
  onError: 'pass',
  config: SETTINGS,
  register(server) {
    const { state, messages, log, config } = server;
    const clock = (): number => server.clock();
    const judged = server.metrics.counter('judged_total', 'Messages judged for a mailbox.', ['result']);
    const learned = server.metrics.counter('learned_total', 'Messages noted to be learned.', ['kind']);
    const rooms = new Rooms(state, clock);
    const learner = new Learner({
      ...{ state, messages, log, clock, rooms },
      sharedPerDay: config.shared ? config.sharedPerDay : 0,
      count: (what) => learned.count(what),
    });
    const filter = new Filter({ rooms, log, settings: config, count: (result) => judged.count(result) });

    server.on('data_post', (argument) => filter.read(argument), {
      // What the filter before the queue gets cannot be changed, and comes back.
      when: (connection) =>
        connection !== null && connection.user === null && connection.parameters.string('smtpd_proxy_filter') === '',
    });
    server.on('deliver', (letter) => filter.deliver(letter));
    server.on('reset_transaction', ({ transaction }) => filter.forget(transaction.queueId));

    const moved = ({ account, mailbox, uids, from }: MailboxEvent & { readonly from: MailboxName }): typeof NEXT => {
      const kind = lessonOf(from, mailbox, config);
      if (kind !== null)
        for (const uid of uids) learner.note({ account: account.address, mailbox: mailbox.name, uid }, kind);
      return NEXT;
    };
    server.on('message_moved', moved);
    server.on('message_copied', moved);
    server.on('account_changed', async ({ address, change, before }) => {
      if (change === 'remove') await rooms.forget(roomOf(address));
      if (change === 'rename' && before !== undefined) await rooms.rename(roomOf(before), roomOf(address));
      return NEXT;
    });
    server.jobs.every(config.every, 'learn', ({ signal }) => learner.learn(signal), { once: 'per store' });
    server.onClose(() => learner.noted());
  },
});
