/**
 * A setup for tests: a real store in a temporary folder, real parameters, an injected clock, a resolver with fixed
 * records.
 */
import { readFileSync } from 'node:fs';
import type { Connection } from '../../src/bus/hook.ts';
import { expandTemplates, readTemplates } from '../../src/config/postfix/bounce-templates.ts';
import { createDelivery, type Delivery } from '../../src/delivery/delivery.ts';
import { makeTransaction } from '../../src/delivery/receive/transaction.ts';
import { createDomains } from '../../src/delivery/route/domains.ts';
import type { LookupTable, Tables } from '../../src/lookup/table.ts';
import { createTransports, type Transports } from '../../src/lookup/transports.ts';
import type { Envelope, Recipient } from '../../src/mail/envelope.ts';
import { createQueueIds } from '../../src/mail/queue-id.ts';
import type { Reply } from '../../src/mail/status.ts';
import type { TlsIdentity } from '../../src/net/tls.ts';
import type { SecureResolver } from '../../src/protocol/dns/resolver.ts';
import type { QueueItem } from '../../src/store/queue.ts';
import type { Store } from '../../src/store/store.ts';
import { type Handlers, hooksOf } from '../kit/hooks.ts';
import { recordLog } from '../kit/log.ts';
import { parametersOf } from '../kit/parameters.ts';
import { type DnsRecords, resolverOf } from '../kit/resolver.ts';
import { secureResolverOf } from '../kit/secure-resolver.ts';
import { openTemporaryStore } from '../kit/store.ts';

/** Tables by name; `get` may be asynchronous or throw. */
export function tablesOf(
  tables: Readonly<Record<string, Readonly<Record<string, string>> | LookupTable['get']>> = {},
): Tables {
  return {
    open(name) {
      const table = tables[name];
      if (table === undefined) throw new Error(`no table ${name}`);
      return { name, wholeKeyOnly: false, get: typeof table === 'function' ? table : (key) => table[key] };
    },
  };
}

export interface HouseOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly tables?: Tables;
  readonly transports?: Transports;
  readonly handlers?: Handlers;
  readonly dns?: DnsRecords;
  /** By default nothing is validated. */
  readonly secureResolver?: SecureResolver;
  readonly accounts?: readonly string[];
  readonly smtpPort?: number;
  readonly addresses?: readonly string[];
  readonly trusted?: boolean;
  readonly authorities?: readonly string[];
  readonly clientIdentity?: TlsIdentity;
  /** Timers of the runner; by default only a deadline of 0 fires. */
  readonly after?: (ms: number, callback: () => void) => () => void;
}

export interface TestHouse extends Delivery {
  readonly store: Store;
  readonly lines: string[];
  /** Set `now` to move time. */
  readonly time: { now: number };
  /** Sends a message and returns the reply. */
  submit(
    envelope: Partial<Envelope> & { readonly to?: readonly (string | Partial<Recipient>)[] },
    text: string | readonly (string | Buffer)[],
    options?: SubmitOptions,
  ): Promise<Reply>;
  /** Messages in the INBOX of an account, prefix and content. */
  inbox(address: string, mailbox?: string): Promise<string[]>;
  queue(): Promise<QueueItem[]>;
  stop(): Promise<void>;
}

export interface SubmitOptions {
  readonly connection?: Connection | null;
  readonly verp?: string;
  prepare?(transaction: ReturnType<typeof makeTransaction>): void;
}

