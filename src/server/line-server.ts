/**
 * A server of a line protocol: creates a session for each connection and closes them gracefully.
 *
 * Guarantees: sessions share only what the server gives them; an error in one does not affect the others and is logged
 * once; `close` waits for running commands, and cuts off those that exceed the grace period.
 */
import type { Log } from '../log.ts';
import type { LineConnection } from '../net/connection.ts';

/** The dialog on one connection. */
export interface LineSession {
  /** Resolves when the session is over. A rejection is an internal error. */
  run(): Promise<void>;
  /** Ends the session: at once if it is waiting for a command, otherwise after the current one. */
  close(): void;
}

export interface LineServerOptions<S extends LineSession> {
  begin(connection: LineConnection): S;
  /** How long `close` waits for running commands, ms. */
  readonly closeGrace: number;
  /** Every session is over, and there are no more. */
  onClosed(): void;
  readonly log: Log;
}

export class LineServer<S extends LineSession> {
  readonly #options: LineServerOptions<S>;
  readonly #open = new Map<S, { readonly connection: LineConnection; readonly ended: Promise<void> }>();
  #closing = false;

  constructor(options: LineServerOptions<S>) {
    this.#options = options;
  }

  /** How many are open. */
  get sessions(): number {
    return this.#open.size;
  }

  /** The open sessions. */
  each(): Iterable<S> {
    return this.#open.keys();
  }

  /** Resolves when the session is over. Never rejects. */
  async serve(connection: LineConnection): Promise<void> {
    const session = this.#options.begin(connection);
    const ended = this.#run(session, connection);
    this.#open.set(session, { connection, ended });
    if (this.#closing) session.close();
    await ended;
    this.#open.delete(session);
  }

  /** Ends every session after its current command; those that take too long are cut off. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const session of this.each()) session.close();
    const late = setTimeout(() => {
      for (const { connection } of this.#open.values()) connection.destroy();
    }, this.#options.closeGrace);
    await Promise.all([...this.#open.values()].map(({ ended }) => ended));
    clearTimeout(late);
    this.#options.onClosed();
  }

  async #run(session: S, connection: LineConnection): Promise<void> {
    try {
      await session.run();
    } catch (error) {
      connection.destroy();
      this.#options.log.error({ session: connection.id, err: error }, 'session failed');
    }
  }
}
