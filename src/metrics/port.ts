/** The address of metrics_listen, which a reload may change. Mail does not depend on it: what fails is a warning. */
import { messageOf } from '../errors.ts';
import { type Answer, type Endpoint, openEndpoint } from './endpoint.ts';

export class MetricsPort implements AsyncDisposable {
  readonly #collect: () => Promise<string>;
  readonly #answer: Answer | null;
  #address = '';
  #endpoint: Endpoint | null = null;

  /** `answer` for what plugins serve there; null for nothing. */
  constructor(collect: () => Promise<string>, answer: Answer | null = null) {
    this.#collect = collect;
    this.#answer = answer;
  }

  /** Listens there and nowhere else; '' for nowhere. `portOffset` is added to the port. Returns warnings. */
  async become(wanted: string, portOffset: number): Promise<readonly string[]> {
    const address = wanted.startsWith('unix:') ? wanted : shifted(wanted, portOffset);
    if (address === this.#address) return [];
    await this[Symbol.asyncDispose]();
    if (address === '') return [];
    try {
      this.#endpoint = await openEndpoint({ address, collect: this.#collect, answer: this.#answer });
      this.#address = address;
    } catch (error) {
      return [`warning: metrics_listen: ${messageOf(error)}; nobody can ask for metrics there`];
    }
    return isOfThisMachine(address)
      ? []
      : [`warning: metrics_listen = ${address}: everybody who reaches that address may read the metrics`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const endpoint = this.#endpoint;
    this.#endpoint = null;
    this.#address = '';
    await endpoint?.close();
  }
}

const shifted = (address: string, offset: number): string =>
  address.replace(/\d+$/, (port) => String(Number(port) + offset));

const isOfThisMachine = (address: string): boolean => /^(unix:|127\.|\[::1\])/.test(address);
