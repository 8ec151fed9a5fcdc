/**
 * The web sites below `www` of the configuration folder: HTTP is loaded only if there are some, and closed when the
 * last one is removed.
 */
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Configuration } from '../config/configuration.ts';
import type { Log } from '../log.ts';
import { readHosts } from '../server/http/hosts.ts';
import type { HttpServer } from '../server/http/server.ts';
import type { Grace } from './grace.ts';

export class Sites implements AsyncDisposable {
  readonly #log: Log;
  readonly #grace: Grace;
  #http: HttpServer | null = null;

  constructor(log: Log, grace: Grace) {
    this.#log = log.child({ process: 'httpd' });
    this.#grace = grace;
  }

  get open(): boolean {
    return this.#http !== null;
  }

  serve(socket: Socket): void {
    // A reload that removes the last site closes the server a moment before its port.
    if (this.#http === null) socket.destroy();
    else this.#http.serve(socket);
  }

  /** Reads the host folders, at the start and at each reload. Returns a note when the last one is removed. */
  async become(configuration: Configuration): Promise<readonly string[]> {
    const directory = join(configuration.directory, 'www');
    const wanted = readHosts(directory).size > 0;
    if (this.#http === null) {
      if (!wanted) return [];
      const { HttpServer } = await import('../server/http/server.ts');
      this.#http = new HttpServer({ directory, log: this.#log });
      return [];
    }
    if (wanted) {
      this.#http.reload();
      return [];
    }
    const unused = this.#http;
    this.#http = null;
    await unused.close();
    return [`${directory}: no host folders are left, HTTPS is closed`];
  }

  /** Responses in progress may be sent within the grace period. */
  async [Symbol.asyncDispose](): Promise<void> {
    const http = this.#http;
    this.#http = null;
    await http?.close(this.#grace.left());
  }
}