export async function openHouse(options: HouseOptions = {}): Promise<TestHouse> {
  const { log, lines } = recordLog(({ process, message }) => `${process || 'posthorn'}: ${message}`);
  const time = { now: Date.UTC(2026, 10, 20, 22, 33, 1) };
  const clock = (): number => time.now;
  const { store, folder, close } = await openTemporaryStore(log, clock);
  for (const address of options.accounts ?? ['maomao@baidu.com', 'xixi@baidu.com', 'haha@baidu.com'])
    await store.directory.create({ address, passwordHash: '' });
  const parameters = parametersOf({ notify_classes: 'resource, software, 2bounce', ...options.settings });
  const tables = options.tables ?? tablesOf();
  const addresses = options.addresses ?? [];
  const domains = createDomains({ parameters, tables, directory: store.directory, addresses });
  const newQueueId = createQueueIds(clock, 7);
  const clientTls = {
    trust: { authorities: options.authorities ?? [], anchors: [] },
    identity: options.clientIdentity ?? null,
    readAnchors: (path: string) => [readFileSync(path, 'utf8')],
  };
  const delivery = createDelivery({
    store,
    hooks: hooksOf(options.handlers),
    parameters,
    tables,
    transports: options.transports ?? createTransports({ parameters }),
    domains,
    bounceTemplates: expandTemplates(readTemplates('', '').templates, '', parameters).templates,
    resolver: resolverOf(options.dns),
    secureResolver: options.secureResolver ?? secureResolverOf({}, false),
    search: { domains: [], ndots: 1 },
    log,
    clock,
    random: () => 0.5,
    newQueueId,
    addresses,
    smtpPort: options.smtpPort ?? 25,
    tls: { smtp: clientTls, lmtp: clientTls },
    temporaryFolder: folder,
    isTrusted: () => options.trusted ?? false,
    // Tests move the time by hand: only a deadline of 0 fires.
    after:
      options.after ??
      ((ms, callback) => {
        if (ms === 0) setImmediate(callback);
        return () => {};
      }),
  });
  const house: TestHouse = {
    ...delivery,
    store,
    lines,
    time,
    async submit(given, text, how = {}) {
      const { to = ['maomao@baidu.com'], ...rest } = given;
      const recipients = to.map((one): Recipient => {
        const recipient = typeof one === 'string' ? { address: one } : one;
        const address = recipient.address ?? '';
        return {
          address,
          original: recipient.original ?? address,
          notify: recipient.notify ?? [],
          orcpt: recipient.orcpt ?? '',
        };
      });
      const envelope: Envelope = {
        reversePath: 'zhangsan@qq.com',
        ret: '',
        envid: '',
        smtputf8: false,
        body: '7BIT',
        ...rest,
        recipients,
      };
      const transaction = makeTransaction(newQueueId(), envelope);
      how.prepare?.(transaction);
      const intake = delivery.receiver.begin({
        connection: how.connection ?? null,
        transaction,
        envelope,
        verp: how.verp ?? '',
      });
      for (const piece of typeof text === 'string' ? [text] : text) await intake.write(Buffer.from(piece));
      return intake.end();
    },
    async inbox(address, name = 'INBOX') {
      const account = await store.directory.find(address);
      if (account === null) throw new Error(`no account ${address}`);
      const mailbox = await store.mailboxes.find(account.id, name);
      if (mailbox === null) return [];
      const texts: string[] = [];
      for await (const rows of store.mailboxes.rows(mailbox.id, [[1, 0xffffffff]], {})) {
        for (const row of rows) {
          const pieces: Buffer[] = [];
          for await (const piece of store.content.stream(row.content)) pieces.push(piece);
          texts.push(row.prefix + Buffer.concat(pieces).toString('latin1'));
        }
      }
      return texts;
    },
    async queue() {
      const items: QueueItem[] = [];
      for await (const batch of store.queue.list()) items.push(...batch);
      return items;
    },
    async stop() {
      await delivery.close(0);
      await close();
    },
  };
  return house;
}

/** The connection of an SMTP client as the receiver sees it. */
export function connectionOf(change: Partial<Connection> = {}): Connection {
  return {
    id: 'c1',
    service: 'smtp',
    parameters: parametersOf({ smtpd_tls_received_header: 'yes', smtpd_sasl_authenticated_header: 'yes' }),
    remote: { ip: '127.0.1.77', port: 40000, name: 'client.example', reverseName: 'client.example', nameStatus: 'ok' },
    local: { ip: '127.0.1.134', port: 25 },
    protocol: 'ESMTP',
    helo: 'helo.example',
    tls: null,
    user: null,
    pipelined: false,
    hasInput: false,
    transaction: null,
    notes: new Map(),
    ...change,
  };
}
