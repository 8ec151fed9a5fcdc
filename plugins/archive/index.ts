/**
 * A copy of every message goes to an archive (README.md). It is durable before the message is: `server.send` resolves when
 * the copy is in the queue or a mailbox, and only then may the message be accepted.
 */
import { randomBytes } from 'node:crypto';
import { definePlugin, type HookArguments, NEXT, setting } from '../../src/bus/plugin.ts';
import { isHere } from '../../src/lookup/domains.ts';
import { addressKey } from '../../src/mail/address.ts';
import { copy, journal } from './copy.ts';
import { Turns } from './turns.ts';

const DIRECTIONS = ['in', 'out', 'internal'] as const;
type Direction = (typeof DIRECTIONS)[number];
type Message = HookArguments['data_post'];
const ADDRESS = { pattern: /^[^\s@<>]{1,200}@[^\s@<>]{1,255}$/, expected: 'an address such as "archive@example.org"' };

export default definePlugin({
  name: 'archive',
  // A message that cannot be archived must come again.
  onError: 'defer',
  mailsAMinute: 1_000_000,
  config: {
    to: setting.text(ADDRESS),
    form: setting.oneOf(['journal', 'copy'], { default: 'journal' }),
    only: setting.list<Direction>(setting.oneOf(DIRECTIONS), { default: DIRECTIONS, most: DIRECTIONS.length }),
    errors_to: setting.optional(setting.text(ADDRESS)),
    at_once: setting.number({ default: 4, min: 1, max: 100, whole: true }),
  },
  register(server) {
    const { to, form, only, errors_to: errorsTo = '', at_once: atOnce } = server.config;
    const from = `archive@${server.parameters.string('myhostname')}`;
    const archive = addressKey(to);
    const turns = new Turns(atOnce);
    const counted = server.metrics.counter('messages_total', 'Messages by direction; failed ones were not accepted.', [
      'result',
    ]);

    const isOurs = (address: string): Promise<boolean> => isHere(server.domains, address);
    async function directionOf({ transaction: { reversePath, recipients } }: Message): Promise<Direction> {
      if (reversePath === '' || !(await isOurs(reversePath))) return 'in';
      for (const { address } of recipients) if (!(await isOurs(address))) return 'out';
      return 'internal';
    }
    /** What is sent to nobody would be lost: its sender is nobody, too. */
    async function checkArchive(): Promise<void> {
      if ((await isOurs(to)) && !(await server.domains.recipientExists(to)))
        throw new Error(`there is no address ${to}: make the account, or change "to" in plugins.d/archive.json`);
    }
    async function put({ connection, transaction, content }: Message): Promise<void> {
      const octets = await whole(content, transaction.prepend);
      const boundary = `archive-${randomBytes(18).toString('hex')}`;
      const archived = { connection, transaction, octets, at: server.clock(), boundary };
      const message = form === 'journal' ? journal(archived, { from, to }) : copy(archived);
      await server.send({ from: errorsTo, to: [to], message });
    }

    server.on(
      'data_post',
      async (message) => {
        const { recipients, discard } = message.transaction;
        // What only the archive gets is there already; what is thrown away nobody gets.
        if (discard !== null || recipients.every(({ address }) => addressKey(address) === archive)) return NEXT;
        const direction = await directionOf(message);
        if (!only.includes(direction)) return NEXT;
        try {
          await checkArchive();
          await turns.run(() => put(message));
          counted.count(direction);
          return NEXT;
        } catch (error) {
          counted.count('failed');
          throw error;
        }
      },
      // Behind all that change or refuse it.
      { priority: 1_000 },
    );
  },
});

/** With the fields that other plugins put above it. */
async function whole(content: AsyncIterable<Uint8Array>, prepended: readonly string[]): Promise<Buffer> {
  const pieces: Uint8Array[] = prepended.map((field) => Buffer.from(`${field}\r\n`));
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}
