/**
 * Metrics of plugins (`server.metrics`), shown at /metrics as `posthorn_plugin_<name>_…`. They are of the process, as
 * all counters are: a reload goes on counting.
 */
import { Counter, type Family, Gauge, Histogram } from '../../counter.ts';

type Values<L extends readonly string[]> = { readonly [K in keyof L]: string };

export interface PluginMetrics {
  /** Only rises. `name` ends with `_total`. */
  counter<const L extends readonly string[] = []>(
    name: string,
    help: string,
    labels?: L,
  ): {
    count(...values: Values<L>): void;
    add(amount: number, ...values: Values<L>): void;
  };
  /** A value now. Over several processes: their sum, or the highest. */
  gauge<const L extends readonly string[] = []>(
    name: string,
    help: string,
    labels?: L,
    across?: Family['across'],
  ): { set(value: number, ...values: Values<L>): void };
  /** How values are distributed: `bounds` of the buckets, rising. */
  histogram<const L extends readonly string[] = []>(
    name: string,
    help: string,
    labels: L,
    bounds: readonly number[],
  ): { observe(value: number, ...values: Values<L>): void };
}

type Metric = Counter<readonly string[]> | Gauge<readonly string[]> | Histogram<readonly string[]>;

interface Registered {
  readonly plugin: string;
  /** How it was made: another one replaces it. */
  readonly made: string;
  readonly metric: Metric;
}

const MOST_METRICS = 50;
const MOST_LABELS = 5;
const MOST_BUCKETS = 30;
const LONGEST_HELP = 200;
const LONGEST_VALUE = 100;
const NAME = /^[a-z][a-z0-9_]{0,60}$/;

const registered = new Map<string, Registered>();

/** Of all plugins that there were since the process began. */
export const pluginFamilies = (): Family[] => [...registered.values()].map(({ metric }) => metric.family);

/** Every method throws an Error that says what it expected. */
export function pluginMetrics(plugin: string): PluginMetrics {
  const prefix = `posthorn_plugin_${plugin.toLowerCase().replace(/[^a-z0-9]+/g, '_')}_`;
  const make = <M extends Metric>(
    kind: string,
    { name, help, labels }: { readonly name: unknown; readonly help: unknown; readonly labels: unknown },
    more: readonly unknown[],
    create: (name: string) => M,
  ): M => {
    const what = `server.metrics.${kind}(${JSON.stringify(String(name).slice(0, 60))})`;
    const fault = faultOf(kind, name, help, labels);
    if (fault !== null) throw new Error(`${what} needs ${fault}`);
    const full = `${prefix}${String(name)}`;
    const made = JSON.stringify([kind, help, labels, ...more]);
    const known = registered.get(full);
    if (known !== undefined && known.plugin !== plugin)
      throw new Error(`${what}: the plugin ${known.plugin} has ${full} already`);
    if (known?.made === made) return known.metric as M;
    if ([...registered.values()].filter((one) => one.plugin === plugin).length >= MOST_METRICS)
      throw new Error(`${what}: a plugin may have ${MOST_METRICS} metrics`);
    const metric = create(full);
    registered.set(full, { plugin, made, metric });
    return metric;
  };
  return {
    counter(name, help, labels) {
      const own = labels ?? [];
      const counter = make(
        'counter',
        { name, help, labels: own },
        [],
        (full) => new Counter(full, help, own as readonly string[]),
      );
      const add = (amount: number, ...values: readonly string[]): void =>
        counter.add(checkedAmount('counter', name, amount), ...checkedValues(name, own, values));
      return { add, count: (...values: readonly string[]) => add(1, ...values) };
    },
    gauge(name, help, labels, across = 'sum') {
      const own = labels ?? [];
      if (across !== 'sum' && across !== 'max') throw new Error(`${name}: a gauge is 'sum' or 'max' over processes`);
      const gauge = make(
        'gauge',
        { name, help, labels: own },
        [across],
        (full) => new Gauge(full, help, own as readonly string[], across),
      );
      return {
        set: (value: number, ...values: readonly string[]) =>
          gauge.set(checkedAmount('gauge', name, value), ...checkedValues(name, own, values)),
      };
    },
    histogram(name, help, labels, bounds) {
      if (!isRising(bounds)) throw new Error(`${name}: a histogram needs at most ${MOST_BUCKETS} bounds, rising`);
      const histogram = make(
        'histogram',
        { name, help, labels },
        bounds,
        (full) => new Histogram(full, help, labels as readonly string[], [...bounds]),
      );
      return {
        observe: (value: number, ...values: readonly string[]) =>
          histogram.observe(checkedAmount('histogram', name, value), ...checkedValues(name, labels, values)),
      };
    },
  };
}

function faultOf(kind: string, name: unknown, help: unknown, labels: unknown): string | null {
  if (typeof name !== 'string' || !NAME.test(name)) return 'a name of small letters, digits and underscores';
  if (kind === 'counter' && !name.endsWith('_total')) return `a name that ends with _total, such as ${name}_total`;
  if (typeof help !== 'string' || help === '' || help.length > LONGEST_HELP) return 'a line that says what it counts';
  if (
    !Array.isArray(labels) ||
    labels.length > MOST_LABELS ||
    !labels.every((label) => typeof label === 'string' && NAME.test(label) && label !== 'le')
  )
    return `at most ${MOST_LABELS} labels of small letters, digits and underscores`;
  return null;
}

/** Throws if they are not one for each label. */
export function checkedValues(name: string, labels: readonly string[], values: readonly unknown[]): readonly string[] {
  if (values.length !== labels.length)
    throw new Error(
      `${name} needs a value for each of its labels (${labels.join(', ') || 'none'}), got ${values.length}`,
    );
  return values.map((value) => String(value).slice(0, LONGEST_VALUE).replaceAll('\0', '?'));
}

export function checkedAmount(kind: keyof PluginMetrics, name: string, value: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new Error(`${name} needs a number, got ${String(value)}`);
  if (kind === 'counter' && value < 0) throw new Error(`${name}: a counter only rises, got ${value}`);
  return value;
}

const isRising = (bounds: unknown): bounds is readonly number[] =>
  Array.isArray(bounds) &&
  bounds.length > 0 &&
  bounds.length <= MOST_BUCKETS &&
  bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]));
