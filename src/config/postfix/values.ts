/** The syntax of main.cf values, and whether a value is valid for its parameter's row. */
import { type PortNames, parsePortNames } from '../../lookup/ports.ts';
import { exclusionFault } from '../../protocol/tls/ciphers.ts';
import { digestFault } from '../../protocol/tls/fingerprint.ts';
import { optionFault, workaroundFault } from '../../protocol/tls/options.ts';
import { versionFault } from '../../protocol/tls/versions.ts';
import { parseLevel } from './compatibility-level.ts';
import type { ParameterType, Row } from './parameters/row.ts';
import {
  account,
  domainPattern,
  feedback,
  heloName,
  hostName,
  ipv4,
  ipv6,
  isTextTransport,
  listener,
  mailAddress,
  milter,
  networkInterface,
  nexthop,
  port,
  type Shape,
  server,
  transport,
  word,
} from './shapes.ts';

/** `yes` or `no`, in any case; null where it is neither. */
export function parseBoolean(text: string): boolean | null {
  const lower = text.toLowerCase();
  return lower === 'yes' ? true : lower === 'no' ? false : null;
}

export function parseNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds. `defaultUnit` (s, m, h, d, w) applies to numbers without a unit. */
export function parseTime(text: string, defaultUnit = 's'): number | null {
  const match = /^(\d{1,10})([smhdw])?$/i.exec(text);
  const unit = UNITS[match?.[2]?.toLowerCase() ?? defaultUnit];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}

/** The unit of a bare number: that of the default, as in Postfix. */
export function defaultUnit(row: Row): string {
  return /[smhdw]$/.exec(row.default)?.[0] ?? 's';
}

/** What is wrong with a value or an item, or undefined. */
type Check = (value: string, row: Row, ports: PortNames) => string | undefined;

/** A value of this format, or empty if the row allows it. */
const one =
  (shape: Shape): Check =>
  (value, row, ports) =>
    value === '' && (row.empty ?? row.default === '') ? undefined : shape(value, ports);

const CHECKS: Readonly<Partial<Record<ParameterType, Check>>> = {
  boolean: (value) => (parseBoolean(value) === null ? 'expected yes or no' : undefined),
  number: (value, row) => {
    const number = parseNumber(value);
    if (number === null) return 'expected a whole number';
    if (row.minimum !== undefined && number < row.minimum) return `expected ${row.minimum} or more`;
    return row.maximum !== undefined && number > row.maximum ? `expected ${row.maximum} or less` : undefined;
  },
  time: (value, row) =>
    parseTime(value, defaultUnit(row)) === null ? 'expected a time such as 30s, 5m, 4h, 5d or 2w' : undefined,
  code: (value) => (/^[45]\d\d$/.test(value) ? undefined : 'expected a reply code from 400 to 599'),
  level: (value) => (parseLevel(value) === null ? 'expected a level such as 2, 3.6 or 3.6.1' : undefined),
  choice: (value, row) =>
    row.choices?.includes(value)
      ? undefined
      : `expected one of ${row.choices?.map((it) => it || '(empty)').join(', ')}`,
  // Not the value itself: it may have a password.
  store: (value) =>
    value === 'sqlite' || /^mongodb(\+srv)?:\/\/[^\s/]+/.test(value)
      ? undefined
      : 'expected sqlite, or a URI that begins with mongodb:// and a host',
  processes: (value) =>
    /^(auto|[1-9]\d?)$/.test(value) ? undefined : 'expected auto, or a number of processes from 1 to 99',
  word: (value, _row, ports) => (value === '' ? undefined : word(value, ports)),
  hostname: one(hostName),
  heloname: one(heloName),
  // A file name: its content is checked when it is read.
  filetext: (value, _row, ports) => (value.startsWith('/') ? undefined : hostName(value, ports)),
  nexthop: one((value, ports) =>
    /[\s,]/.test(value) ? 'expected one host or domain: only one next hop is used here' : nexthop(value, ports),
  ),
  ports: (value) => parsePortNames(value).fault,
  transport: one(transport),
  server: one(server),
  listener: one(listener),
  address: one(mailAddress),
  ipv4: one(ipv4),
  ipv6: one(ipv6),
  account: one(account),
  port: one(port),
  feedback: one(feedback),
  digest: digestFault,
};

