/** Signs mail of our users by DKIM (README.md). */
import { extname } from 'node:path';
import { type Connection, definePlugin, type HookArguments, NEXT, OK, type Server } from '../../src/bus/plugin.ts';
import { keyFolder } from '../../src/lookup/dkim/key-folder.ts';
import { trustedClients } from '../../src/lookup/trusted-clients.ts';
import { openContent } from '../pool/octets.ts';
import { Pool } from '../pool/pool.ts';
import { hostsIn, ownKeys, senderOf, tableKeys } from './choice.ts';
import { PublishedKeys } from './published.ts';
import { checkDomains, SETTINGS } from './settings.ts';
import type { Signed, SigningWork } from './work.ts';

/** Below it are keys. */
const NAME = /(?:^|\.)_domainkey\./i;
const DEADLINE_MS = 20_000;

type Message = HookArguments['sign'];

export default definePlugin({
  name: 'dkim-sign',
  config: SETTINGS,
  async register(server) {
    const { algorithms, also_domains: also, also_clients: clients, opendkim, threads } = server.config;
    if (algorithms.length === 0) throw new Error('algorithms: is empty, expected "rsa", "ed25519" or both');
    checkDomains(also);
    const folder = keyFolder(server.parameters.string('data_directory'));
    const published = new PublishedKeys(folder, () => server.clock());
    const own = { folder, types: algorithms, also: new Set(also.map((name) => name.toLowerCase())) };
    const choose =
      opendkim === undefined
        ? ownKeys(server, { ...own, onMade: () => published.forget() })
        : await tableKeys(server, opendkim);
    const hosts = opendkim?.internal_hosts;
    const isTrusted = trustedClients(server, [
      ...clients,
      ...(hosts === undefined ? [] : hostsIn(server.resolvePath(hosts))),
    ]);
    const comesBack = filterCheck(server);
    /** Whom a connection was when it began: a message of a stranger need not be kept to be read again. */
    const strangers = new WeakSet<Connection>();
    const counted = server.metrics.counter('messages_total', 'Messages that left the server.', ['result']);
    const pool = new Pool<SigningWork, Signed>({
      entry: new URL(`./thread${extname(import.meta.url)}`, import.meta.url),
      name: 'dkim-sign',
      threads,
      deadlineMs: DEADLINE_MS,
      onEnd: (why) => server.log.warn({}, `a signing thread ended: ${why}`),
    });
    server.onClose(() => pool.close());

    async function isOurs({ connection, origin }: Message): Promise<boolean> {
      if (origin === 'again') return false;
      if (connection === null) return true;
      return connection.user !== null || (!comesBack(connection) && (await isTrusted(connection)));
    }

    async function sign({ transaction, content }: Message): Promise<'signed' | 'not ours' | 'not signable'> {
      const from = senderOf(transaction.header);
      const keys = from === null ? [] : await choose(from);
      if (keys.length === 0) return 'not ours';
      const message = await openContent(content);
      const time = Math.floor(server.clock() / 1000);
      const signed = await pool
        .run({ ...message.beginning, keys, time }, () => message.next())
        .finally(() => message.close());
      if ('fields' in signed) {
        transaction.prepend.push(...signed.fields);
        return 'signed';
      }
      const { queueId } = transaction;
      server.log.warn({ queueId }, `${queueId}: not signed: ${signed.unsignable}`);
      return 'not signable';
    }

    server.on('connect', async ({ connection }) => {
      if (await isTrusted(connection)) strangers.delete(connection);
      else strangers.add(connection);
      return NEXT;
    });
    server.on(
      'sign',
      async (message) => {
        const result = (await isOurs(message)) ? await sign(message) : 'not ours';
        counted.count(result);
        return NEXT;
      },
      { when: (connection) => connection === null || connection.user !== null || !strangers.has(connection) },
    );
    server.on('dns_query', async ({ question, type, zone, answer }) => {
      if (zone === null || zone.hasName || zone.isSigned || !NAME.test(question.name)) return NEXT;
      const found = await published.find(question.name, type);
      if (found === null) return NEXT;
      answer.records.push(...found);
      return OK;
    });
  },
});

/**
 * Whether a service gets mail back from a filter: a stranger's too, and all of it from this machine. What is ours was
 * signed before.
 */
function filterCheck(server: Server<unknown>): (connection: Connection) => boolean {
  const filters = server.parameters.string('content_filter') !== '';
  return ({ parameters }) =>
    (filters && parameters.string('content_filter') === '') ||
    parameters.list('receive_override_options').some((word) => word.toLowerCase() === 'no_milters');
}
