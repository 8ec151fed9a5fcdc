/** An item of smtpd_milters: `inet:host:port`, `unix:path`, or one of them with settings of its own in `{ }`. */

export type MilterEndpoint = { readonly host: string; readonly port: number } | { readonly path: string };

export const DEFAULT_ACTIONS = ['accept', 'reject', 'tempfail', 'quarantine'] as const;
export type DefaultAction = (typeof DEFAULT_ACTIONS)[number];

export interface MilterSpecification {
  /** As written, for log lines. */
  readonly name: string;
  readonly endpoint: MilterEndpoint;
  /** What it has of its own; times in ms. */
  readonly connectTimeout?: number;
  readonly commandTimeout?: number;
  readonly contentTimeout?: number;
  readonly defaultAction?: DefaultAction;
  readonly protocol?: string;
}

type Own = { -readonly [K in Exclude<keyof MilterSpecification, 'name' | 'endpoint'>]: MilterSpecification[K] };

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `30s` in ms; null if it is no time above 0. */
function milliseconds(text: string): number | null {
  const [, digits, unit = 's'] = /^(\d{1,7})([smhdw])?$/.exec(text) ?? [];
  const value = Number(digits ?? 0) * (UNITS[unit] ?? 0) * 1000;
  return value > 0 ? value : null;
}

/** False: the value is not one. */
const SETTINGS: Readonly<Record<string, (own: Own, value: string) => boolean>> = {
  connect_timeout: timeout('connectTimeout'),
  command_timeout: timeout('commandTimeout'),
  content_timeout: timeout('contentTimeout'),
  default_action: (own, value) => {
    const action = DEFAULT_ACTIONS.find((known) => known === value);
    if (action === undefined) return false;
    own.defaultAction = action;
    return true;
  },
  protocol: (own, value) => {
    own.protocol = value;
    return parseProtocol(value) !== null;
  },
};

function timeout(name: 'connectTimeout' | 'commandTimeout' | 'contentTimeout') {
  return (own: Own, value: string): boolean => {
    const time = milliseconds(value);
    if (time !== null) own[name] = time;
    return time !== null;
  };
}

/** milter_protocol: a version, and `no_header_reply`. Null if it is not one. */
export function parseProtocol(text: string): { readonly version: number; readonly silentHeader: boolean } | null {
  const words = text.split(/[\s,]+/).filter(Boolean);
  const versions = words.filter((word) => /^[2346]$/.test(word));
  const silent = words.filter((word) => word === 'no_header_reply');
  return versions.length !== 1 || versions.length + silent.length !== words.length
    ? null
    : { version: Number(versions[0]), silentHeader: silent.length > 0 };
}

/** A text says what was expected. */
export function parseMilter(item: string): MilterSpecification | string {
  const inner = /^\{\s*([\s\S]*?)\s*\}$/.exec(item)?.[1];
  if (inner === undefined) return withEndpoint(item, {});
  const [name = '', ...settings] = inner.match(/\{[^}]*\}|[^\s,]+(?:\s*=\s*(?:\{[^}]*\}|[^\s,{}]+))?/g) ?? [];
  const own: Partial<Own> = {};
  for (const setting of settings) {
    const [, key = '', value = ''] = /^\{?\s*(\w+)\s*=\s*\{?\s*([^{}]*?)\s*\}*$/.exec(setting) ?? [];
    const set = Object.hasOwn(SETTINGS, key) ? SETTINGS[key] : undefined;
    if (set === undefined)
      return `"${setting.slice(0, 60)}": expected one of ${Object.keys(SETTINGS).join(', ')}, each as name=value`;
    if (!set(own as Own, value)) return `"${value.slice(0, 60)}" is no value of ${key}`;
  }
  return withEndpoint(name, own);
}

function withEndpoint(name: string, own: Partial<Own>): MilterSpecification | string {
  const endpoint = parseEndpoint(name);
  return endpoint === null
    ? `"${name.slice(0, 100)}": expected inet:host:port or unix:path`
    : { name, endpoint, ...own };
}

function parseEndpoint(text: string): MilterEndpoint | null {
  const path = /^unix:(\S+)$/.exec(text)?.[1];
  if (path !== undefined) return { path };
  const [, bracketed, plain, port = ''] = /^inet:(?:\[([^\][\s]+)\]|([^\][\s:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) === 0 || Number(port) > 65_535) return null;
  return { host: host === '' ? 'localhost' : host.replace(/^ipv6:/i, ''), port: Number(port) };
}
