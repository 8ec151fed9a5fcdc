/** One `zone` statement of named.conf, with the settings inherited from `options`. */
import { isAbsolute, join } from 'node:path';
import { nearest } from '../../nearest.ts';
import { ownValue } from '../../own-value.ts';
import type { AddressMatch } from '../../protocol/dns/address-match.ts';
import type { Endpoint } from '../../protocol/dns/endpoint.ts';
import { type DomainName, NameError, nameKey, parseName } from '../../protocol/dns/name.ts';
import { LENIENT_CHECKS, type Severity, type ZoneChecks } from '../../protocol/dns/zone-check.ts';
import type { Fault } from '../fault.ts';
import type { NamedElements } from './elements.ts';
import { BOOLEAN, ZONE_OPTION_NAMES, zoneTypesOf } from './options.ts';
import type { Statement, Word } from './syntax.ts';

export interface NamedZone {
  /** Absolute, in lower case. */
  readonly name: DomainName;
  readonly kind: 'primary' | 'secondary';
  /** Joined with `directory`; null for a secondary without a copy. */
  readonly file: string | null;
  /** The servers a secondary transfers from; empty for a primary. */
  readonly primaries: readonly Endpoint[];
  /** The zone's own, or that of `options`. */
  readonly allowTransfer: AddressMatch;
  readonly allowQuery: AddressMatch;
  readonly alsoNotify: readonly Endpoint[];
  /** `notify no` is false. */
  readonly notify: boolean;
  /** How strictly the zone file is checked. */
  readonly checks: ZoneChecks;
  /** False with `recursion no`: answers do not leave the zone. */
  readonly recursion: boolean;
  /** The location of the zone statement. */
  readonly place: { readonly file: string; readonly line: number };
}

/** Zone types for other kinds of name servers; accepted and ignored. */
const OTHER_ZONE_TYPES = ['hint', 'forward', 'stub', 'static-stub', 'redirect', 'delegation-only', 'mirror'];
const ZONE_TYPES: Readonly<Record<string, NamedZone['kind']>> = {
  master: 'primary',
  primary: 'primary',
  slave: 'secondary',
  secondary: 'secondary',
};

/** Settings allowed in `options` and in a zone. */
export interface ZoneSettings {
  allowTransfer: AddressMatch;
  allowQuery: AddressMatch;
  alsoNotify: readonly Endpoint[];
  notify: boolean;
  checks: ZoneChecks;
  recursion: boolean;
}

export interface ZoneContext {
  readonly elements: NamedElements;
  readonly defaults: ZoneSettings;
  readonly directory: string | null;
  note(fault: Fault): void;
  /** An option without effect, in the zone of that name. */
  inert(option: Statement, name: string, zone: string): void;
}

type Setting = (into: ZoneSettings, option: Statement, elements: NamedElements, where: 'options' | 'zone') => void;

const NOTIFY = ['explicit', 'primary-only', 'master-only', ...BOOLEAN.split(' ')];
const SEVERITIES = ['fail', 'warn', 'ignore'];
const isSeverity = (word: string): word is Severity => SEVERITIES.includes(word);

const severity =
  (name: Exclude<keyof ZoneChecks, 'check-integrity'>, allowed: readonly string[] = SEVERITIES): Setting =>
  (into, option, elements) => {
    const word = elements.value(option, allowed.join(', '))?.toLowerCase() ?? '';
    if (isSeverity(word) && allowed.includes(word)) into.checks = { ...into.checks, [name]: word };
    else if (word !== '') elements.fault(option, `'${word}': expected ${allowed.join(', ')}`, name);
  };

/** In `options` the zone type precedes the severity: `check-names primary warn;`. */
const checkNames: Setting = (into, option, elements, where) => {
  if (where === 'zone') return severity('check-names')(into, option, elements, where);
  const [, kind, word] = option.words.map(({ text }) => text.toLowerCase());
  const known = ['primary', 'master', 'secondary', 'slave', 'response'].includes(kind ?? '');
  if (!known || word === undefined || !isSeverity(word) || option.words.length > 3)
    elements.fault(option, 'expected primary, secondary or response, then fail, warn or ignore', 'check-names');
  // The copies of secondaries are not checked: the primary is responsible for the zone's content.
  else if (kind === 'primary' || kind === 'master') into.checks = { ...into.checks, 'check-names': word };
};

const READ_SETTING: Readonly<Record<string, Setting>> = {
  'allow-transfer': (into, option, elements) => {
    elements.refuseEncrypted(option);
    into.allowTransfer = elements.match(option);
  },
  'allow-query': (into, option, elements) => {
    into.allowQuery = elements.match(option);
  },
  'also-notify': (into, option, elements) => {
    into.alsoNotify = elements.endpoints(option);
  },
  notify: (into, option, elements) => {
    const word = elements.value(option, 'yes, no or explicit')?.toLowerCase();
    if (word !== undefined && !NOTIFY.includes(word))
      elements.fault(option, `'${word}': expected yes, no or explicit`, 'notify');
    into.notify = !['no', 'false', '0'].includes(word ?? '');
  },
  'check-names': checkNames,
  'check-mx': severity('check-mx'),
  'check-mx-cname': severity('check-mx-cname'),
  'check-srv-cname': severity('check-srv-cname'),
  'check-spf': severity('check-spf', ['warn', 'ignore']),
  'check-integrity': (into, option, elements) => {
    const word = elements.value(option, 'yes or no')?.toLowerCase() ?? 'yes';
    if (!BOOLEAN.split(' ').includes(word)) elements.fault(option, `'${word}': expected yes or no`, 'check-integrity');
    into.checks = { ...into.checks, 'check-integrity': !['no', 'false', '0'].includes(word) };
  },
};

