/** Mailing lists: people join and leave by mail, posts go to all members, and those whom mail does not reach are left out. */
import { readFile } from 'node:fs/promises';
import { definePlugin, deny, NEXT, OK, reply, type Transaction } from '../../src/bus/plugin.ts';
import { type Address, domainOf } from '../../src/mail/address.ts';
import type { Recipient } from '../../src/mail/envelope.ts';
import { bounced, failuresOf } from './bounces.ts';
import { Confirmations } from './confirmations.ts';
import { Desk } from './desk.ts';
import { Digests } from './digest.ts';
import { importedAddresses } from './import.ts';
import { type List, makeList, type Place, Places } from './list.ts';
import { isOn, Members } from './members.ts';
import { type Message, split } from './message.ts';
import { prepare } from './post.ts';
import { refusalOf } from './refusal.ts';
import { keyOf, Sending, sentKey } from './sending.ts';
import { SETTINGS } from './settings.ts';
import { Signatures } from './signatures.ts';
import { unsubscribePage } from './unsubscribe-page.ts';

/** Octets that are read of a command or of a report. */
const LONGEST_REQUEST = 256 * 1024;
/** After everybody who judges or changes mail. */
const LAST = 1_000;

export default definePlugin({
  name: 'mailing-list',
  config: SETTINGS,
  register(server) {
    const { config, state } = server;
    const clock = (): number => server.clock();
    const lists = Object.entries(config.lists).map(([address, settings]) => makeList(address, settings));
    const faulty = lists.find(({ address }) => !/^[^\s<>@+]{1,40}@[^\s<>@]{1,255}$/.test(address));
    if (faulty !== undefined)
      throw new Error(
        `lists: ${JSON.stringify(faulty.address)} is no address of a list; expected such as friends@example.org`,
      );
    const ownerless = lists.find(({ ownerKeys }) => ownerKeys.size === 0);
    if (ownerless !== undefined) throw new Error(`lists: ${ownerless.address} has no owners; name one at least`);
    const places = new Places(lists);
    for (const { address, ownerKeys } of lists)
      for (const owner of ownerKeys)
        if (places.find(owner) !== undefined)
          throw new Error(`lists: ${owner}, an owner of ${address}, is an address of a list; name people`);
    const members = new Members(state);
    const signatures = new Signatures(state);
    const sending = new Sending(server, signatures, { url: config.url, personalUpTo: config.personal_up_to });
    const digests = new Digests(server, members, sending);
    const counted = server.metrics.counter('events_total', 'What lists did, by kind.', ['event']);
    const tell = (event: string, { address: list }: List, address: Address): void => {
      counted.count(event);
      server.log.info({ list, address, event }, `${list}: ${event}${address === '' ? '' : `: ${address}`}`);
    };
    const desk = new Desk({
      ...{ places, members, clock, tell },
      confirmations: new Confirmations(state, { expires: config.confirm_within, perDay: config.answers_per_day }),
      send: (mail) => server.send(mail),
    });
    /** What was read of a message, until it is made durable. */
    const received = new WeakMap<Transaction, Message>();
    const placesOf = (recipients: readonly Recipient[]): readonly Place[] => {
      const found = recipients.flatMap(({ address }) => places.find(address) ?? []);
      return [...new Map(found.map((place) => [`${place.list.address} ${place.role} ${place.token}`, place])).values()];
    };

    server.on('recipient_exists', ({ address }) => (places.find(address) === undefined ? NEXT : OK));

    server.on('rcpt', ({ connection, recipient }) =>
      connection.transaction?.reversePath === '' && places.find(recipient.address)?.role === 'post'
        ? deny(reply(550, '5.7.1', 'Notifications are not posted to a list'))
        : NEXT,
    );

    server.on(
      'data_post',
      async ({ transaction, content }) => {
        const asked = placesOf(transaction.recipients);
        if (asked.length === 0) return NEXT;
        const posts = asked.filter(({ role }) => role === 'post');
        for (const { list } of posts)
          if (transaction.size > list.max_size)
            return deny(reply(552, '5.3.4', `${list.address} takes at most ${list.max_size} octets`));
        const octets = await read(content, posts.length > 0 ? Number.POSITIVE_INFINITY : LONGEST_REQUEST);
        const message = split(octets);
        for (const { list } of posts) {
          const refusal = await refusalOf(list, message, transaction.reversePath, members);
          if (refusal === null) continue;
          tell('refused', list, transaction.reversePath);
          return deny(refusal);
        }
        received.set(transaction, message);
        return NEXT;
      },
      { priority: LAST },
    );

    // Nobody refuses it any more, and the client has no answer yet: what is sent now is durable before that.
    server.on(
      'queue',
      async ({ connection, transaction }) => {
        const message = received.get(transaction);
        const { redirect, hold, filter } = transaction;
        if (message === undefined || redirect !== null) return NEXT;
        // It comes back from the filter, and is served then.
        if ((filter ?? (connection?.parameters ?? server.parameters).string('content_filter')) !== '') return NEXT;
        if (hold !== null) return deny(reply(550, '5.7.1', 'This message is to be held, and a list cannot hold mail'));
        for (const place of placesOf(transaction.recipients)) await serve(place, message, transaction.reversePath);
        return NEXT;
      },
      { priority: LAST },
    );

    async function serve({ list, role, token }: Place, message: Message, reversePath: Address): Promise<void> {
      if (role === 'post') await distribute(list, message);
      else if (role === 'bounces') await report(list, message, token);
      else if (role !== 'owner') await desk.serve({ list, role, token }, message, reversePath);
    }

    async function distribute(list: List, message: Message): Promise<void> {
      const key = keyOf(message);
      if (await sending.isDone(list, key)) return tell('repeated', list, '');
      const post = prepare(list, message);
      const readers = await members.readers(list, true);
      if (readers.length > 0) await digests.keep(list, post, key);
      await sending.send(list, post, await members.readers(list, false), key);
      tell('posted', list, '');
    }

    async function report(list: List, message: Message, token: string): Promise<void> {
      if (!(await signatures.isBounce(list, token, clock()))) return tell('unsigned report', list, '');
      for (const { recipients, isHard } of failuresOf(message))
        for (const address of recipients) if (await count(list, address, isHard)) break;
    }

    /** False: there is no such member. */
    async function count(list: List, address: Address, isHard: boolean): Promise<boolean> {
      let isNew = false;
      const before = await members.change(list, address, (member) => {
        isNew = false;
        if (!isOn(member)) return member;
        const after = bounced(member, isHard, { rules: config.bounces, now: clock() });
        isNew = member.suspended === undefined && after.suspended !== undefined;
        return after;
      });
      if (!isOn(before)) return false;
      tell('bounced', list, address);
      if (isNew) await desk.suspended(list, address);
      return true;
    }

    // Of other servers' refusals; the notification that our own queue makes of them is left out at `expand`.
    server.on('bounce', async ({ queueId, recipient, reply: { code } }) => {
      const address = await state.get<string>(sentKey(queueId));
      const list = address === undefined ? undefined : places.find(address)?.list;
      if (list !== undefined) await count(list, recipient, code >= 500);
      return NEXT;
    });

    server.on('expand', ({ recipient, into, steps }) => {
      const place = steps.aliases ? places.find(recipient.address) : undefined;
      if (place === undefined) return NEXT;
      if (place.role === 'owner') {
        for (const address of place.list.ownerKeys) into.push({ ...recipient, address });
        return OK;
      }
      // Only what was addressed to the list itself has been posted.
      const isDirect = !recipient.original.includes('@') || places.find(recipient.original) !== undefined;
      return isDirect
        ? OK
        : deny(reply(550, '5.7.1', `${place.list.address} cannot be reached by an alias or by forwarding`));
    });

    server.jobs.every(
      '1 d',
      'digests',
      async ({ signal }) => {
        for (const list of lists) await digests.send(list, signal);
      },
      { once: 'per store' },
    );

    server.jobs.every(60, 'members of files', async () => {
      for (const list of lists) await importMembers(list);
    });

    // Nothing is known of accounts before the store is open.
    server.jobs.at(clock() + 1_000, 'names of lists', async () => {
      for (const address of places.addresses()) {
        if ((await server.domains.classify(domainOf(address))) === 'default')
          server.log.warn({ address }, `${address} is of no domain of this server: no mail for it will come`);
        else if (await isTaken(address))
          server.log.warn(
            { address },
            `${address} is an account or an alias too, and the list gets its mail; rename one`,
          );
      }
    });

    async function isTaken(address: Address): Promise<boolean> {
      if ((await server.directory.find(address)) !== null) return true;
      return (await server.directory.aliases()).has(address);
    }

    async function importMembers(list: List): Promise<void> {
      if (list.members === undefined) return;
      const { addresses, faults, hash } = importedAddresses(await readFile(server.resolvePath(list.members), 'utf8'));
      if ((await state.get<string>(`imported:${list.address}`)) === hash) return;
      for (const line of faults)
        server.log.warn({ list: list.address }, `${list.members}:${line}: is no address; expected one in each line`);
      const fresh = addresses.filter((address) => places.find(address) === undefined);
      const added = await members.add(list, fresh);
      await state.set(`imported:${list.address}`, hash);
      server.log.info({ list: list.address, added }, `${list.address}: ${added} members of ${list.members} were added`);
    }

    const page = unsubscribePage({
      find: (address) => lists.find((list) => list.address === address),
      isRight: (list, member, token) => signatures.isUnsubscribe(list, member, token),
      unsubscribe: (list, member) => desk.unsubscribe(list, member),
    });
    server.route('GET', '/unsubscribe', page);
    server.route('POST', '/unsubscribe', page);
  },
});

async function read(content: AsyncIterable<Buffer>, most: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of content) {
    pieces.push(piece);
    size += piece.length;
    if (size >= most) break;
  }
  return Buffer.concat(pieces);
}
