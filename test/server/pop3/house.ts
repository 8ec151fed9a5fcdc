/** A real store in a temporary folder, and a real POP3 server on a socket. */
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { HookArguments, Verdict } from '../../../src/bus/hook.ts';
import type { Account } from '../../../src/mail/account.ts';
import { SocketLineConnection } from '../../../src/net/line-connection.ts';
import { type Listener, listen } from '../../../src/net/listener.ts';
import type { TlsIdentity } from '../../../src/net/tls.ts';
import type { Pop3ServerOptions } from '../../../src/server/pop3/options.ts';
import { createPop3Server, type Pop3Server } from '../../../src/server/pop3/server.ts';
import type { Store } from '../../../src/store/store.ts';
import { hooksOf } from '../../kit/hooks.ts';
import { recordLog, type Said } from '../../kit/log.ts';
import { Pop3Client } from '../../kit/pop3-client.ts';
import { acceptanceOf, openTemporaryStore, plainAuthenticator } from '../../kit/store.ts';

export interface HouseOptions {
  readonly identity?: TlsIdentity;
  /** Implicit TLS with this identity. */
  readonly pop3s?: boolean;
  readonly server?: Partial<Pop3ServerOptions>;
  readonly hook?: (argument: HookArguments['pop3_login']) => Verdict;
}

const words = ({ level, process, fields, message }: Said): string | null => {
  if (level === 'debug') return null;
  return `${process}: ${message}${level === 'info' ? '' : ` ${String(fields.err ?? '')}`}`;
};

export class House {
  readonly store: Store;
  readonly server: Pop3Server;
  readonly account: Account;
  readonly log: { readonly lines: string[] };
  readonly #listener: Listener;
  readonly #closeStore: () => Promise<void>;
  readonly #clients: Pop3Client[] = [];
  #serial = 0;

  private constructor(parts: {
    store: Store;
    server: Pop3Server;
    account: Account;
    lines: string[];
    listener: Listener;
    closeStore: () => Promise<void>;
  }) {
    this.store = parts.store;
    this.server = parts.server;
    this.account = parts.account;
    this.log = { lines: parts.lines };
    this.#listener = parts.listener;
    this.#closeStore = parts.closeStore;
  }

  static async open(options: HouseOptions = {}): Promise<House> {
    const { log, lines } = recordLog(words);
    const { store, close: closeStore } = await openTemporaryStore(log);
    const account = await store.directory.create({ address: 'maomao@baidu.com', passwordHash: '{PLAIN}maomao' });
    const plain = plainAuthenticator(store);
    const server = createPop3Server({
      store,
      authenticator: {
        ...plain,
        verify: async (credentials) =>
          credentials.login === 'busy' ? { ok: false, reason: 'unavailable' } : plain.verify(credentials),
      },
      hooks: hooksOf(options.hook === undefined ? {} : { pop3_login: options.hook }),
      log,
      clock: Date.now,
      greetingName: 'Posthorn',
      plaintextAuth: () => true,
      startTls: options.identity !== undefined,
      ...options.server,
      limits: { ...options.server?.limits },
    });
    const listener = await listen({
      name: 'pop3',
      address: '127.0.0.1',
      port: 0,
      tls:
        options.pop3s === true && options.identity !== undefined
          ? { mode: 'implicit', identity: options.identity, alpn: ['pop3'] }
          : { mode: 'none' },
      maxConnections: 100,
      maxPerIp: 0,
      onConnection: (socket) =>
        void server.serve(new SocketLineConnection(socket, { identity: options.identity, id: 'id' })),
    });
    return new House({ store, server, account, lines, listener, closeStore });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** A connection whose greeting has been read. */
  async dial(tls = false): Promise<Pop3Client> {
    const at = { host: '127.0.0.1', port: this.port };
    const socket = tls ? connectTls({ ...at, rejectUnauthorized: false, ALPNProtocols: ['pop3'] }) : connect(at);
    const client = new Pop3Client(socket);
    this.#clients.push(client);
    await client.line();
    return client;
  }

  async login(): Promise<Pop3Client> {
    const client = await this.dial();
    await client.ask('USER maomao');
    await client.ask('PASS maomao');
    return client;
  }

  /** Puts a message into INBOX; returns what a client should see. */
  async deliver(text: string, prefix = ''): Promise<string> {
    const octets = text.replaceAll(/\r?\n/g, '\r\n');
    const bytes = Buffer.from(octets, 'latin1');
    this.#serial += 1;
    const spool = this.store.content.spool();
    await spool.write(bytes);
    await this.store.accept({
      ...acceptanceOf(`Q${this.#serial}`, bytes, { account: this.account.id, prefix }),
      content: await spool.finish(),
    });
    return prefix + octets;
  }

  /** UIDs and flags of the messages in INBOX. */
  async inbox(): Promise<{ readonly uid: number; readonly flags: readonly string[] }[]> {
    const inbox = await this.store.mailboxes.find(this.account.id, 'INBOX');
    const found = [];
    for await (const rows of this.store.mailboxes.rows(inbox?.id ?? 0, [[1, 0xffff_ffff]], {}))
      found.push(...rows.map(({ uid, flags }) => ({ uid, flags })));
    return found;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.server.close();
    await this.#listener.close();
    await this.#closeStore();
  }
}