export const SETTINGS: readonly string[] = Object.keys(READ_SETTING);

/** True if the option was such a setting. */
export function readSetting(
  elements: NamedElements,
  into: ZoneSettings,
  option: Statement,
  name: string,
  where: 'options' | 'zone',
): boolean {
  const setting = ownValue(READ_SETTING, name);
  setting?.(into, option, elements, where);
  return setting !== undefined;
}

/** A zone statement: its name and location, and the zone to serve, which other zone types do not have. */
export interface ReadZone {
  readonly name: DomainName;
  readonly place: { readonly file: string; readonly line: number };
  readonly zone: NamedZone | null;
}

/** `block` includes the statements of included files. Null if the statement cannot be interpreted. */
export function readZone(
  statement: Statement,
  block: readonly Statement[] | null,
  context: ZoneContext,
): ReadZone | null {
  const { elements } = context;
  const [, name, classWord, extra] = statement.words;
  if (name === undefined || block === null) {
    elements.fault(statement, 'expected zone "name" IN { … };');
    return null;
  }
  if (extra !== undefined) elements.fault(extra, `'${extra.text}': expected { after the zone's name and class`);
  if (classWord !== undefined && classWord.text.toUpperCase() !== 'IN')
    elements.fault(classWord, `zone "${name.text}": class '${classWord.text}' does not match the server's class, IN`);
  const origin = zoneName(name, elements);
  const type = zoneType(statement, name, block, elements);
  const place = { file: statement.file, line: statement.line };
  const read = readOptions(name, block, type, context);
  if (origin === null || type === null) return null;
  const kind = ownValue(ZONE_TYPES, type);
  if (kind === undefined) {
    if (type !== 'hint')
      context.note({
        ...place,
        message: `zone "${name.text}" of type ${type} is ignored: only primary and secondary zones are served`,
      });
    return { name: origin, place, zone: null };
  }
  const { file, primaries, settings } = read;
  if (kind === 'primary' && file === null)
    elements.fault(statement, `zone "${name.text}": a primary zone needs file "…";`);
  if (kind === 'secondary' && primaries.length === 0)
    elements.fault(statement, `zone "${name.text}": a secondary zone needs primaries { address; };`);
  const path = file === null || isAbsolute(file) || context.directory === null ? file : join(context.directory, file);
  const checks = kind === 'primary' ? settings.checks : LENIENT_CHECKS;
  return {
    name: origin,
    place,
    zone: {
      name: origin,
      kind,
      file: path,
      primaries: kind === 'secondary' ? primaries : [],
      ...settings,
      checks,
      place,
    },
  };
}

function zoneName(name: Word, elements: NamedElements): DomainName | null {
  try {
    return nameKey(parseName(name.text, '.'));
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    elements.fault(name, `zone "${name.text}": ${error.message}`);
    return null;
  }
}

/** As written, in lower case; null if it is missing or unknown, which is reported. */
function zoneType(
  statement: Statement,
  name: Word,
  block: readonly Statement[],
  elements: NamedElements,
): string | null {
  const option = block.find(({ words }) => words[0]?.text.toLowerCase() === 'type');
  const word = option?.words[1];
  const type = word?.text.toLowerCase() ?? null;
  const known = [...Object.keys(ZONE_TYPES), ...OTHER_ZONE_TYPES];
  if (type !== null && known.includes(type) && word?.quoted === false && option?.words.length === 2) return type;
  if (block.some(({ words }) => words[0]?.text.toLowerCase() === 'in-view')) {
    elements.fault(statement, `zone "${name.text}": views are not supported: give the zone its type and file`);
    return null;
  }
  const near = type === null ? undefined : nearest(type, known);
  const said = type === null ? 'has no type' : `has the unknown type '${type}'`;
  elements.fault(
    statement,
    `zone "${name.text}" ${said}: expected type primary (master) or secondary (slave)${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
  return null;
}

interface ReadOptions {
  readonly file: string | null;
  readonly primaries: readonly Endpoint[];
  readonly settings: ZoneSettings;
}

function readOptions(zone: Word, block: readonly Statement[], type: string | null, context: ZoneContext): ReadOptions {
  const { elements } = context;
  const settings = { ...context.defaults };
  const canonical = type === null ? null : (ownValue(ZONE_TYPES, type) ?? type);
  const seen = new Map<string, Statement>();
  let file: string | null = null;
  let primaries: readonly Endpoint[] = [];
  for (const option of block) {
    const [verb] = option.words;
    if (verb === undefined) continue;
    const name = verb.text.toLowerCase();
    const types = zoneTypesOf(name);
    const key = name === 'masters' ? 'primaries' : name;
    const before = seen.get(key);
    if (before !== undefined)
      elements.fault(option, `zone "${zone.text}": given twice: first at ${before.file}:${before.line}`, name);
    seen.set(key, option);
    if (name === 'type' || name === 'in-view') continue;
    if (types === undefined) elements.unknown(verb, 'zone option', ZONE_OPTION_NAMES);
    else if (canonical !== null && !types.includes(canonical))
      elements.fault(option, `zone "${zone.text}": a zone of type ${type} cannot have it`, name);
    else if (name === 'file') file = elements.quoted(option, 'a file in quotes');
    else if (key === 'primaries') primaries = elements.endpoints(option);
    else if (!readSetting(elements, settings, option, name, 'zone')) context.inert(option, name, zone.text);
  }
  const updates = seen.get('allow-update');
  if (updates !== undefined && seen.has('update-policy'))
    elements.fault(updates, `zone "${zone.text}": it cannot be combined with update-policy`, 'allow-update');
  return { file, primaries, settings };
}
