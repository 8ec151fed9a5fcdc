/**
 * A row of the parameter table: type, default, state and one line of documentation of a main.cf parameter.
 *
 * The builders below make rows that act; `noMeaning` and `unsupportedGuards` mark those that do not. A file of this folder holds the rows of one subject; `table.ts` puts them together. Validation, `postconf`,
 * the typed names of ParameterReader and docs/reference/parameters.md all come from here.
 */

export type ParameterType =
  /** A text for people or with its own syntax, expanded. May contain `#`. */
  | 'text'
  /** Expanded by its user, with additional names (`$user`, `$rbl_what`). */
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
  /** Any names, with `!`, file names and tables. */
  | 'names'
  | 'choice'
  /** A list of words, each one of `choices`. */
  | 'words'
  /** Versions of TLS: `>=TLSv1.2`, `!TLSv1`. */
  | 'tlsversions'
  /** Names of ciphers or of kinds of them. */
  | 'ciphers'
  /** OpenSSL's options by name or number. */
  | 'ssloptions'
  | 'sslworkarounds'
  /** `sha256` */
  | 'digest'
  /** A text without white space. */
  | 'word'
  /** One host or domain name. */
  | 'hostname'
  /** A host name or an address literal, as sent in HELO. */
  | 'heloname'
  /** Addresses and host names to listen on, `all`, `loopback-only`. */
  | 'interfaces'
  /** `domain`, `[host]`, either with `:port`. */
  | 'nexthop'
  | 'nexthops'
  /** `inet:host:port`, `unix:path`, or one in `{ }` with settings of its own. */
  | 'milters'
  /** `transport` or `transport:nexthop`. */
  | 'transport'
  | 'transports'
  /** `host:port`, `unix:/path`. */
  | 'server'
  /** `address:port` of this host, `unix:/path`. */
  | 'listener'
  /** One mail address. */
  | 'address'
  | 'ipv4'
  | 'ipv6'
  /** A user or group of the system. */
  | 'account'
  /** A port's number or name. */
  | 'port'
  /** Names of ports. */
  | 'ports'
  /** A number or a fraction for concurrency. */
  | 'feedback'
  /** A 4xx or 5xx reply code. */
  | 'code'
  | 'path'
  /** `sqlite`, or the URI of a MongoDB database. */
  | 'store'
  /** A number of processes, or `auto`. */
  | 'processes'
  /** A domain, or the name of a file whose first line is the domain. */
  | 'filetext'
  | 'level';

/** The effect of a parameter here. A name without a row is unknown. */
export type ParameterState = 'acts' | 'no meaning' | 'not supported';

export interface Row<T extends ParameterType = ParameterType> {
  readonly type: T;
  /** As in main.cf: may contain `$name`. */
  readonly default: string;
  readonly doc: string;
  /**
   * `acts`: has an effect. `no meaning`: what it controls does not exist here (`reason`). `not supported`: could have
   * an effect, but does not yet.
   */
  readonly state: ParameterState;
  /** Why it has no meaning, in a few words. */
  readonly reason?: string;
  /** For an unsupported parameter that users rely on for security: setting it makes a start fail. */
  readonly guards?: true;
  /** For `number`, inclusive. */
  readonly minimum?: number;
  readonly maximum?: number;
  /** For `choice` and `words`. */
  readonly choices?: readonly string[];
  /** Whether a single value may be empty; if absent, whether the default is empty. */
  readonly empty?: boolean;
}

/** Their lists may name files, whose lines are items, and tables, whose keys are. */
export const MATCH_LISTS: ReadonlySet<ParameterType | undefined> = new Set(['domains', 'networks', 'names']);

export type Rows = Readonly<Record<string, Row>>;

/** Whether whoever uses the value expands it, with names of its own. */
export const isRaw = (type: ParameterType | undefined): boolean => type === 'raw' || type === 'rawlist';

type Builder<T extends ParameterType> = (initial: string, doc: string) => Row<T>;
const builder =
  <T extends ParameterType>(type: T): Builder<T> =>
  (initial, doc) => ({ type, default: initial, doc, state: 'acts' });

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
export const names = builder('names');
export const code = builder('code');
export const path = builder('path');
export const filetext = builder('filetext');
export const level = builder('level');
export const word = builder('word');
export const tlsversions = builder('tlsversions');
export const ciphers = builder('ciphers');
export const ssloptions = builder('ssloptions');
export const sslworkarounds = builder('sslworkarounds');
export const digest = builder('digest');
export const store = builder('store');
export const processes = builder('processes');
export const hostname = builder('hostname');
export const heloname = builder('heloname');
export const interfaces = builder('interfaces');
export const nexthop = builder('nexthop');
export const nexthops = builder('nexthops');
export const milters = builder('milters');
export const transport = builder('transport');
export const transports = builder('transports');
export const server = builder('server');
export const listener = builder('listener');
export const address = builder('address');
export const ipv4 = builder('ipv4');
export const ipv6 = builder('ipv6');
export const account = builder('account');
export const port = builder('port');
export const ports = builder('ports');
export const feedback = builder('feedback');

export function number(
  initial: string,
  doc: string,
  bounds: { readonly minimum?: number; readonly maximum?: number } = {},
): Row<'number'> {
  return { type: 'number', default: initial, doc, state: 'acts', ...bounds };
}

export function choice(choices: readonly string[], initial: string, doc: string): Row<'choice'> {
  return { type: 'choice', default: initial, doc, state: 'acts', choices };
}

export function words(choices: readonly string[], initial: string, doc: string): Row<'words'> {
  return { type: 'words', default: initial, doc, state: 'acts', choices };
}

/** Parameters of things that do not exist here: accepted, checked, reported if set. */
export const noMeaning = <R extends Rows>(reason: string, rows: R): R => marked(rows, { state: 'no meaning', reason });

/**
 * Parameters that could have an effect but do not yet, and whose loss would weaken security: a start fails unless
 * `unsupported_parameters = warn`.
 */
export const unsupportedGuards = <R extends Rows>(rows: R): R => marked(rows, { state: 'not supported', guards: true });

function marked<R extends Rows>(rows: R, mark: Pick<Row, 'state' | 'reason' | 'guards'>): R {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, { ...row, ...mark }])) as unknown as R;
}
