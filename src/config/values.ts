/** The texts that main.cf writes values in, and whether a value fits its parameter's row. */
import { splitTexts } from '../lookup/split-list.ts';
import { parseLevel } from './compatibility-level.ts';
import type { Row } from './parameters/row.ts';

/** `yes` or `no`, in any case. */
export function parseBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  return lower === 'yes' ? true : lower === 'no' ? false : undefined;
}

export function parseNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds. `defaultUnit` (s, m, h, d, w) is for numbers without one. */
export function parseTime(text: string, defaultUnit = 's'): number | undefined {
  const match = /^(\d{1,10})([smhdw])?$/i.exec(text);
  const unit = UNITS[match?.[2]?.toLowerCase() ?? defaultUnit];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** The unit of a bare number: the one that the default is written in, as Postfix has it. */
export function defaultUnit(row: Row): string {
  return /[smhdw]$/.exec(row.default)?.[0] ?? 's';
}

const PROTOCOLS = new Set(['all', 'ipv4', 'ipv6']);

type Check = (value: string, row: Row) => string | undefined;

const CHECKS: Readonly<Partial<Record<Row['type'], Check>>> = {
  boolean: (value) => (parseBoolean(value) === undefined ? 'expected yes or no' : undefined),
  number: (value, row) => {
    const number = parseNumber(value);
    if (number === undefined) return 'expected a whole number';
    if (row.minimum !== undefined && number < row.minimum) return `expected ${row.minimum} or more`;
    return row.maximum !== undefined && number > row.maximum ? `expected ${row.maximum} or less` : undefined;
  },
  time: (value, row) => (parseTime(value, defaultUnit(row)) === undefined ? 'expected a time such as 30s, 5m, 4h, 5d or 2w' : undefined),
  code: (value) => (/^[45]\d\d$/.test(value) ? undefined : 'expected a reply code from 400 to 599'),
  level: (value) => (parseLevel(value) === undefined ? 'expected a level such as 2, 3.6 or 3.6.1' : undefined),
  choice: (value, row) => (row.choices?.includes(value) ? undefined : `expected one of ${row.choices?.map((word) => word || '(empty)').join(', ')}`),
};

const NAMED_CHECKS: Readonly<Record<string, Check>> = {
  inet_protocols: (value) => {
    const wrong = splitTexts(value).find((word) => !PROTOCOLS.has(word));
    return wrong === undefined ? undefined : `"${wrong}": expected all, ipv4 or ipv6`;
  },
  myhostname: (value) => (/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(value) ? undefined : 'expected a host name'),
};

/** What is wrong with an expanded value, or undefined. Restrictions, tables and networks are checked item by item elsewhere. */
export function valueFault(name: string, row: Row, value: string): string | undefined {
  const problem = NAMED_CHECKS[name]?.(value, row) ?? CHECKS[row.type]?.(value, row);
  return problem === undefined ? undefined : `"${value.slice(0, 80)}": ${problem}`;
}
