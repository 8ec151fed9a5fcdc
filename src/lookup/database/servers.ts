/**
 * The servers of a database table: in their order, or as mysql_table(5) says in random order, those on this machine's
 * sockets first; one that fails is left out for a while. Connections are kept for a minute and carry one query at a time.
 *
 * Limits: a few connections, a queue of lookups that wait for one, a time for each step. Each server's outage is logged
 * once.
 */
import { messageOf } from '../../errors.ts';
import { TableUnavailableError } from '../table-fault.ts';
import type { TableContext } from '../table-type.ts';
import { ignored } from './client-file.ts';
import { Outage } from './outage.ts';

/** An open connection. */
export interface Link<Q, A> {
  /**
   * The answer. Rejects with RefusedError if the server has answered and the connection is still good; with anything
   * else if it is not.
   */
  ask(query: Q): Promise<A>;
  close(): void;
}

/** To SQL databases. */
export type SqlLink = Link<string, readonly string[]>;

export interface ServerAddress<L> {
  /** For the log, without a password. */
  readonly name: string;
  /** A socket of this machine. */
  readonly isLocal: boolean;
  open(): Promise<L>;
}

/** The server refuses this query: wrong SQL, a missing table, a result beyond a limit. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** ms */
const CONNECT_TIMEOUT = 5_000;
const QUERY_TIMEOUT = 10_000;
const WAIT_TIMEOUT = 10_000;
const IDLE_FOR = 60_000;
/** A server that failed is not asked for so long. */
const REST = 10_000;
const MOST_LINKS = 5;
const MOST_WAITING = 1_000;

/** Settings of Postfix 3.9. */
export const IDLE = ignored(`a connection is kept for ${IDLE_FOR / 1000} s`);
export const RETRY = ignored(`a server that failed is asked again after ${REST / 1000} s`);

interface Server<L> extends ServerAddress<L> {
  readonly outage: Outage;
  restsUntil: number;
}

interface KeptLink<L> {
  readonly link: L;
  readonly server: Server<L>;
  readonly timer: NodeJS.Timeout;
}

export class Servers<Q, A> {
  readonly #table: string;
  readonly #clock: () => number;
  readonly #servers: readonly Server<Link<Q, A>>[];
  readonly #isShuffled: boolean;
  readonly #refusals: Outage;
  readonly #idle: KeptLink<Link<Q, A>>[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #closed = false;

  constructor(
    table: string,
    addresses: readonly ServerAddress<Link<Q, A>>[],
    order: 'as written' | 'random',
    { log, clock }: Pick<TableContext, 'log' | 'clock'>,
  ) {
    this.#table = table;
    this.#isShuffled = order === 'random';
    this.#clock = clock;
    this.#servers = addresses.map((address) => ({
      ...address,
      open: () => address.open(),
      outage: new Outage(table, log),
      restsUntil: Number.NEGATIVE_INFINITY,
    }));
    this.#refusals = new Outage(table, log);
  }

  /** Rejects with TableUnavailableError, which is logged already. */
  async ask(query: Q): Promise<A> {
    await this.#takePlace();
    try {
      const answer = await this.#attempt(query);
      this.#refusals.ends('the server');
      return answer;
    } catch (error) {
      if (error instanceof RefusedError) this.#refusals.begins(`the query was refused: ${error.message}`);
      throw new TableUnavailableError(`${this.#table}: ${messageOf(error)}`, { cause: error, isLogged: true });
    } finally {
      this.#givePlace();
    }
  }

  close(): void {
    this.#closed = true;
    for (const { link, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      link.close();
    }
  }

  async #takePlace(): Promise<void> {
    if (this.#busy < MOST_LINKS) {
      this.#busy += 1;
      return;
    }
    if (this.#waiting.length >= MOST_WAITING)
      throw new TableUnavailableError(`${this.#table}: too many lookups are waiting`);
    await this.#turn();
  }

  /** The first who waits gets the place. */
  #givePlace(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#busy -= 1;
    else next();
  }

  #turn(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turn = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(turn), 1);
      reject(new TableUnavailableError(`${this.#table}: waited ${WAIT_TIMEOUT / 1000} s for a connection`));
    }, WAIT_TIMEOUT);
    this.#waiting.push(turn);
    return promise;
  }

  async #attempt(query: Q): Promise<A> {
    const kept = this.#idle.pop();
    if (kept !== undefined) {
      clearTimeout(kept.timer);
      try {
        return await this.#use(kept.link, kept.server, query);
      } catch (error) {
        // The server may have closed the connection meanwhile. A silent one would be as silent again.
        if (error instanceof RefusedError || error instanceof TimeLimitError) throw error;
      }
    }
    let failure: unknown = new Error(`no server can be reached; they are tried again after ${REST / 1000} s`);
    for (const server of this.#inOrder()) {
      try {
        const link = await within(CONNECT_TIMEOUT, server.open(), (late) => late.close());
        return await this.#use(link, server, query);
      } catch (error) {
        if (error instanceof RefusedError) throw error;
        failure = error;
        server.restsUntil = this.#clock() + REST;
        server.outage.begins(`${server.name}: ${messageOf(error)}`);
      }
    }
    throw failure;
  }

  #inOrder(): readonly Server<Link<Q, A>>[] {
    const awake = this.#servers.filter(({ restsUntil }) => restsUntil <= this.#clock());
    if (!this.#isShuffled) return awake;
    return awake
      .map((server) => ({ server, rank: (server.isLocal ? 0 : 1) + Math.random() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ server }) => server);
  }

  async #use(link: Link<Q, A>, server: Server<Link<Q, A>>, query: Q): Promise<A> {
    try {
      const answer = await within(QUERY_TIMEOUT, link.ask(query));
      this.#keep(link, server);
      server.outage.ends(server.name);
      return answer;
    } catch (error) {
      if (error instanceof RefusedError) this.#keep(link, server);
      else link.close();
      throw error;
    }
  }

  #keep(link: Link<Q, A>, server: Server<Link<Q, A>>): void {
    if (this.#closed) {
      link.close();
      return;
    }
    const timer = setTimeout(() => {
      this.#idle.splice(
        this.#idle.findIndex((kept) => kept.link === link),
        1,
      );
      link.close();
    }, IDLE_FOR);
    timer.unref();
    this.#idle.push({ link, server, timer });
  }
}

class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/** `late` gets a result that nobody waits for any more. */
async function within<T>(ms: number, asked: Promise<T>, late?: (result: T) => void): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    reject(new TimeLimitError(`no answer within ${ms / 1000} s`));
  }, ms);
  asked.then(
    (result) => {
      if (isOver) late?.(result);
    },
    () => {},
  );
  try {
    return await Promise.race([asked, promise]);
  } finally {
    clearTimeout(timer);
  }
}
