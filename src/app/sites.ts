/**
 * The web sites below `www` of the configuration folder: HTTPS serves them and http redirects to it. HTTP is loaded only
 * if there are some, and closed when the last one is removed.
 */
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Configuration } from '../config/configuration.ts';
import type { Log } from '../log.ts';
import { readHosts } from '../server/http/hosts.ts';
import type { HttpServer } from '../server/http/server.ts';
import type { Grace } from './grace.ts';

/** `https` serves, `http` redirects. */
type Scheme = 'https' | 'http';

export class Sites implements AsyncDisposable {
  readonly #httpsPort: number;
  readonly #log: Log;
  readonly #grace: Grace;
  #servers: Readonly<Record<Scheme, HttpServer>> | null = null;

  constructor(httpsPort: number, log: Log, grace: Grace) {
    this.#httpsPort = httpsPort;
    this.#log = log.child({ process: 'httpd' });
    this.#grace = grace;
  }

  get open(): boolean {
    return this.#servers !== null;
  }

  serve(socket: Socket, scheme: Scheme): void {
    // A reload that removes the last site closes the server a moment before its port.
    if (this.#servers === null) socket.destroy();
    else this.#servers[scheme].serve(socket);
  }

  /** Reads the host folders, at the start and at each reload. Returns a note when the last one is removed. */
  async become(configuration: Configuration): Promise<readonly string[]> {
    const directory = join(configuration.directory, 'www');
    const wanted = readHosts(directory).size > 0;
    if (this.#servers === null) {
      if (wanted) this.#servers = await this.#load(directory);
      return [];
    }
    if (wanted) {
      this.#servers.https.reload();
      this.#servers.http.reload();
      return [];
    }
    await this.#close();
    return [`${directory}: no host folders are left, HTTPS is closed`];
  }

  /** Responses in progress may be sent within the grace period. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close(this.#grace.left());
  }

  async #load(directory: string): Promise<Record<Scheme, HttpServer>> {
    const [{ HttpServer }, { staticHosts }, { redirectHosts }] = await Promise.all([
      import('../server/http/server.ts'),
      import('../server/http/static-hosts.ts'),
      import('../server/http/redirect-hosts.ts'),
    ]);
    const log = this.#log;
    return {
      https: new HttpServer({ directory, log, appOf: staticHosts }),
      http: new HttpServer({ directory, log, appOf: (hosts) => redirectHosts(hosts, this.#httpsPort) }),
    };
  }

  async #close(graceMs?: number): Promise<void> {
    const unused = this.#servers;
    this.#servers = null;
    await Promise.all([unused?.https.close(graceMs), unused?.http.close(graceMs)]);
  }
}
