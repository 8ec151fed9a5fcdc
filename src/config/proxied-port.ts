import type { Network } from '../lookup/network.ts';

/** A port behind proxies, which begin each connection with a PROXY header. */
export interface ProxiedPort {
  /** How long the header may take, ms. */
  readonly headerTimeout: number;
  /** Where the proxies are; null: whoever connects counts as one. */
  readonly trusted: readonly Network[] | null;
}
