/**
 * The complete API for plugins: import only from this file, from nothing else inside the server.
 *
 *   import { definePlugin, deny, NEXT, reply } from 'posthorn/plugin';
 *   export default definePlugin({
 *     name: 'no-mondays',
 *     register(server) {
 *       const refusal = deny(reply(550, '5.7.1', 'Not on Mondays'));
 *       server.on('mail', () => (new Date(server.clock()).getDay() === 1 ? refusal : NEXT));
 *     },
 *   });
 */

import type { Duplex } from 'node:stream';
import type { Domains } from '../lookup/domains.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Tables } from '../lookup/table.ts';
import type { Verifications } from '../lookup/verifications.ts';
import type { Address } from '../mail/address.ts';
import type { Resolver } from '../protocol/dns/resolver.ts';
import type { Directory } from '../store/directory.ts';
import type { ConfigOf, ConfigSchema } from './configuration/schema.ts';
import type { Connection, HookArguments, HookName, Verdict } from './hook.ts';
import type { HttpClient } from './lent/http.ts';
import type { Jobs } from './lent/jobs.ts';
import type { PluginMetrics } from './lent/metrics.ts';
import type { RouteHandler } from './lent/routes.ts';
import type { Messages } from './messages.ts';
import type { PluginState } from './plugin-state.ts';
import type { Restriction } from './restriction.ts';

export type { Clock } from '../clock.ts';
export { type Reply, reply } from '../mail/status.ts';
export { ResolveError, type Resolver } from '../protocol/dns/resolver.ts';
/** Thrown by `server.directory` and `server.domains` while the store cannot be reached: the store has logged it. */
export { StoreUnavailableError } from '../store/store.ts';
export { type Trace, type TraceStep, trace } from '../tracing.ts';
export type { ConfigSchema } from './configuration/schema.ts';
export { type Setting, setting } from './configuration/setting.ts';
export type { StandardSchema } from './configuration/standard-schema.ts';
export * from './hook.ts';
export type { HttpAnswer, HttpClient, HttpOptions } from './lent/http.ts';
export type { JobCall, JobOptions, JobRun, Jobs } from './lent/jobs.ts';
export type { PluginMetrics } from './lent/metrics.ts';
export type { RouteAnswer, RouteHandler, RouteRequest } from './lent/routes.ts';
export type { MessagePlace, Messages } from './messages.ts';
export { type NoteKey, type Notes, noteKey } from './notes.ts';
export type { Json, PluginState, StateOptions } from './plugin-state.ts';
export * from './restriction.ts';

export type Handler<N extends HookName> = (argument: HookArguments[N]) => Verdict | Promise<Verdict>;

export interface HookOptions {
  readonly priority?: number;
  /**
   * False where the handler would say NEXT whatever the message is; null: the message is not from a connection. The
   * server may then leave out what it prepares for the hook; a handler of `data_post` costs a message a second reading.
   */
  readonly when?: (connection: Connection | null) => boolean;
}

export interface PluginMail {
  /** The envelope's sender; '' is the null reverse-path, to which no notification is sent. */
  readonly from: Address;
  readonly to: readonly Address[];
  /** Header, empty line and body; lines end with LF or CRLF, text is written as UTF-8. */
  readonly message: string | Uint8Array;
}

/** The services a plugin can use. `Config` is what its schema makes of its configuration. */
export interface Server<Config = Readonly<Record<string, unknown>>> {
  /**
   * Registers a handler for a hook. Lower priorities are called first (default 0), then the order of `config/plugins`.
   */
  on<N extends HookName>(hook: N, handler: Handler<N>, options?: HookOptions): void;
  /**
   * Called when this bus is closed, by a reload or at shutdown; a plugin may be registered in several servers of one
   * process.
   */
  onClose(close: () => void | Promise<void>): void;
  /** Adds a word that `smtpd_*_restrictions` may use, in any case. Throws if another plugin has defined it. */
  defineRestriction(name: string, restriction: Restriction): void;
  /** A plugin's restriction by name; look it up when it is needed, not while registering. */
  restriction(name: string): Restriction | undefined;
  /** main.cf without any service's overrides; within a session use `connection.parameters`. */
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly domains: Domains;
  readonly resolver: Resolver;
  /** Asks other servers whether they take mail for an address. */
  readonly verifications: Verifications;
  /**
   * Sends mail: in a mailbox or in the queue when the promise resolves, with the queue ID. Date, Message-Id, From and
   * `Auto-Submitted` are added where they are missing; other plugins' hooks about received mail are not asked. Rejects
   * with an Error that says why nothing was accepted; more than 1000 in a minute (Plugin.mailsAMinute) are not.
   */
  send(mail: PluginMail): Promise<string>;
  /** What the plugin remembers, over restarts and over all processes. */
  readonly state: PluginState;
  /** What it does at times of its own. */
  readonly jobs: Jobs;
  /** Requests to HTTP servers, within limits. */
  readonly http: HttpClient;
  /** What it counts, shown at /metrics as `posthorn_plugin_<name>_…`. */
  readonly metrics: PluginMetrics;
  /**
   * Answers `GET` (and HEAD) or `POST` at `/plugins/<name><path>`, where `metrics_listen` serves the metrics. Whoever
   * reaches that address may ask: there is no login.
   */
  route(method: 'GET' | 'POST', path: string, handler: RouteHandler): void;
  readonly directory: Pick<Directory, 'find' | 'aliases' | 'domains'>;
  /** The messages in mailboxes. */
  readonly messages: Messages;
  /**
   * The actual path of a file named by a table or setting: `/etc/postfix/list` is looked up in the configuration
   * folder.
   */
  resolvePath(path: string): string;
  /**
   * A connection to a program of this machine by the path of its UNIX socket, as `unix:private/policy` names it: a spawn
   * row of master.cf is started for it.
   */
  connectLocal(path: string): Duplex;
  /**
   * The plugin's own configuration: `plugins.d/<name>.json` (or `.toml`, `.ini`, `.yaml`) in the configuration folder,
   * or {}; checked by its schema, with defaults, where it has one.
   */
  readonly config: Config;
  /** It runs in a process of its own (`worker`): arguments are copies, and what is not data stays with the server. */
  readonly inWorker: boolean;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Milliseconds since 1970 UTC. */
  clock(): number;
}

export interface Plugin<C extends ConfigSchema | undefined = undefined> {
  readonly name: string;
  /**
   * The schema of its configuration: settings by their names (`{ word: setting.text() }`), or any Standard Schema (of
   * zod, valibot, arktype …) for all of it. Faults make the start fail, with their lines.
   */
  readonly config?: C;
  /** Names of plugins that are called before this one, where they are enabled. */
  readonly after?: readonly string[];
  /** Names of plugins that are called after this one, where they are enabled. */
  readonly before?: readonly string[];
  /**
   * How a failed call counts, unless the plugin's configuration overrides it. Default: `defer`, a temporary refusal.
   */
  readonly onError?: 'defer' | 'pass';
  /**
   * True if nothing that it does later depends on what it was asked before: it counts, learns and sends nothing. Only
   * then does `posthorn explain` ask it about a message that does not exist.
   */
  readonly stateless?: boolean;
  /** The most that it sends in a minute (`server.send`), if that is more than 1000: it sends one for each message that comes. */
  readonly mailsAMinute?: number;
  /** Called once at start and again after each reload (with a fresh bus). Errors thrown here make the start fail. */
  register(server: Server<ConfigOf<C>>): void | Promise<void>;
}

export const definePlugin = <const C extends ConfigSchema | undefined = undefined>(plugin: Plugin<C>): Plugin<C> =>
  plugin;
