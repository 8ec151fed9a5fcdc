/**
 * A server that runs: every part of it is open. `startServer` makes it; `close` takes it down in the reverse order of
 * its start.
 */
import { stackOf } from '../errors.ts';
import type { Store } from '../store/store.ts';
import { logFileOf } from './data-folder.ts';
import type { NewAccount } from './first-account.ts';
import type { Grace } from './grace.ts';
import type { ListenerRow } from './listeners.ts';
import type { Reloads } from './reloads.ts';
import { listenerRows, type ServerParts } from './server-parts.ts';

/** What a start has to say. */
export interface StartReport {
  /** What was made, moved or decided, one line each. */
  readonly notes: readonly string[];
  /** The names of the configuration files that were read. */
  readonly files: readonly string[];
  readonly firstAccount: NewAccount | null;
}

export class RunningServer implements StartReport {
  readonly notes: readonly string[];
  readonly files: readonly string[];
  readonly firstAccount: NewAccount | null;
  /** Where the log is kept as JSON, and how it names this machine. */
  readonly log: { readonly file: string; readonly host: string };
  readonly #parts: ServerParts;
  readonly #reloads: Reloads;
  readonly #grace: Grace;
  readonly #scope: AsyncDisposableStack;
  #closing: Promise<void> | null = null;

  constructor(parts: ServerParts, reloads: Reloads, report: StartReport, grace: Grace, scope: AsyncDisposableStack) {
    this.#parts = parts;
    this.#reloads = reloads;
    this.notes = report.notes;
    this.files = report.files;
    this.firstAccount = report.firstAccount;
    this.log = { file: logFileOf(parts.options.dataDirectory), host: shortName(this.hostname) };
    this.#grace = grace;
    this.#scope = scope;
  }

  get domain(): string {
    return this.#parts.generations.current.configuration.parameters.string('myorigin');
  }

  get hostname(): string {
    return this.#parts.generations.current.configuration.parameters.string('myhostname');
  }

  get store(): Store {
    return this.#parts.store;
  }

  get listeners(): readonly ListenerRow[] {
    return listenerRows(this.#parts);
  }

  /** Configurations in memory: the one in use, and each replaced one that still has sessions. */
  get generations(): number {
    return this.#parts.generations.count;
  }

  /**
   * Reads the configuration anew. Rejects with ConfigurationError, and keeps the old one, where it is faulty. Gives
   * notes.
   */
  reload(): Promise<readonly string[]> {
    return this.#reloads.reload();
  }

  /** Logs what nobody caught, so that it ends nothing but itself: a plugin's timer, a promise that nobody waits for. */
  reportUncaught(error: unknown): void {
    this.#parts.log.error({ err: error }, `uncaught: ${stackOf(error)}`.replace(/\s*\n\s*/g, ' '));
  }

  /** Drains: no new sessions, those open finish, deliveries too, for `graceMs` at the most. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    await this.#reloads.stop();
    this.#grace.begin(graceMs);
    await this.#scope.disposeAsync();
    this.#parts.log.info({}, 'stopped');
    await this.#parts.log.flush();
  }
}

/** A host name up to its first dot, as syslog has it. */
export const shortName = (hostname: string): string => hostname.split('.')[0] ?? 'localhost';
