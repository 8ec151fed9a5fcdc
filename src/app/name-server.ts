/** The name server of a house: opened where there are zones to serve, kept over reloads (requirement B1). */
import type { Hooks } from '../bus/hook.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Log } from '../log.ts';
import { listenAddresses } from '../server/dns/listen.ts';
import type { DnsServer } from '../server/dns/server.ts';
import { createDnsServer } from '../server/dns/server.ts';
import type { ServedZone } from '../server/dns/zones.ts';

export interface NameServerOptions {
  readonly hooks: Hooks;
  readonly log: Log;
  readonly clock: () => number;
  /** Added to the port of every address. */
  readonly portOffset: number;
}

export class NameServer {
  #options: NameServerOptions | null = null;
  #server: DnsServer | null = null;
  /** What listen-on was when the sockets were opened. */
  #listen = '';

  get addresses(): DnsServer['addresses'] {
    return this.#server?.addresses ?? [];
  }

  /** Our own zones for the house's resolver; null where none of them has the name. */
  readonly resolve: DnsServer['resolve'] = (question) => this.#server?.resolve(question) ?? null;

  /** Rejects with an Error for people where an address that was named cannot be bound. */
  async open(options: NameServerOptions, { named }: Configuration, zones: readonly ServedZone[]): Promise<void> {
    this.#options = options;
    // The shipped named.conf has no zones: a first start opens no port to the world for nothing.
    if (named === null || zones.length === 0) return;
    this.#listen = JSON.stringify(named.listen);
    this.#server = await createDnsServer({
      listen: listenAddresses(named.listen).map((row) => ({ ...row, port: row.port + options.portOffset })),
      zones,
      version: named.version,
      hooks: options.hooks,
      log: options.log,
      clock: options.clock,
    });
  }

  /** What a reload can do; a note where only a new start can. Never rejects. */
  async renew(configuration: Configuration, zones: readonly ServedZone[]): Promise<string[]> {
    const { named } = configuration;
    try {
      if (this.#server === null) {
        if (this.#options !== null) await this.open(this.#options, configuration, zones);
        return [];
      }
      if (named === null) {
        await this.close();
        return [];
      }
      await this.#server.setZones(zones);
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
    return JSON.stringify(named.listen) === this.#listen ? [] : ['named.conf: listen-on has changed: that takes effect at the next start'];
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.close();
  }
}
