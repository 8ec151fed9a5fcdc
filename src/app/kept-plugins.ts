/**
 * The plugins of replaced generations: sessions keep those that they began with. A bus costs what its plugins hold
 * (threads, memory), so only the newest `MOST` are kept, each for `KEPT_MS`; then the sessions that are left call the
 * current plugins.
 */
import type { Bus } from '../bus/bus.ts';
import type { Hooks } from '../bus/hook.ts';
import { HookSwitch } from '../bus/switch.ts';

const MOST = 8;
/** Longer than SMTP sessions last; those of IMAP may stay for days. */
const KEPT_MS = 3_600_000;

interface Kept {
  /** What the sessions call. */
  readonly hooks: HookSwitch;
  readonly timer: NodeJS.Timeout;
}

export class KeptPlugins {
  readonly #current: Hooks;
  readonly #switches = new WeakMap<Bus, HookSwitch>();
  /** The oldest first. */
  readonly #kept = new Map<Bus, Kept>();

  /** `current` always calls the newest plugins. */
  constructor(current: Hooks) {
    this.#current = current;
  }

  /** What the sessions of a generation call. */
  hooksOf(bus: Bus): Hooks {
    const hooks = new HookSwitch(bus);
    this.#switches.set(bus, hooks);
    return hooks;
  }

  /** It has been replaced. Whoever owns it forgets it when its sessions are over. */
  keep(bus: Bus): void {
    const hooks = this.#switches.get(bus);
    if (hooks === undefined) return;
    const timer = setTimeout(() => this.#moveOn(bus), KEPT_MS).unref();
    this.#kept.set(bus, { hooks, timer });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST && oldest !== undefined) this.#moveOn(oldest);
  }

  forget(bus: Bus): void {
    clearTimeout(this.#kept.get(bus)?.timer);
    this.#kept.delete(bus);
  }

  /** Calls under way end where they began: the bus waits for them before it closes. */
  #moveOn(bus: Bus): void {
    this.#kept.get(bus)?.hooks.become(this.#current);
    this.forget(bus);
    void bus.close();
  }
}