/** Lists of TLS may also have colons between their items. */
const eachOf = (items: string, fault: (item: string) => string | undefined): string | undefined =>
  items
    .split(':')
    .filter(Boolean)
    .map(fault)
    .find((found) => found !== undefined);

const ITEM_CHECKS: Readonly<Partial<Record<ParameterType, Check>>> = {
  words: (item, row) => (row.choices?.includes(item) ? undefined : `expected one of ${row.choices?.join(', ')}`),
  tlsversions: (item) => eachOf(item, versionFault),
  ciphers: (item) => eachOf(item, exclusionFault),
  ssloptions: (item) => eachOf(item, optionFault),
  sslworkarounds: (item) => eachOf(item, workaroundFault),
  domains: (item, _row, ports) => domainPattern(item, ports),
  networks: (item, _row, ports) => (isNumeric(item) ? undefined : domainPattern(item, ports)),
  interfaces: (item, _row, ports) => networkInterface(item, ports),
  nexthops: (item, _row, ports) => nexthop(item, ports),
  milters: (item, _row, ports) => milter(item, ports),
  transports: (item) => (/^[A-Za-z0-9._-]+$/.test(item) ? undefined : 'expected the name of a transport'),
};

/** Addresses and networks have their own check with better messages: `networkFault`. */
const isNumeric = (item: string): boolean => /^!*(?:[\d[]|[0-9a-f]*:)/i.test(item);

const REMARK = 'a comment needs its own line';

const told = (text: string, problem: string | undefined): string | undefined =>
  problem === undefined ? undefined : `"${text.slice(0, 80)}": ${problem}${text.includes('#') ? `; ${REMARK}` : ''}`;

/** What is wrong with an expanded value as a whole, or undefined. Restrictions and tables are checked elsewhere. */
export function valueFault(row: Row, value: string, ports: PortNames = new Map()): string | undefined {
  return told(value, CHECKS[row.type]?.(value, row, ports));
}

/** What is wrong with an item of a list, or undefined. */
export function itemFault(row: Row, item: string, ports: PortNames = new Map()): string | undefined {
  return told(item, ITEM_CHECKS[row.type]?.(item, row, ports));
}

/** Types whose values may contain a `#` after white space: texts for people, and those with names of their own. */
const TAKES_REMARKS: ReadonlySet<ParameterType> = new Set(['text', 'raw', 'rawlist']);
const MAX_REMARKS = 10;

export interface Remark {
  readonly offset: number;
  readonly text: string;
}

/** The trailing comments of a value's lines, and the value without them, with all other characters in their places. */
export function cutRemarks(
  row: Row,
  value: string,
  lineOf: (offset: number) => number,
): { readonly value: string; readonly remarks: readonly Remark[] } {
  const remarks: Remark[] = [];
  if (TAKES_REMARKS.has(row.type) || (row.type === 'transport' && isTextTransport(value))) return { value, remarks };
  let rest = value;
  for (let at = remarkIn(rest, 0); at >= 0 && remarks.length < MAX_REMARKS; at = remarkIn(rest, at)) {
    const end = lineEnd(rest, at, lineOf);
    remarks.push({ offset: at, text: rest.slice(at, end).trim() });
    rest = rest.slice(0, at) + ' '.repeat(end - at) + rest.slice(end);
  }
  return { value: remarks.length === 0 ? value : rest.trimEnd(), remarks };
}

/** `#` at the start of a word, outside of `{ … }`; -1 if there is none. */
function remarkIn(value: string, from: number): number {
  let depth = 0;
  for (let at = from; at < value.length; at += 1) {
    const character = value.charAt(at);
    if (character === '{') depth += 1;
    else if (character === '}' && depth > 0) depth -= 1;
    else if (character === '#' && depth === 0 && (at === 0 || /[\s,]/.test(value.charAt(at - 1)))) return at;
  }
  return -1;
}

/** The end of the physical line that contains the character at `at`. */
function lineEnd(value: string, at: number, lineOf: (offset: number) => number): number {
  const line = lineOf(at);
  let [low, high] = [at + 1, value.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lineOf(middle) === line) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const remarkFault = (text: string): string =>
  `"${text.slice(0, 60)}": ${REMARK}: here it is read as part of the value`;
