/**
 * The argument of check_policy_service (SMTPD_POLICY_README): `inet:host:port`, `unix:path`, or one of them in `{ }` with
 * settings of its own, which go before the parameters smtpd_policy_service_*.
 */
import { groupContent, splitTexts } from './split-list.ts';

export type PolicyEndpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** What a service may have of its own; the names are those of the parameters behind `smtpd_policy_service_`. */
const SETTINGS = {
  timeout: time,
  max_idle: time,
  max_ttl: time,
  retry_delay: time,
  request_limit: count(0),
  try_limit: count(1),
  default_action: text,
  policy_context: text,
} as const satisfies Readonly<Record<string, (value: string) => string | number | null>>;

type Name = keyof typeof SETTINGS;

export interface PolicyService {
  readonly endpoint: PolicyEndpoint;
  /** Times in ms. */
  readonly own: { readonly [N in Name]?: NonNullable<ReturnType<(typeof SETTINGS)[N]>> };
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `10`, `10s`, `2m` in ms. */
function time(value: string): number | null {
  const [, digits, unit = 's'] = /^(\d{1,7})([smhdw]?)$/.exec(value) ?? [];
  return digits === undefined ? null : Number(digits) * (UNITS[unit || 's'] ?? 1) * 1000;
}

function count(minimum: number) {
  return (value: string): number | null => (/^\d{1,7}$/.test(value) && Number(value) >= minimum ? Number(value) : null);
}

function text(value: string): string {
  return value;
}

/** A text says what was expected. */
export function parsePolicyService(argument: string): PolicyService | string {
  const [place = '', ...settings] = splitTexts(groupContent(argument) ?? argument);
  const endpoint = parseEndpoint(place);
  if (endpoint === null) return `"${place.slice(0, 100)}": expected inet:host:port or unix:path`;
  const own: Partial<Record<Name, string | number>> = {};
  for (const setting of settings) {
    // With blanks in it, it stands in braces: `{ default_action = DEFER_IF_PERMIT later }`.
    const [, name = '', value = ''] = /^(\w+)\s*=\s*([\s\S]*)$/.exec(groupContent(setting) ?? setting) ?? [];
    if (!isSetting(name))
      return `"${setting.slice(0, 60)}": expected one of ${Object.keys(SETTINGS).join(', ')}, each as name=value; with blanks as { name = value }`;
    const parsed = SETTINGS[name](groupContent(value) ?? value);
    if (parsed === null) return `"${value.slice(0, 60)}" is no value of ${name}`;
    own[name] = parsed;
  }
  return { endpoint, own: own as PolicyService['own'] };
}

const isSetting = (name: string): name is Name => Object.hasOwn(SETTINGS, name);

/** `inet:host:port`, `inet:[::1]:port` or `unix:path`; null for anything else. */
export function parseEndpoint(place: string): PolicyEndpoint | null {
  const path = /^unix:(.+)$/.exec(place)?.[1];
  if (path !== undefined) return { path };
  const [, bracketed, plain, port = ''] = /^inet:(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(place) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || Number(port) === 0 || Number(port) > 65_535 ? null : { host, port: Number(port) };
}
