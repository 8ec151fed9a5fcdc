/** The keys of a plugin's configuration file that are the bus's own, one row each; all others are the plugin's. */
import type { Fault } from '../fault.ts';
import type { PluginFile, Values } from './file.ts';

interface BusKey<T> {
  /** To follow `expected`. */
  readonly expected: string;
  /** Undefined if the value is wrong. */
  read(value: unknown): T | undefined;
}

const key = <T>(expected: string, read: BusKey<T>['read']): BusKey<T> => ({ expected, read });

/** One text, or several. */
const texts =
  (isRight: (text: string) => boolean) =>
  (value: unknown): readonly string[] | undefined => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.every((one): one is string => typeof one === 'string' && isRight(one)) ? list : undefined;
  };
const isName = (text: string): boolean => text !== '' && text.length <= 200;
const isDomain = (text: string): boolean => text.length <= 255 && /^[^\s@.]+(?:\.[^\s@.]+)*$/.test(text);
const isAccount = (text: string): boolean => text.length <= 320 && /^[^\s@]+@[^\s@]+$/.test(text);

const BUS_KEYS = {
  /** The longest that one call may take, in seconds. */
  deadline: key('a number of seconds from above 0 to 3600', (value) =>
    typeof value === 'number' && value > 0 && value <= 3600 ? value : undefined,
  ),
  /** How a failed call counts. */
  onError: key('"defer" or "pass"', (value) => (value === 'defer' || value === 'pass' ? value : undefined)),
  /** Whether it runs in a process of its own; absent: unless it comes with this server. */
  worker: key('true or false', (value) => (typeof value === 'boolean' ? value : undefined)),
  /** Of that thread: megabytes of its heap, and as many outside of it. Node and our own code need 32. */
  memory_mb: key('a number of megabytes from 32 to 1048576', (value) =>
    typeof value === 'number' && value >= 32 && value <= 1_048_576 ? value : undefined,
  ),
  /** Plugins that are called before this one, instead of those that its code names. */
  after: key('names of plugins', texts(isName)),
  /** Plugins that are called after this one, instead of those that its code names. */
  before: key('names of plugins', texts(isName)),
  /** The plugin is called for these only (activation.ts). */
  domains: key('domains such as "example.org"', texts(isDomain)),
  accounts: key('addresses such as "a@example.org"', texts(isAccount)),
};

export const isBusKey = (name: string): boolean => Object.hasOwn(BUS_KEYS, name);

/** What is set, by its key. */
export type BusSettings = {
  readonly [K in keyof typeof BUS_KEYS]?: Exclude<ReturnType<(typeof BUS_KEYS)[K]['read']>, undefined>;
};

export interface Parted {
  readonly settings: BusSettings;
  readonly own: Values;
  readonly faults: readonly Fault[];
}

/** What is the bus's, and what is the plugin's. */
export function partKeys({ path, values, lines }: PluginFile): Parted {
  const settings: Record<string, unknown> = {};
  const own: Record<string, unknown> = {};
  const faults: Fault[] = [];
  for (const [name, value] of Object.entries(values)) {
    const row = isBusKey(name) ? BUS_KEYS[name as keyof typeof BUS_KEYS] : undefined;
    if (row === undefined) {
      // An assignment to __proto__ would set no property.
      Object.defineProperty(own, name, { value, enumerable: true, configurable: true, writable: true });
      continue;
    }
    const read = row.read(value);
    if (read !== undefined) settings[name] = read;
    else faults.push({ file: path, line: lines.of([name]), message: `${name}: expected ${row.expected}` });
  }
  return { settings, own, faults };
}
