/**
 * The milters that main.cf names for a service (smtpd_milters, smtpd_milter_maps), and for mail by the sendmail command
 * (non_smtpd_milters): makes those of a session.
 */
import type { Connection } from '../../bus/hook.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { trace } from '../../tracing.ts';
import { Milter, type MilterShared } from './milter.ts';
import { MilterSession } from './session.ts';
import { type MilterSettings, readMacroDefaults, readMacroNames, readMilters } from './settings.ts';

export interface MiltersOptions {
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  /** Of the process that asks: its name stands before the warnings. */
  readonly log: Log;
}

export class Milters {
  readonly #options: MiltersOptions;
  readonly #shared: MilterShared;
  readonly #smtpd: readonly MilterSettings[];
  readonly #maps: readonly LookupTable[];
  readonly #local: readonly MilterSettings[];

  /** Throws for a table that cannot be opened. */
  constructor(options: MiltersOptions) {
    const { parameters, tables, log } = options;
    this.#options = options;
    this.#shared = { macros: readMacroNames(parameters), macroDefaults: readMacroDefaults(parameters), log };
    const isOff = parameters.list('receive_override_options').some((word) => word.toLowerCase() === 'no_milters');
    const named = (name: 'smtpd_milters' | 'smtpd_milter_maps' | 'non_smtpd_milters'): readonly string[] =>
      isOff ? [] : parameters.list(name);
    this.#smtpd = readMilters(named('smtpd_milters'), parameters);
    this.#maps = named('smtpd_milter_maps').map((table) => tables.open(table));
    this.#local = readMilters(named('non_smtpd_milters'), parameters);
  }

  get watchesClients(): boolean {
    return this.#smtpd.length > 0 || this.#maps.length > 0;
  }

  /** Null if the client is not looked at. */
  async forClient(connection: Connection): Promise<MilterSession | null> {
    const mapped = await this.#mapped(connection.remote.ip);
    return this.#session(mapped ?? this.#smtpd, connection);
  }

  /** For mail by the sendmail command; null if there are none. */
  forSubmission(): MilterSession | null {
    return this.#session(this.#local, null);
  }

  #session(settings: readonly MilterSettings[], connection: Connection | null): MilterSession | null {
    if (settings.length === 0) return null;
    const watcher = trace();
    if (watcher?.hypothetical === true) {
      // They may remember what they are asked.
      watcher.add({ kind: 'log', text: 'the milters are not asked' });
      return null;
    }
    const milters = settings.map((one) => new Milter(one, this.#shared));
    return new MilterSession(milters, connection, this.#options.parameters);
  }

  /** What smtpd_milter_maps has for the client, or undefined. */
  async #mapped(ip: string): Promise<readonly MilterSettings[] | undefined> {
    for (const table of this.#maps) {
      try {
        const value = await table.get(ip);
        if (value === undefined) continue;
        return /^\s*disable\s*$/i.test(value) ? [] : readMilters(itemsOf(value), this.#options.parameters);
      } catch (error) {
        // As in Postfix: what is set for everybody holds.
        this.#shared.log.warn({ err: error }, `smtpd_milter_maps: ${ip}: ${messageOf(error)}`);
        return undefined;
      }
    }
    return undefined;
  }
}

/** A list as in main.cf: `{ … }` is one item. */
const itemsOf = (text: string): readonly string[] => text.match(/\{(?:[^{}]|\{[^{}]*\})*\}|[^\s,{}]+/g) ?? [];
