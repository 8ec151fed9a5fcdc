/** Running deliveries of each transport, and when the next one may begin (NAME_transport_rate_delay). */

interface Slots {
  busy: number;
  nextAt: number;
}

export class TransportSlots {
  readonly #limits: (transport: string) => { readonly deliveries: number; readonly rateDelay: number };
  readonly #known = new Map<string, Slots>();

  /** `rateDelay`: ms. */
  constructor(limits: (transport: string) => { readonly deliveries: number; readonly rateDelay: number }) {
    this.#limits = limits;
  }

  isFull(transport: string): boolean {
    return this.#of(transport).busy >= this.#limits(transport).deliveries;
  }

  /** How long the next delivery must wait because of the last one, ms. */
  pause(transport: string, now: number): number {
    return Math.max(0, this.#of(transport).nextAt - now);
  }

  begin(transport: string, now: number): void {
    const slots = this.#of(transport);
    slots.busy += 1;
    slots.nextAt = now + this.#limits(transport).rateDelay;
  }

  end(transport: string): void {
    this.#of(transport).busy -= 1;
  }

  /** As many as there are transports. */
  #of(transport: string): Slots {
    let slots = this.#known.get(transport);
    if (slots === undefined) {
      slots = { busy: 0, nextAt: 0 };
      this.#known.set(transport, slots);
    }
    return slots;
  }
}
