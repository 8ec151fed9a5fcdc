/**
 * The plugin author's whole view: import from this file and nothing else of the server's inside.
 *
 *   import { definePlugin, deny, NEXT, reply } from 'posthorn/plugin';
 *   export default definePlugin({
 *     name: 'no-mondays',
 *     register(house) {
 *       house.on('mail', () => (new Date(house.clock()).getDay() === 1 ? deny(reply(550, '5.7.1', 'Not on Mondays')) : NEXT));
 *     },
 *   });
 */

import type { Domains } from '../lookup/domains.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Tables } from '../lookup/table.ts';
import type { Resolver } from '../protocol/dns/resolver.ts';
import type { Directory } from '../store/directory.ts';
import type { HookArguments, HookName, Verdict } from './hook.ts';

export { type Reply, reply } from '../mail/status.ts';
export * from './hook.ts';

export type Handler<N extends HookName> = (argument: HookArguments[N]) => Verdict | Promise<Verdict>;

/** What the house lends to a plugin. */
export interface House {
  /** Listens at a hook. Lower priorities are asked first (default 0); then the order of `config/plugins`. */
  on<N extends HookName>(hook: N, handler: Handler<N>, options?: { readonly priority?: number }): void;
  /** main.cf without any service's overrides; within a session use `connection.parameters`. */
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly domains: Domains;
  readonly resolver: Resolver;
  readonly directory: Pick<Directory, 'find' | 'aliases' | 'domains'>;
  /** The plugin's own configuration: `plugins.d/<name>.json` in the configuration folder, or {}. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** Milliseconds since 1970 UTC. */
  clock(): number;
}

export interface Plugin {
  readonly name: string;
  /** Called once at start and again after a reload (on a fresh bus). Faults thrown here refuse the start. */
  register(house: House): void | Promise<void>;
  /** Called when the bus is put away. */
  close?(): void | Promise<void>;
}

export const definePlugin = (plugin: Plugin): Plugin => plugin;
