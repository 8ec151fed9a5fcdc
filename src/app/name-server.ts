/**
 * The name server of a running server: opened if there are zones to serve, kept across reloads (requirement B1). An
 * error in a zone file does not stop anything: the zone answers SERVFAIL, or keeps its previous content, as in BIND,
 * and both the log and the terminal report every error.
 */

import type { Hooks } from '../bus/hook.ts';
import type { Configuration } from '../config/configuration.ts';
import { formatFault } from '../config/fault.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { withoutFinalDot } from '../protocol/dns/name.ts';
import { listenAddresses } from '../server/dns/listen.ts';
import type { LoadedZones } from '../server/dns/load-zones.ts';
import type { DnsServer } from '../server/dns/server.ts';
import { openDnsServer } from '../server/dns/server.ts';

export interface NameServerOptions {
  readonly hooks: Hooks;
  readonly log: Log;
  readonly clock: () => number;
  /** Added to the port of every address. */
  readonly portOffset: number;
}

export class NameServer implements AsyncDisposable {
  readonly #options: NameServerOptions;
  readonly #log: Log;
  #server: DnsServer | null = null;
  /** The listen-on setting at the time the sockets were opened. */
  #listen = '';

  constructor(options: NameServerOptions) {
    this.#options = options;
    this.#log = options.log.child({ process: 'named' });
  }

  get addresses(): DnsServer['addresses'] {
    return this.#server?.addresses ?? [];
  }

  /** Our own zones, for our own resolver; null if none contains the name. */
  readonly resolve: DnsServer['resolve'] = (question) => this.#server?.resolve(question) ?? null;

  /**
   * Returns notes about zones that could not be loaded. Rejects with a readable Error if an explicitly configured
   * address cannot be bound.
   */
  async open({ named }: Configuration, loaded: LoadedZones): Promise<string[]> {
    const options = this.#options;
    // The shipped named.conf has no zones, so a first start does not open a port needlessly.
    if (named === null || loaded.zones.length === 0) return [];
    this.#listen = JSON.stringify(named.listen);
    this.#server = await openDnsServer({
      listen: listenAddresses(named.listen).map((row) => ({ ...row, port: row.port + options.portOffset })),
      zones: loaded.zones,
      version: named.version,
      hooks: options.hooks,
      log: options.log,
      clock: options.clock,
    });
    return this.#tell(named.losses, loaded);
  }

  /** Applies a new configuration; returns a note for changes that need a restart. Never rejects. */
  async renew(configuration: Configuration, loaded: LoadedZones): Promise<string[]> {
    const { named } = configuration;
    const notes: string[] = [];
    try {
      if (this.#server === null) return await this.open(configuration, loaded);
      if (named === null) {
        await this[Symbol.asyncDispose]();
        return [];
      }
      await this.#server.setZones(loaded.zones);
      notes.push(...this.#tell(named.losses, loaded));
    } catch (error) {
      return [messageOf(error)];
    }
    return JSON.stringify(named.listen) === this.#listen
      ? notes
      : [...notes, 'named.conf: listen-on has changed: that takes effect at the next start'];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.close();
  }

  /** Reports to the log, and as notes for the terminal (which has the losses already). */
  #tell(losses: readonly Parameters<typeof formatFault>[0][], { faults }: LoadedZones): string[] {
    const log = this.#log;
    for (const loss of losses) log.warn({ file: loss.file, line: loss.line }, formatFault(loss));
    const notes: string[] = [];
    for (const { zone, file, line, message } of faults) {
      log.error({ zone, file, line }, formatFault({ file, line, message }));
      notes.push(`error: ${formatFault({ file, line, message })}`);
    }
    for (const zone of new Set(faults.map((fault) => fault.zone))) {
      const serial = this.#server?.zones().find(({ options }) => options.name === zone)?.zone?.soa.serial;
      const fate =
        serial === undefined
          ? 'questions for it are answered with SERVFAIL'
          : `serial ${serial}, loaded before, stays in service`;
      const message = `zone ${withoutFinalDot(zone)}/IN: not loaded due to errors: ${fate}`;
      log.error({ zone }, message);
      notes.push(`error: ${message}`);
    }
    return notes;
  }
}
