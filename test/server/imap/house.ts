/** A real store in a temp folder, and a real IMAP server on a socket. */
import { type AddressInfo, connect, createServer } from 'node:net';
import type { HookArguments, Verdict } from '../../../src/bus/hook.ts';
import type { Account } from '../../../src/mail/account.ts';
import { SocketLineConnection } from '../../../src/net/line-connection.ts';
import type { TlsIdentity } from '../../../src/net/tls.ts';
import { MessageIndexer } from '../../../src/protocol/mime/indexer.ts';
import type { ImapServerOptions } from '../../../src/server/imap/options.ts';
import { createImapServer, type ImapServer } from '../../../src/server/imap/server.ts';
import { watchAccount } from '../../../src/server/login/account-watch.ts';
import { openSqliteStore } from '../../../src/store/backend/sqlite/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { hooksOf } from '../../kit/hooks.ts';
import { ImapClient } from '../../kit/imap-client.ts';
import { recordLog, type Said } from '../../kit/log.ts';

export interface House {
  readonly store: Store;
  readonly server: ImapServer;
  readonly log: { readonly lines: string[] };
  readonly port: number;
  readonly account: Account;
  connect(): Promise<ImapClient>;
  /** Connected, greeted, logged in. */
  login(user?: string): Promise<ImapClient>;
  deliver(
    message: string,
    options?: {
      readonly mailbox?: string;
      readonly prefix?: string;
      readonly flags?: readonly string[];
      readonly at?: number;
    },
  ): Promise<number>;
  close(): Promise<void>;
}

export interface HouseOptions extends Partial<Omit<ImapServerOptions, 'log'>> {
  readonly identity?: TlsIdentity;
  readonly onLogin?: (argument: HookArguments['imap_login']) => Verdict;
}

export const MESSAGE =
  'From: Zhang San <zhangsan@qq.com>\r\nTo: maomao@baidu.com\r\nSubject: Hello\r\nDate: Tue, 1 Jul 2025 10:00:00 +0800\r\nMessage-Id: <one@qq.com>\r\n\r\nHello cat\r\n';

const words = ({ level, fields, message }: Said): string | null => {
  if (level === 'debug') return null;
  return level === 'error' ? `${message} ${String(fields.err ?? '')}` : message;
};

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const directory = temporaryFolder('imap');
  const { log, lines } = recordLog(words);
  const store = options.store === undefined ? await openSqliteStore({ directory, log }) : (options.store as Store);
  const account = await store.directory.create({ address: 'maomao@baidu.com', passwordHash: '{PLAIN}maomao' });
  let next = 0;
  const newQueueId = (): string => {
    next += 1;
    return `Q${next}`;
  };
  const server = createImapServer({
    store,
    authenticator: {
      verify: async ({ login, password }) => {
        const found = await store.directory.find(login.includes('@') ? login : `${login}@baidu.com`);
        return found !== null && found.passwordHash === `{PLAIN}${password.toString('latin1')}`
          ? { ok: true, account: found }
          : { ok: false, reason: 'credentials' };
      },
      watch: (found, onEnd) => watchAccount(store.directory, found, onEnd),
    },
    hooks: hooksOf(options.onLogin === undefined ? {} : { imap_login: options.onLogin }),
    clock: Date.now,
    greetingName: 'Posthorn',
    plaintextAuth: () => true,
    startTls: options.identity !== undefined,
    newQueueId,
    ...options,
    limits: { sessionsPerUser: 0, ...options.limits },
    log,
  });
  const sockets = createServer((socket) => {
    socket.setNoDelay(true);
    void server.serve(new SocketLineConnection(socket, { identity: options.identity }));
  });
  await new Promise<void>((resolve) => sockets.listen(0, '127.0.0.1', resolve));
  const { port } = sockets.address() as AddressInfo;
  const clients: ImapClient[] = [];

  const house: House = {
    store,
    server,
    log: { lines },
    port,
    account,
    async connect() {
      const socket = connect(port, '127.0.0.1');
      const client = new ImapClient(socket);
      clients.push(client);
      await new Promise((resolve) => socket.once('connect', resolve));
      return client;
    },
    async login(user = 'maomao') {
      const client = await house.connect();
      await client.line();
      await client.ok(`LOGIN ${user} ${user}`);
      return client;
    },
    async deliver(message, { mailbox = 'INBOX', prefix = '', flags = [], at = 1_700_000_000_000 } = {}) {
      const bytes = Buffer.from(message, 'latin1');
      const indexer = new MessageIndexer();
      indexer.write(bytes);
      const accepted = await store.accept({
        queueId: newQueueId(),
        arrivedAt: at,
        envelope: { reversePath: '', ret: '', envid: '', smtputf8: false, body: '8BITMIME' },
        content: { kind: 'inline', bytes },
        index: indexer.end(),
        deliveries: [{ account: account.id, mailbox: { name: mailbox }, prefix, flags, internalDate: at }],
        queued: [],
      });
      return accepted.appended[0]?.uid ?? 0;
    },
    async close() {
      for (const client of clients) client.destroy();
      await server.close();
      await new Promise((resolve) => sockets.close(resolve));
      await store.close();
      removeFolder(directory);
    },
  };
  return house;
}
