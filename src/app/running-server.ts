/**
 * A running server, with every part open. `startServer` creates it; `close` shuts it down in reverse order.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { Answerer } from '../admin/socket.ts';
import type { PluginFacts } from '../bus/bus.ts';
import { stackOf } from '../errors.ts';
import type { Store } from '../store/store.ts';
import { logFileOf } from './data-folder.ts';
import type { NewAccount } from './first-account.ts';
import type { Grace } from './grace.ts';
import type { ListenerRow } from './listeners.ts';
import type { Reloads } from './reloads.ts';
import { listenerRows, type ServerParts } from './server-parts.ts';

/** The report of a start. */
export interface StartReport {
  /** What was created, moved or decided, one line each. */
  readonly notes: readonly string[];
  /** The names of the configuration files that were read. */
  readonly files: readonly string[];
  readonly firstAccount: NewAccount | null;
}

/** What a start has to show; another process may show it. */
export interface Started extends StartReport {
  readonly domain: string;
  readonly hostname: string;
  readonly listeners: readonly ListenerRow[];
  /** Added to every port. */
  readonly portOffset: number;
  /** The JSON log file, and the name of this machine in it. */
  readonly log: { readonly file: string; readonly host: string };
}

/** How long deliveries may take to end when another process takes over, ms. */
const HAND_OVER_MS = 5_000;
const LOOK_EVERY_MS = 200;

export class RunningServer implements StartReport {
  readonly notes: readonly string[];
  readonly files: readonly string[];
  readonly firstAccount: NewAccount | null;
  readonly log: Started['log'];
  /** Answers an administrator's request. */
  readonly answer: Answerer;
  readonly #parts: ServerParts;
  readonly #reloads: Reloads;
  readonly #grace: Grace;
  readonly #scope: AsyncDisposableStack;
  #closing: Promise<void> | null = null;

  constructor(
    parts: ServerParts,
    reloads: Reloads,
    report: StartReport,
    answer: Answerer,
    grace: Grace,
    scope: AsyncDisposableStack,
  ) {
    this.#parts = parts;
    this.answer = answer;
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

  /** Those in use; another list after a reload. */
  get plugins(): readonly PluginFacts[] {
    return this.#parts.generations.current.bus.plugins;
  }

  get listeners(): readonly ListenerRow[] {
    return listenerRows(this.#parts);
  }

  get started(): Started {
    const { notes, files, firstAccount, domain, hostname, listeners, log } = this;
    const { portOffset } = this.#parts;
    return { notes, files, firstAccount, domain, hostname, listeners, portOffset, log };
  }

  /** It ends because its store has stopped: whoever supervises the process should start it again. */
  get hasFailed(): boolean {
    return this.#parts.hasFailed();
  }

  /** Configurations in memory: the current one, and each replaced one that still has sessions. */
  get generations(): number {
    return this.#parts.generations.count;
  }

  /**
   * Reads the configuration again. If it is invalid, rejects with ConfigurationError and keeps the old one. Returns
   * notes.
   */
  reload(): Promise<readonly string[]> {
    return this.#reloads.reload();
  }

  /**
   * The queue and the jobs of plugins are looked at now: the time may have changed. Resolves when the jobs that were
   * due have ended.
   */
  wake(): Promise<void> {
    const { delivery, bus } = this.#parts.generations.current;
    delivery.runner.wake();
    return bus.jobs.wake();
  }

  /** Logs an uncaught error of a plugin's timer or an unhandled rejection, so that it does not end the process. */
  reportUncaught(error: unknown): void {
    this.#parts.log.error({ err: error }, `uncaught: ${stackOf(error)}`.replace(/\s*\n\s*/g, ' '));
  }

  /**
   * Another process serves from now on: no new connections and no more deliveries. Resolves when the open connections
   * are closed by their clients, and after `withinMs` at most.
   */
  async handOver(withinMs: number): Promise<void> {
    const { listeners, nameServer, generations, log } = this.#parts;
    await this.#reloads.stop();
    listeners.stop();
    log.reopen();
    await Promise.all([
      nameServer[Symbol.asyncDispose](),
      generations.current.delivery.close(HAND_OVER_MS),
      generations.current.bus.jobs.close(),
    ]);
    const end = performance.now() + withinMs;
    while (listeners.connections > 0 && performance.now() < end) await delay(LOOK_EVERY_MS);
  }

  /** Drains: no new sessions; open sessions and deliveries finish, within `graceMs` at most. */
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

/** A host name up to its first dot, as in syslog. */
export const shortName = (hostname: string): string => hostname.split('.')[0] ?? 'localhost';
