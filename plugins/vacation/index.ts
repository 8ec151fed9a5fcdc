/** Automatic replies of those who are away, once for each sender and some days (README.md). */
import { createHash } from 'node:crypto';
import { definePlugin, type HookArguments, NEXT, setting } from '../../src/bus/plugin.ts';
import { addressKey } from '../../src/mail/address.ts';
import { MOMENT, momentOf } from './absence.ts';
import { reasonAgainst } from './courtesy.ts';
import { replyLetter } from './letter.ts';

const DAY = 86_400;
const HOUR_MS = 3_600_000;
const ADDRESS = { pattern: /^[^\s@<>]{1,200}@[^\s@<>]{1,255}$/, expected: 'an address such as "maomao@example.org"' };
const moment = () =>
  setting.optional(setting.text({ pattern: MOMENT, expected: 'a day such as "2026-12-24", or "2026-12-24T18:00"' }));

export default definePlugin({
  name: 'vacation',
  // A message is not refused because its reply cannot be sent.
  onError: 'pass',
  config: {
    replies: setting.map(
      setting.object({
        text: setting.text({ pattern: /\S/, expected: 'what the reply says' }),
        subject: setting.text({ default: '', pattern: /^[^\r\n]{0,500}$/, expected: 'one line' }),
        name: setting.text({ default: '', pattern: /^[^\r\n]{0,200}$/, expected: 'one line' }),
        from: moment(),
        to: moment(),
        days: setting.number({ default: 7, min: 1, max: 365, whole: true }),
        addresses: setting.list(setting.text(ADDRESS), { default: [], most: 100 }),
      }),
      { default: {} },
    ),
    most_an_hour: setting.number({ default: 100, min: 1, max: 10_000, whole: true }),
  },
  register(server) {
    const { config, state, log } = server;
    const counted = server.metrics.counter('messages_total', 'Messages for those who are away.', ['result']);
    const absences = new Map(
      Object.entries(config.replies).map(([account, { from, to, ...reply }]) => {
        if (!ADDRESS.pattern.test(account)) throw new Error(`replies: ${account}: expected ${ADDRESS.expected}`);
        const begins = from === undefined ? Number.NEGATIVE_INFINITY : momentOf(from, 'from');
        const ends = to === undefined ? Number.POSITIVE_INFINITY : momentOf(to, 'to');
        if (begins > ends) throw new Error(`replies: ${account}: from ${from} is behind to ${to}`);
        return [addressKey(account), { ...reply, begins, ends }] as const;
      }),
    );
    const lately = new Map<string, { readonly since: number; count: number }>();

    /** Whether an account may send one more in this hour. */
    function hasTurn(account: string, now: number): boolean {
      const known = lately.get(account);
      if (known === undefined || now - known.since >= HOUR_MS) lately.set(account, { since: now, count: 1 });
      else known.count += 1;
      return (lately.get(account)?.count ?? 0) <= config.most_an_hour;
    }

    /** Of two messages that come at once, one. */
    async function isFirst(place: string, days: number): Promise<boolean> {
      if ((await state.get(place)) !== undefined) return false;
      let first = false;
      await state.update<boolean>(
        place,
        (before) => {
          first = before === undefined;
          return true;
        },
        { expires: days * DAY },
      );
      return first;
    }

    async function answer({ account, recipient, header, reversePath }: HookArguments['deliver']): Promise<string> {
      const key = addressKey(account.address);
      const absence = absences.get(key);
      const now = server.clock();
      if (absence === undefined || now < absence.begins || now > absence.ends) return 'present';
      const own = new Set([key, ...[recipient.address, recipient.original, ...absence.addresses].map(addressKey)]);
      const against = reasonAgainst(reversePath, header, own);
      if (against !== null) return against;
      const place = `${key}:${createHash('sha256').update(addressKey(reversePath)).digest('base64url')}`;
      if (!(await isFirst(place, absence.days))) return 'answered before';
      if (!hasTurn(key, now)) {
        log.warn(
          { account: key },
          `${key}: more than ${config.most_an_hour} replies in an hour: none to <${reversePath}>`,
        );
        return 'too many';
      }
      try {
        await server.send(replyLetter({ ...absence, sender: reversePath, from: account.address, answered: header }));
      } catch (error) {
        await state.delete(place);
        throw error;
      }
      return 'answered';
    }

    server.on(
      'deliver',
      async (delivery) => {
        // Junk is not answered: it would say that somebody is here.
        if (delivery.drop !== null || delivery.mailbox.toLowerCase() === 'junk') return NEXT;
        try {
          const result = await answer(delivery);
          if (result !== 'present') counted.count(result);
        } catch (error) {
          counted.count('failed');
          throw error;
        }
        return NEXT;
      },
      // Others have chosen the mailbox by then.
      { priority: 100 },
    );
  },
});
