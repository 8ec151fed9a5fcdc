/**
 * Queries a policy service (SMTPD_POLICY_README): attributes as `name=value` lines and an empty line, answered by an
 * `action=…` line and an empty line. Connections are reused, for one query at a time.
 *
 * Limits: an answer has at most 8 KiB; a query has a deadline; a few idle connections are kept, as long and for as many
 * queries as the query before says.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/bus/plugin.ts';

const LONGEST_ANSWER = 8192;
const MOST_IDLE = 20;
/** What a timer can wait for, ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** How long a connection is used. Times in ms. */
export interface ConnectionTerms {
  /** Without a query. */
  readonly maxIdle: number;
  /** From its opening on; what is being asked then is still answered. */
  readonly maxTtl: number;
  /** Queries; 0 has no limit. */
  readonly requestLimit: number;
}

interface PolicyConnection {
  readonly socket: Duplex;
  readonly openedAt: number;
  requests: number;
}

class Silence extends Error {
  override readonly name = 'Silence';
}

export class PolicyClient {
  readonly #connect: () => Duplex;
  readonly #clock: Clock;
  readonly #idle: { readonly connection: PolicyConnection; readonly timer: NodeJS.Timeout }[] = [];
  #closed = false;

  constructor(connect: () => Duplex, clock: Clock) {
    this.#connect = connect;
    this.#clock = clock;
  }

  /** Returns the action. Rejects if the service cannot be reached, is too slow, or gives an invalid answer. */
  async ask(request: string, deadline: number, terms: ConnectionTerms): Promise<string> {
    const kept = this.#kept(terms);
    if (kept !== undefined) {
      try {
        return await this.#exchange(kept, request, deadline, terms);
      } catch (error) {
        // The service may have closed the connection meanwhile: retry on a new one. After a timeout there is no time
        // left to retry.
        if (error instanceof Silence) throw error;
      }
    }
    const opened = { socket: this.#connect(), openedAt: this.#clock(), requests: 0 };
    return this.#exchange(opened, request, deadline, terms);
  }

  close(): void {
    this.#closed = true;
    for (const { connection, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      connection.socket.destroy();
    }
  }

  /** One of the idle connections that these terms allow; services of master.cf may have terms of their own. */
  #kept(terms: ConnectionTerms): PolicyConnection | undefined {
    for (;;) {
      const last = this.#idle.pop();
      if (last === undefined) return undefined;
      clearTimeout(last.timer);
      if (this.#restOf(last.connection, terms) > 0) return last.connection;
      last.connection.socket.destroy();
    }
  }

  /** How long it may wait for its next query, ms; 0 and less where it may have none. */
  #restOf({ openedAt, requests }: PolicyConnection, { maxIdle, maxTtl, requestLimit }: ConnectionTerms): number {
    if (requestLimit > 0 && requests >= requestLimit) return 0;
    return Math.min(maxIdle, openedAt + maxTtl - this.#clock(), LONGEST_TIMER);
  }

  #exchange(connection: PolicyConnection, request: string, deadline: number, terms: ConnectionTerms): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const { socket } = connection;
    let answer = '';
    const timer = setTimeout(() => fail(new Silence(`no answer within ${deadline / 1000} s`)), deadline);
    const forget = (): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      // An idle socket that breaks is not an error.
      socket.on('error', () => {});
    };
    const fail = (error: Error): void => {
      forget();
      socket.destroy();
      reject(error);
    };
    socket.removeAllListeners();
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('connection closed')));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      const end = answer.indexOf('\n\n');
      if (end < 0) {
        if (answer.length > LONGEST_ANSWER) fail(new Error('answer too long'));
        return;
      }
      const action = /^action=(.*)$/m.exec(answer.slice(0, end))?.[1];
      if (action === undefined) {
        fail(new Error('answer without action='));
        return;
      }
      forget();
      this.#keep(connection, terms);
      resolve(Buffer.from(action.trim(), 'latin1').toString('utf8'));
    });
    connection.requests += 1;
    socket.write(request);
    return promise;
  }

  #keep(connection: PolicyConnection, terms: ConnectionTerms): void {
    const rest = this.#restOf(connection, terms);
    if (this.#closed || rest <= 0 || this.#idle.length >= MOST_IDLE) {
      connection.socket.destroy();
      return;
    }
    const drop = (): void => {
      const at = this.#idle.indexOf(entry);
      if (at >= 0) this.#idle.splice(at, 1);
      clearTimeout(entry.timer);
      connection.socket.destroy();
    };
    const entry = { connection, timer: setTimeout(drop, rest) };
    entry.timer.unref();
    connection.socket.on('close', drop);
    this.#idle.push(entry);
  }
}
