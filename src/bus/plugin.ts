/**
 * The plugin author's whole view: import from this file and nothing else of the server's inside.
 *
 *   import { definePlugin, deny, NEXT, reply } from 'posthorn/plugin';
 *   export default definePlugin({
 *     name: 'no-mondays',
 *     register(server) {
 *       server.on('mail', () => (new Date(server.clock()).getDay() === 1 ? deny(reply(550, '5.7.1', 'Not on Mondays'))
 * : NEXT));
 *     },
 *   });
 */

import type { Domains } from '../lookup/domains.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Tables } from '../lookup/table.ts';
import type { Resolver } from '../protocol/dns/resolver.ts';
import type { Directory } from '../store/directory.ts';
import type { HookArguments, HookName, Verdict } from './hook.ts';
import type { Restriction } from './restriction.ts';

export type { Clock } from '../clock.ts';
export { type Reply, reply } from '../mail/status.ts';
export { ResolveError, type Resolver } from '../protocol/dns/resolver.ts';
export * from './hook.ts';
export * from './restriction.ts';

export type Handler<N extends HookName> = (argument: HookArguments[N]) => Verdict | Promise<Verdict>;

/** What the server lends to a plugin. */
export interface Server {
  /** Listens at a hook. Lower priorities are asked first (default 0); then the order of `config/plugins`. */
  on<N extends HookName>(hook: N, handler: Handler<N>, options?: { readonly priority?: number }): void;
  /**
   * Called when this bus is put away, by a reload or at the end; one plugin may be registered in several servers of one
   * process.
   */
  onClose(close: () => void | Promise<void>): void;
  /**
   * Adds a word that `smtpd_*_restrictions` may use. Throws where another plugin has the same word. In any case of
   * letters.
   */
  defineRestriction(name: string, restriction: Restriction): void;
  /** Any plugin's restriction of that name; ask when it is needed, not while registering. */
  restriction(name: string): Restriction | undefined;
  /** main.cf without any service's overrides; within a session use `connection.parameters`. */
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly domains: Domains;
  readonly resolver: Resolver;
  readonly directory: Pick<Directory, 'find' | 'aliases' | 'domains'>;
  /**
   * Where a file that a table or a setting names really is: the configuration folder has its own of
   * `/etc/postfix/list`.
   */
  resolvePath(path: string): string;
  /** The plugin's own configuration: `plugins.d/<name>.json` in the configuration folder, or {}. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Milliseconds since 1970 UTC. */
  clock(): number;
}

export interface Plugin {
  readonly name: string;
  /**
   * What a call that fails counts as, unless the plugin's configuration says otherwise. Default: `defer`, a temporary
   * refusal.
   */
  readonly onError?: 'defer' | 'pass';
  /** Called once at start and again after a reload (on a fresh bus). Faults thrown here refuse the start. */
  register(server: Server): void | Promise<void>;
}

export const definePlugin = (plugin: Plugin): Plugin => plugin;
