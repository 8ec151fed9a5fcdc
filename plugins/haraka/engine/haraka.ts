/** Haraka's own modules, as far as they are used here. Its types are ours: it has none. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

export type Next = (code?: number, text?: unknown) => void;

export interface HarakaPlugin {
  readonly name: string;
  /** Seconds; 0 is none. */
  readonly timeout: number;
  readonly [method: string]: unknown;
}

/** A plugin, its method's name, and what cancels the call. */
export type HookItem = [HarakaPlugin, string, (() => void)?];

/** What hooks run on: a connection, the server, an outgoing message. */
export interface HookObject {
  hooks_to_run: HookItem[];
  current_hook: HookItem | null;
  [respond: `${string}_respond`]: (code: number, text: unknown) => void;
}

interface Plugins {
  readonly registered_hooks: Readonly<Record<string, readonly { readonly plugin: string; readonly method: string }[]>>;
  readonly registered_plugins: Readonly<Record<string, HarakaPlugin | undefined>>;
  server: unknown;
  load_plugins(override?: readonly string[]): void;
  run_hooks(hook: string, object: HookObject, params?: unknown): void;
  run_next_hook(hook: string, object: HookObject, params?: unknown): void;
  shutdown_plugins(): void;
}

export interface HarakaAddress {
  readonly address: string;
}

export interface HarakaHeader {
  readonly header_list: readonly string[];
  add(name: string, value: string): void;
  add_end(name: string, value: string): void;
  remove(name: string): void;
  get_all(name: string): readonly string[];
}

export interface HarakaTransaction {
  readonly uuid: string;
  mail_from: HarakaAddress | null;
  rcpt_to: HarakaAddress[];
  readonly header: HarakaHeader;
  readonly rcpt_count: Record<'accept' | 'tempfail' | 'reject', number>;
  readonly results: HarakaResults;
  readonly banner: unknown;
  readonly body_filters: readonly unknown[];
  readonly mime_part_count: number;
  readonly found_hb_sep: boolean;
  readonly message_stream: {
    [Symbol.asyncIterator](options?: object): AsyncIterableIterator<Buffer>;
    on(event: 'error', listener: (error: Error) => void): void;
  };
  encoding: string;
  data_bytes: number;
  data_post_start: number | null;
  msg_status: string | undefined;
  add_data(line: Buffer | string): void;
  end_data(done: () => void): void;
  add_header(name: string, value: string): void;
  add_leading_header(name: string, value: string): void;
  remove_header(name: string): void;
}

export interface HarakaResults {
  add(plugin: { readonly name: string }, results: object): void;
  get_all(): Readonly<Record<string, unknown>>;
}

/** An instance of Haraka's Connection. */
export interface HarakaConnection extends HookObject {
  uuid: string;
  state: number;
  current_line: string | null;
  transaction: HarakaTransaction | null;
  capabilities: string[] | null;
  readonly notes: Record<string, unknown>;
  readonly results: HarakaResults;
  readonly hello: { readonly host: string | null; readonly verb: string | null };
  readonly remote: { readonly ip: string; readonly host: string | null; readonly info: string | null };
  relaying: boolean;
  early_talker: boolean;
  pipelining: boolean;
  esmtp: boolean;
  encoding: string;
  authheader?: string;
  last_reject: string;
  readonly rcpt_count: Record<'accept' | 'tempfail' | 'reject', number>;
  readonly msg_count: Record<'accept' | 'tempfail' | 'reject', number>;
  errors: number;
  totalbytes: number;
  set(path: string, value: unknown): void;
  setTLS(tls: object): void;
  respond(code: number, text: unknown, then?: () => void): void;
  disconnect(): void;
  reset_transaction(then?: () => void): void;
  init_transaction(then?: () => void): void;
  received_line(): string;
  auth_results(message?: string): string;
  auth_results_clean(): void;
}

/** `connection.ini`; a folder may have one without these sections. */
interface ConnectionConfig {
  readonly max?: { readonly mime_parts?: number };
  readonly headers?: { readonly clean_auth_results?: boolean; readonly add_received?: boolean };
  readonly main?: { readonly postel?: boolean };
}

/** A host of `get_mx`. */
export interface HarakaMx {
  readonly exchange?: string;
  readonly port?: number | string;
  readonly priority: number;
  readonly path?: string;
  readonly using_lmtp?: boolean;
  readonly auth_user?: string;
  readonly bind?: string;
}

export interface Haraka {
  readonly plugins: Plugins;
  readonly Connection: new (client: object, server: object) => HarakaConnection;
  readonly connectionConfig: ConnectionConfig;
  readonly constants: Readonly<Record<string, number>> & { translate(code: number): string };
  readonly Address: new (text: string, options?: object) => HarakaAddress;
  readonly Mx: new (given: object) => HarakaMx;
  readonly server: HookObject & { readonly notes: object };
  readonly logger: { log_respond: (code: number, text: unknown, item: { level: string; data: string }) => boolean };
  readonly outbound: Record<string, unknown>;
  readonly config: { get(name: string, ...more: unknown[]): unknown };
}

/** Throws what its modules throw. `process.env.HARAKA` must name the folder before. */
export function loadHaraka(folder: string): Haraka {
  const load = createRequire(join(folder, 'server.js'));
  const { Connection, cfg } = load('./connection') as { Connection: Haraka['Connection']; cfg: ConnectionConfig };
  const server = load('./server') as Haraka['server'];
  const plugins = load('./plugins') as Plugins;
  plugins.server = server;
  return {
    plugins,
    Connection,
    connectionConfig: cfg,
    constants: load('haraka-constants') as Haraka['constants'],
    Address: (load('@haraka/email-address') as { Address: Haraka['Address'] }).Address,
    Mx: (load('haraka-net-utils') as { HarakaMx: Haraka['Mx'] }).HarakaMx,
    server,
    logger: load('./logger') as Haraka['logger'],
    outbound: load('./outbound') as Haraka['outbound'],
    config: load('haraka-config') as Haraka['config'],
  };
}
