/**
 * A setup for tests of plugins: real parameters, tables, address classes and loader with settings from text; a small
 * directory and resolver; a connection whose fields can be set.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bus } from '../../src/bus/bus.ts';
import type { Connection, ReceivedTransaction, Verdict } from '../../src/bus/hook.ts';
import { loadPlugins } from '../../src/bus/load.ts';
import type { LoadOptions } from '../../src/bus/load-options.ts';
import { makeNotes } from '../../src/bus/notes.ts';
import type { Server } from '../../src/bus/plugin.ts';
import { unchangeable } from '../../src/bus/unchangeable.ts';
import { PathResolver } from '../../src/config/paths.ts';
import type { MainParameters } from '../../src/config/postfix/parameters-reader.ts';
import { makeTransaction } from '../../src/delivery/receive/transaction.ts';
import { createDomains } from '../../src/delivery/route/domains.ts';
import type { Tables } from '../../src/lookup/table.ts';
import { SharedTables } from '../../src/lookup/tables.ts';
import type { Forwarding } from '../../src/mail/forwarding.ts';
import { formatReply } from '../../src/mail/status.ts';
import { filteredResolver } from '../../src/protocol/dns/reply-filter.ts';
import { parseHeader } from '../../src/protocol/mime/header.ts';
import type { PluginStates } from '../../src/store/plugin-states.ts';
import { accountOf, directoryOf } from '../kit/directory.ts';
import { temporaryFolder } from '../kit/folder.ts';
import { recordLog } from '../kit/log.ts';
import { parametersOf } from '../kit/parameters.ts';
import { type DnsRecords, type FakeResolver, resolverOf } from '../kit/resolver.ts';
import { memoryStates } from '../kit/states.ts';
import { TLS_INFO } from '../kit/tls-info.ts';

export const PLUGINS = fileURLToPath(new URL('../../plugins', import.meta.url));

export interface HouseOptions {
  readonly plugins: readonly string[];
  /** main.cf; `TABLES` is replaced by the folder of `files`. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly connectLocal?: Server['connectLocal'];
  readonly states?: PluginStates;
  readonly verifications?: Server['verifications'];
  /** Names and texts of lookup tables and other files in that folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly accounts?: readonly string[];
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
  /** By address of an account. */
  readonly forwarding?: Readonly<Record<string, Forwarding>>;
  readonly dns?: DnsRecords;
  readonly directories?: readonly string[];
  /** Of those directories, the one whose plugins run in the main thread; the first one, if it is not given. */
  readonly ours?: string;
  readonly clock?: () => number;
  readonly versions?: LoadOptions['versions'];
}

/** No users from the tables of the machine; a few addresses are trusted. */
const SETTINGS: Readonly<Record<string, string>> = {
  mynetworks: '127.0.1.0/29',
  alias_database: '',
  local_recipient_maps: 'unix:passwd.byname',
};

export interface TestHouse {
  readonly bus: Bus;
  readonly parameters: MainParameters;
  readonly tables: Tables;
  readonly lines: string[];
  readonly folder: string;
  readonly resolver: FakeResolver;
}

