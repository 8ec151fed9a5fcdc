/**
 * An operation is something an administrator does. It exists once, here; the command line and the
 * admin socket are faces over the table in `operations.ts`.
 */
import type { AddressClass } from '../lookup/domains.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { QueueFilter } from '../store/queue.ts';
import type { Store } from '../store/store.ts';

/** What operations act on: a running server, or just its store when none runs. */
export interface AdminHouse {
  readonly store: Store;
  /** Domain of names without one: `user add maomao`. */
  readonly defaultDomain: string;
  /** Which class a domain is of (lookup/domains.ts); null where a table cannot say, which the next start tells. */
  addressClass(domain: string): Promise<AddressClass | null>;
  /** Whether mail to an address of ours has somewhere to go; true where a table cannot say. */
  recipientExists(address: string): Promise<boolean>;
  readonly parameters: ParameterReader;
  hashPassword(password: string): Promise<string>;
  /**
   * Makes items due; a running server also tries dead destinations and deferred transports again (postqueue -f).
   * Returns how many.
   */
  flush(filter: QueueFilter): Promise<number>;
  /** Tells the runner that the queue changed; nothing where no server runs. */
  wake(): void;
  /** Null where no server runs. */
  readonly server: { reload(): Promise<readonly string[]>; status(): unknown; stop(): void } | null;
  readonly clock: () => number;
}

/** What the administrator asked for cannot be done; the message says why and what to do. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
}

export type Arguments = Readonly<Record<string, unknown>>;
export type Operation = (house: AdminHouse, given: Arguments) => Promise<unknown>;

export function text(given: Arguments, name: string): string {
  const value = given[name];
  if (typeof value !== 'string' || value === '') throw new OperationError(`"${name}" is missing`);
  return value;
}

export function optionalText(given: Arguments, name: string): string | undefined {
  const value = given[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new OperationError(`"${name}" must be a text`);
  return value;
}

export function texts(given: Arguments, name: string): readonly string[] {
  const value = given[name] ?? [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw new OperationError(`"${name}" must be a list of texts`);
  return value;
}

/** All items of an asynchronous listing, `limit` at the most. */
export async function gather<T>(batches: AsyncIterable<readonly T[]>, limit: number): Promise<T[]> {
  const items: T[] = [];
  for await (const batch of batches) {
    items.push(...batch.slice(0, limit - items.length));
    if (items.length >= limit) break;
  }
  return items;
}
