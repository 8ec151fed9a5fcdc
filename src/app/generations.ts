/**
 * The current generation and previous ones. A reload makes the next one current; the previous one is disposed of as
 * soon as its last session is over, even if there is no other reload.
 */
import type { Socket } from 'node:net';
import { HookSwitch } from '../bus/switch.ts';
import { messageOf } from '../errors.ts';
import type { QueueFilter } from '../store/queue.ts';
import { untraced } from '../tracing.ts';
import type { Foundation } from './foundation.ts';
import { buildGeneration, type Generation, type Lasting, type Sessions } from './generation.ts';
import type { Grace } from './grace.ts';
import type { Identities } from './identity.ts';
import { KeptPlugins } from './kept-plugins.ts';

/** How long a reload waits for deliveries of the previous generation, ms. */
const RELOAD_DRAIN_MS = 5_000;

export type GenerationParts = Omit<Lasting, 'hooks' | 'onQueued' | 'flushDestination'>;

export class Generations {
  /** The current plugins: for what belongs to no session. */
  readonly hooks: HookSwitch;
  readonly #plugins: KeptPlugins;
  readonly #lasting: Omit<Lasting, 'hooks'>;
  readonly #grace: Grace;
  #current: Generation;
  /** Number of sockets served by each generation. One without any has no entry. */
  readonly #sockets = new Map<Generation, number>();
  /** Replaced, with sessions still open or being disposed of. */
  readonly #retired = new Set<Generation>();

  /** Takes ownership of the foundation, unless it throws ConfigurationError. */
  constructor(parts: GenerationParts, grace: Grace, foundation: Foundation, identities: Identities | null) {
    this.hooks = new HookSwitch(foundation.bus);
    this.#plugins = new KeptPlugins(this.hooks);
    this.#lasting = {
      ...parts,
      // What the runner does is no part of the session that woke it.
      onQueued: () => untraced(() => this.current.delivery.runner.wake()),
      flushDestination: (domain) => this.flush({ destination: domain }),
    };
    this.#grace = grace;
    this.#current = this.build(foundation, identities);
    this.#keepExpunged();
  }

  /** Makes items due; of a `destination`, all by which mail for that domain leaves. Returns their number. */
  async flush({ destination, ...filter }: QueueFilter): Promise<number> {
    const { runner, router } = this.current.delivery;
    if (destination === undefined) return runner.flush(filter);
    let count = 0;
    for (const one of await router.destinationsOf(destination))
      count += await runner.flush({ ...filter, destination: one });
    return count;
  }

  get current(): Generation {
    return this.#current;
  }

  /** How many are in memory: the current one, and each replaced one whose sessions are not over. */
  get count(): number {
    return 1 + this.#retired.size;
  }

  /** Open now, in all of them. */
  get sessions(): Sessions {
    const each = [this.#current, ...this.#retired].map(({ sessions }) => sessions);
    const sum = (protocol: keyof Sessions): number => each.reduce((total, sessions) => total + sessions[protocol], 0);
    return { smtp: sum('smtp'), imap: sum('imap'), pop3: sum('pop3') };
  }

  /** Builds one beside the current one. Throws ConfigurationError; the caller then still owns the foundation. */
  build(foundation: Foundation, identities: Identities | null): Generation {
    const hooks = this.#plugins.hooksOf(foundation.bus);
    return buildGeneration(foundation, { ...this.#lasting, hooks }, identities);
  }

  /** The current generation serves this socket, and is kept until the socket is closed. */
  serve(socket: Socket, begin: (generation: Generation) => void): void {
    const generation = this.#current;
    this.#sockets.set(generation, (this.#sockets.get(generation) ?? 0) + 1);
    socket.once('close', () => this.#left(generation));
    begin(generation);
  }

  /**
   * From now on `fresh` gets new sessions, and the plugin calls that belong to none. Resolves when the jobs of the
   * previous plugins have ended.
   */
  async replace(fresh: Generation): Promise<Generation> {
    const old = this.#current;
    this.#current = fresh;
    this.#keepExpunged();
    this.hooks.become(fresh.bus);
    this.#plugins.keep(old.bus);
    await old.bus.jobs.close();
    return old;
  }

  /**
   * Ends the deliveries of a replaced generation: it must release its leases before the next runner starts, so that no
   * item is in both.
   */
  async retire(old: Generation): Promise<void> {
    await old.delivery.close(RELOAD_DRAIN_MS);
    this.#retired.add(old);
    await this.#disposeWhenIdle(old);
  }

  /** No new sessions in any generation; open ones may finish. */
  async endSessions(): Promise<void> {
    const graceMs = this.#grace.left();
    await Promise.all([this.#current, ...this.#retired].map((generation) => generation.endSessions(graceMs)));
  }

  /** Replaced ones first: their sessions may call the plugins of the current one. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#retired].map((generation) => generation.close(this.#grace.left())));
    await this.#current.close(this.#grace.left());
  }

  #keepExpunged(): void {
    this.#lasting.store.expunged.keepFor(this.#current.configuration.parameters.time('expunged_retention_time'));
  }

  #left(generation: Generation): void {
    const open = (this.#sockets.get(generation) ?? 1) - 1;
    if (open > 0) this.#sockets.set(generation, open);
    else {
      this.#sockets.delete(generation);
      void this.#disposeWhenIdle(generation);
    }
  }

  /** Never rejects. */
  async #disposeWhenIdle(generation: Generation): Promise<void> {
    if (!this.#retired.has(generation) || this.#sockets.has(generation)) return;
    this.#plugins.forget(generation.bus);
    try {
      await generation.close(this.#grace.left());
    } catch (error) {
      this.#lasting.log.error({ err: error }, `a replaced configuration could not be closed: ${messageOf(error)}`);
    }
    this.#retired.delete(generation);
  }
}
