/**
 * A row of the parameter table: type, default and one line of documentation of a main.cf parameter.
 *
 * The builders below make rows; a file of this folder holds the rows of one subject; `../parameters.ts`
 * puts them together. Validation, `postconf` and the documentation all come from here.
 */

export type ParameterType =
  /** A text for people or with a syntax of its own, expanded. It may hold `#`. */
  | 'text'
  /** Expanded by whoever uses it, with names of its own (`$user`, `$rbl_what`). */
  | 'raw'
  | 'rawlist'
  | 'boolean'
  | 'number'
  /** A number with s, m, h, d or w. */
  | 'time'
  | 'list'
  /** `type:name` lookup tables. */
  | 'tables'
  | 'restrictions'
  /** Domain names, with `!`, file names and tables. */
  | 'domains'
  /** Networks and addresses, with `!`, file names and tables. */
  | 'networks'
  | 'choice'
  /** A list of words, each one of `choices`. */
  | 'words'
  /** A text without white space. */
  | 'word'
  /** One host or domain name. */
  | 'hostname'
  /** A host name or an address literal, as said in HELO. */
  | 'heloname'
  /** Addresses and host names to listen at, `all`, `loopback-only`. */
  | 'interfaces'
  /** `domain`, `[host]`, either with `:port`. */
  | 'nexthop'
  | 'nexthops'
  /** `transport` or `transport:nexthop`. */
  | 'transport'
  | 'transports'
  /** `host:port`, `unix:/path`. */
  | 'server'
  /** One mail address. */
  | 'address'
  | 'ipv4'
  | 'ipv6'
  /** A user or group of the system. */
  | 'account'
  /** A port's number or name. */
  | 'port'
  /** A number or a fraction for concurrency. */
  | 'feedback'
  /** A 4xx or 5xx reply code. */
  | 'code'
  | 'path'
  /** A domain, or the name of a file whose first line is the domain. */
  | 'filetext'
  | 'level';

export interface Row {
  readonly type: ParameterType;
  /** As in main.cf: may hold `$name`. */
  readonly default: string;
  readonly doc: string;
  /** False: accepted and checked, without effect here. */
  readonly acts: boolean;
  /** For `number`, inclusive. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** For `choice` and `words`. */
  readonly choices?: readonly string[];
  /** Whether one value may be nothing; where it is not said, as the default is nothing or not. */
  readonly empty?: boolean;
}

export type Rows = Readonly<Record<string, Row>>;

type Builder = (initial: string, doc: string) => Row;
const builder =
  (type: ParameterType): Builder =>
  (initial, doc) => ({ type, default: initial, doc, acts: true });

export const text = builder('text');
export const raw = builder('raw');
export const rawlist = builder('rawlist');
export const boolean = builder('boolean');
export const time = builder('time');
export const list = builder('list');
export const tables = builder('tables');
export const restrictions = builder('restrictions');
export const domains = builder('domains');
export const networks = builder('networks');
export const code = builder('code');
export const path = builder('path');
export const filetext = builder('filetext');
export const level = builder('level');
export const word = builder('word');
export const hostname = builder('hostname');
export const heloname = builder('heloname');
export const interfaces = builder('interfaces');
export const nexthop = builder('nexthop');
export const nexthops = builder('nexthops');
export const transport = builder('transport');
export const transports = builder('transports');
export const server = builder('server');
export const address = builder('address');
export const ipv4 = builder('ipv4');
export const ipv6 = builder('ipv6');
export const account = builder('account');
export const port = builder('port');
export const feedback = builder('feedback');

export function number(initial: string, doc: string, bounds: { readonly minimum?: number; readonly maximum?: number } = {}): Row {
  return { type: 'number', default: initial, doc, acts: true, ...bounds };
}

export function choice(choices: readonly string[], initial: string, doc: string): Row {
  return { type: 'choice', default: initial, doc, acts: true, choices };
}

export function words(choices: readonly string[], initial: string, doc: string): Row {
  return { type: 'words', default: initial, doc, acts: true, choices };
}

/** Rows that are accepted and checked, and have no effect here. */
export function inert(rows: Rows): Rows {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, { ...row, acts: false }]));
}
