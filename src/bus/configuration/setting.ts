/**
 * Settings of a plugin, for authors who want nothing installed: `setting.text()`, `setting.number({ min: 1 })`, … Each
 * is a Standard Schema, checks its value, says what it expected, and has a default unless it must be there.
 */
import { readDuration } from '../duration.ts';
import { type Path, pathWords } from './lines.ts';
import { type SchemaIssue, type StandardSchema, unknownKey } from './standard-schema.ts';

/** A value of type T. Without a default it must be in the file. */
export interface Setting<T> extends StandardSchema<T> {
  /** @internal */
  readonly read: Reader<T>;
}

type Reader<T> = (value: unknown, path: Path, faults: SchemaIssue[]) => T;

interface Options<T> {
  /** The value where there is none in the file. */
  readonly default?: T;
}

type Shape = Readonly<Record<string, Setting<unknown>>>;
type ValuesOf<S extends Shape> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

function make<T>(read: Reader<T>): Setting<T> {
  return {
    read,
    '~standard': {
      version: 1,
      vendor: 'posthorn',
      validate(value) {
        const issues: SchemaIssue[] = [];
        const result = read(value, [], issues);
        return issues.length > 0 ? { issues } : { value: result };
      },
    },
  };
}

/** A setting of one value; `accept` returns undefined for what it does not take. */
function scalar<T>(
  expected: string,
  accept: (value: unknown) => T | undefined,
  { default: fallback }: Options<T>,
): Setting<T> {
  return make((value, path, faults) => {
    if (value === undefined && fallback !== undefined) return fallback;
    const accepted = value === undefined ? undefined : accept(value);
    if (accepted === undefined) faults.push({ path, message: `${gotWords(value, path)}, expected ${expected}` });
    // With a fault nobody sees it.
    return accepted as T;
  });
}

/** Names whose values are not shown. */
const SECRET = /pass|secret|token|key/i;

function gotWords(value: unknown, path: Path): string {
  if (value === undefined) return 'is missing';
  if (value === null) return 'is null';
  if (Array.isArray(value)) return 'is a list';
  if (typeof value === 'object') return value instanceof Date ? 'is a date' : 'has keys of its own';
  if (SECRET.test(pathWords(path))) return `is a ${typeof value}`;
  return `is ${(JSON.stringify(value) ?? typeof value).slice(0, 60)}`;
}

const range = (unit: string, min: number | undefined, max: number | undefined): string =>
  min !== undefined && max !== undefined
    ? `${unit} from ${min} to ${max}`
    : min !== undefined
      ? `${unit} of at least ${min}`
      : max !== undefined
        ? `${unit} of at most ${max}`
        : unit;

const within = (value: number, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): boolean =>
  value >= min && value <= max;

const LONGEST_LIST = 10_000;

export const setting = {
  /** Text; `pattern` must match it. */
  text: (options: Options<string> & { readonly pattern?: RegExp; readonly expected?: string } = {}): Setting<string> =>
    scalar(
      options.expected ?? (options.pattern === undefined ? 'text' : `text that matches ${options.pattern}`),
      (value) => (typeof value === 'string' && options.pattern?.test(value) !== false ? value : undefined),
      options,
    ),

  number: (
    options: Options<number> & { readonly min?: number; readonly max?: number; readonly whole?: boolean } = {},
  ): Setting<number> =>
    scalar(
      range(options.whole === true ? 'a whole number' : 'a number', options.min, options.max),
      (value) =>
        typeof value === 'number' &&
        Number.isFinite(value) &&
        (options.whole !== true || Number.isSafeInteger(value)) &&
        within(value, options.min, options.max)
          ? value
          : undefined,
      options,
    ),

  boolean: (options: Options<boolean> = {}): Setting<boolean> =>
    scalar('true or false', (value) => (typeof value === 'boolean' ? value : undefined), options),

  /** One of these texts. */
  oneOf: <const T extends string>(values: readonly T[], options: Options<NoInfer<T>> = {}): Setting<T> =>
    scalar(
      `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
      (value) => values.find((one) => one === value),
      options,
    ),

  /** In seconds; written as a number of them, or as `"5 min"`, `"1 h"`, `"2 days"`. `default`, `min`, `max` in seconds. */
  duration: (options: Options<number> & { readonly min?: number; readonly max?: number } = {}): Setting<number> =>
    scalar(
      `${range('a time in seconds', options.min, options.max)}, or such as "5 min"`,
      (value) => {
        const seconds = readDuration(value);
        return seconds !== null && within(seconds, options.min, options.max) ? seconds : undefined;
      },
      options,
    ),

  /** Several of a kind. A single value counts as a list of one. */
  list: <T>(of: Setting<T>, options: Options<readonly T[]> & { readonly most?: number } = {}): Setting<readonly T[]> =>
    make((value, path, faults) => {
      if (value === undefined && options.default !== undefined) return options.default;
      const most = options.most ?? LONGEST_LIST;
      if (value === undefined) faults.push({ path, message: 'is missing, expected a list' });
      else if (!Array.isArray(value)) return [of.read(value, path, faults)];
      else if (value.length > most)
        faults.push({ path, message: `has ${value.length} items, expected at most ${most}` });
      else return value.map((item: unknown, i) => of.read(item, [...path, i], faults));
      return [];
    }),

  /** Values of a kind by names of any kind. */
  map: <T>(of: Setting<T>, options: Options<Readonly<Record<string, T>>> = {}): Setting<Readonly<Record<string, T>>> =>
    make((value, path, faults) => {
      if (value === undefined && options.default !== undefined) return options.default;
      if (isObject(value))
        return Object.fromEntries(
          Object.entries(value).map(([name, item]) => [name, of.read(item, [...path, name], faults)]),
        );
      faults.push({ path, message: `${gotWords(value, path)}, expected names and values` });
      return {};
    }),

  /** Settings within settings. Without any of them in the file, it has their defaults. */
  object: <const S extends Shape>(shape: S): Setting<ValuesOf<S>> =>
    make((value, path, faults) => {
      if (value !== undefined && !isObject(value)) {
        faults.push({ path, message: `${gotWords(value, path)}, expected ${Object.keys(shape).join(', ')}` });
        return {} as ValuesOf<S>;
      }
      const given: Readonly<Record<string, unknown>> = value ?? {};
      for (const name of Object.keys(given))
        if (!Object.hasOwn(shape, name))
          faults.push({ path: [...path, name], message: unknownKey(name, Object.keys(shape)) });
      const read = Object.entries(shape).map(([name, { read: one }]) => [
        name,
        one(Object.hasOwn(given, name) ? given[name] : undefined, [...path, name], faults),
      ]);
      return Object.fromEntries(read) as ValuesOf<S>;
    }),

  /** Undefined where it is not in the file. */
  optional: <T>(of: Setting<T>): Setting<T | undefined> =>
    make((value, path, faults) => (value === undefined ? undefined : of.read(value, path, faults))),
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