export async function openHouse(options: HouseOptions): Promise<TestHouse> {
  const folder = temporaryFolder('house');
  for (const [name, text] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text.replaceAll('TABLES', folder));
  }
  const inFolder = Object.entries(options.parameters ?? {}).map(([name, value]) => [
    name,
    value.replaceAll('TABLES', folder),
  ]);
  const parameters = parametersOf({ ...SETTINGS, ...Object.fromEntries(inFolder) });
  const { log, lines } = recordLog();
  const clock = options.clock ?? Date.now;
  const aliasTables = parameters.list('alias_maps');
  const paths = new PathResolver(folder);
  const resolvePath = (path: string): string => paths.resolve(path);
  const tables = new SharedTables({ log, clock, aliasTables, resolvePath });
  const directory = directoryOf(
    options.accounts ?? ['xixi', 'maomao', 'haha', 'redhat'],
    options.aliases,
    options.forwarding,
  );
  const domains = createDomains({ parameters, tables, directory, addresses: ['127.0.1.134'] });
  const resolver = resolverOf(options.dns);
  const house: LoadOptions['server'] = {
    parameters,
    tables,
    domains,
    resolver: filteredResolver(
      resolver,
      parameters.list('smtpd_dns_reply_filter').map((name) => tables.open(name)),
    ),
    verifications: options.verifications ?? { verify: async () => null },
    directory,
    messages: {
      async *read() {
        yield Buffer.from('Subject: x\r\n\r\n');
      },
    },
    resolvePath,
    connectLocal: options.connectLocal ?? ((path) => connectSocket({ path })),
  };
  const bus = await loadPlugins({
    names: options.plugins,
    directories: options.directories ?? [PLUGINS],
    ours: options.ours ?? options.directories?.[0] ?? PLUGINS,
    configDirectory: folder,
    server: house,
    send: async () => 'SENT',
    http: async () => Promise.reject(new Error('no network')),
    states: options.states ?? memoryStates(),
    log,
    clock,
    ...(options.versions === undefined ? {} : { versions: options.versions }),
  });
  return { bus, parameters, tables, lines, folder, resolver };
}

export interface Shape {
  readonly ip?: string;
  readonly name?: string;
  readonly reverseName?: string;
  readonly nameStatus?: 'ok' | 'notfound' | 'tempfail';
  readonly helo?: string | null;
  readonly sender?: string | null;
  readonly login?: string;
  readonly account?: string;
  readonly tls?: boolean;
  readonly pipelined?: boolean;
  readonly recipients?: readonly string[];
}

export const recipient = (address: string) => ({ address, original: address, notify: [], orcpt: '' });

export const transactionOf = (sender: string, recipients: readonly string[] = []): ReceivedTransaction =>
  Object.assign(
    makeTransaction('4TEST', {
      reversePath: sender,
      recipients: recipients.map(recipient),
      ret: '',
      envid: '',
      smtputf8: false,
      body: '7BIT',
    }),
    { header: parseHeader(Buffer.alloc(0)) },
  );

/** No test here changes a message. */
export const UNCHANGEABLE = unchangeable('not in this test');

/** A stranger from 127.0.1.77, unless overridden. */
export function connect(house: Pick<TestHouse, 'parameters'>, shape: Shape = {}): Connection {
  const { name = 'unknown', sender = 'a@qq.com', helo = 'client.example' } = shape;
  return {
    id: 'c1',
    service: 'smtp',
    parameters: house.parameters,
    remote: {
      ip: shape.ip ?? '127.0.1.77',
      port: 40000,
      name,
      reverseName: shape.reverseName ?? name,
      nameStatus: shape.nameStatus ?? (name === 'unknown' ? 'notfound' : 'ok'),
    },
    local: { ip: '127.0.1.134', port: 25 },
    protocol: 'SMTP',
    helo,
    tls: shape.tls === true ? TLS_INFO : null,
    user:
      shape.login === undefined
        ? null
        : { login: shape.login, mechanism: 'PLAIN', account: accountOf(shape.account ?? `${shape.login}@baidu.com`) },
    pipelined: shape.pipelined ?? false,
    hasInput: false,
    transaction: sender === null ? null : transactionOf(sender, shape.recipients),
    notes: makeNotes(),
  };
}

/** `NEXT`, `OK`, or the reply as sent. */
export const words = (verdict: Verdict): string =>
  'reply' in verdict && verdict.reply !== undefined ? formatReply(verdict.reply) : verdict.code;

/** The reply to a client at RCPT TO. */
export const rcpt = async (house: TestHouse, to: string, shape: Shape = {}): Promise<string> =>
  words(await house.bus.run('rcpt', { connection: connect(house, shape), recipient: recipient(to) }));
