/**
 * An operation is something an administrator does. Each is implemented once, in the table in `operations.ts`; the
 * command line and the admin socket are interfaces to it.
 */
import type { PluginFacts } from '../bus/bus.ts';
import type { Family } from '../counter.ts';
import type { AddressClass } from '../lookup/domains.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { LoginResult } from '../server/login/authenticator.ts';
import type { QueueFilter } from '../store/queue.ts';
import type { Store } from '../store/store.ts';
import type { Explanation, Hypothetical } from './explanation.ts';
import type { LoginReport } from './login-report.ts';

interface RunningServer {
  reload(): Promise<readonly string[]>;
  status(): Promise<unknown>;
  metrics(): Promise<readonly Family[]>;
  /** In the order in which they are called. */
  plugins(): readonly PluginFacts[];
  stop(): void;
  /** An operation has succeeded with this result. */
  done(name: string, result: unknown): void;
  /** A login as clients make it, throttled as theirs. */
  logIn(login: string, password: Buffer): Promise<LoginResult>;
  reportLogin(login: string, password: Buffer): Promise<LoginReport>;
  /** What would happen to a message. Rejects with OperationError. */
  explain(asked: Hypothetical): Promise<Explanation>;
}

/** What operations act on: a running server, or only its store if none is running. */
export interface AdminServices {
  readonly store: Store;
  /** The domain for names without one: `user add maomao`. */
  readonly defaultDomain: string;
  /** The class of a domain (lookup/domains.ts); null if a table is unavailable, which the next start reports. */
  addressClass(domain: string): Promise<AddressClass | null>;
  /** Whether mail to a local address can be delivered; true if a table is unavailable. */
  recipientExists(address: string): Promise<boolean>;
  readonly parameters: ParameterReader;
  hashPassword(password: string): Promise<string>;
  /**
   * Makes items due; a running server also retries dead destinations and deferred transports (postqueue -f). Returns
   * how many.
   */
  flush(filter: QueueFilter): Promise<number>;
  /** Tells the runner that the queue changed; does nothing if no server is running. */
  wake(): void;
  /** Null if no server is running. */
  readonly server: RunningServer | null;
  readonly clock: () => number;
  /** Hears how far a long operation is; throws if nobody waits for the result any more. */
  readonly progress: (done: number, of: number) => void;
}

/** The request cannot be carried out; the message says why and what to do. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
}

export type Arguments = Readonly<Record<string, unknown>>;
export type Operation = (services: AdminServices, given: Arguments) => Promise<unknown>;

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

/** The items of an asynchronous listing, at most `limit`. */
export async function gather<T>(batches: AsyncIterable<readonly T[]>, limit: number): Promise<T[]> {
  const items: T[] = [];
  for await (const batch of batches) {
    items.push(...batch.slice(0, limit - items.length));
    if (items.length >= limit) break;
  }
  return items;
}
