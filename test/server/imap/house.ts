/** A real store in a temporary folder, and a real IMAP server on a socket. */
import { connect } from 'node:net';
import { forwardingReader } from '../../../src/admin/forwarding.ts';
import type { HookArguments, Verdict } from '../../../src/bus/hook.ts';
import type { Account } from '../../../src/mail/account.ts';
import { SocketLineConnection } from '../../../src/net/line-connection.ts';
import type { TlsIdentity } from '../../../src/net/tls.ts';
import type { ImapServerOptions } from '../../../src/server/imap/options.ts';
import { createImapServer, type ImapServer } from '../../../src/server/imap/server.ts';
import type { Store } from '../../../src/store/store.ts';
import { hooksOf } from '../../kit/hooks.ts';
import { ImapClient } from '../../kit/imap-client.ts';
import { recordLog, type Said } from '../../kit/log.ts';
import { openLoopback } from '../../kit/loopback.ts';
import { acceptanceOf, openTemporaryStore, plainAuthenticator } from '../../kit/store.ts';

export interface House {
  readonly store: Store;
  readonly server: ImapServer;
  readonly log: { readonly lines: string[] };
  readonly port: number;
  readonly account: Account;
  connect(): Promise<ImapClient>;
  /** A client that is connected, has read the greeting, and is logged in. */
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

export interface HouseOptions extends Partial<Omit<ImapServerOptions, 'log' | 'store'>> {
  readonly identity?: TlsIdentity;
  /** Called before the server gets it. */
  readonly alter?: (store: Store) => void;
  readonly onLogin?: (argument: HookArguments['imap_login']) => Verdict;
}

export const MESSAGE =
  'From: Zhang San <zhangsan@qq.com>\r\nTo: maomao@baidu.com\r\nSubject: Hello\r\nDate: Tue, 1 Jul 2025 10:00:00 +0800\r\nMessage-Id: <one@qq.com>\r\n\r\nHello cat\r\n';

const words = ({ level, fields, message }: Said): string | null => {
  if (level === 'debug') return null;
  return level === 'error' ? `${message} ${String(fields.err ?? '')}` : message;
};

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const { log, lines } = recordLog(words);
  const opened = await openTemporaryStore(log);
  const { store } = opened;
  options.alter?.(store);
  const account = await store.directory.create({ address: 'maomao@baidu.com', passwordHash: '{PLAIN}maomao' });
  let next = 0;
  const newQueueId = (): string => {
    next += 1;
    return `Q${next}`;
  };
  const server = createImapServer({
    store,
    authenticator: plainAuthenticator(store),
    hooks: hooksOf(options.onLogin === undefined ? {} : { imap_login: options.onLogin }),
    clock: Date.now,
    greetingName: 'Posthorn',
    plaintextAuth: () => true,
    startTls: options.identity !== undefined,
    newQueueId,
    annotations: {
      comment: 'Mail of "Baidu"',
      admin: null,
      readForwarding: forwardingReader({ defaultDomain: 'baidu.com' }),
    },
    ...options,
    limits: { sessionsPerUser: 0, ...options.limits },
    log,
  });
  const listener = await openLoopback(
    (socket) => void server.serve(new SocketLineConnection(socket, { identity: options.identity })),
  );
  const { port } = listener;
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
      const place = { account: account.id, mailbox, prefix, flags, at };
      const accepted = await store.accept(acceptanceOf(newQueueId(), Buffer.from(message, 'latin1'), place));
      return accepted.appended[0]?.uid ?? 0;
    },
    async close() {
      for (const client of clients) client.destroy();
      await server.close();
      await listener.close();
      await opened.close();
    },
  };
  return house;
}
