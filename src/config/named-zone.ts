/** One `zone` statement of named.conf, with the settings that `options` gives to all. */
import { isAbsolute, join } from 'node:path';
import { nearest } from '../nearest.ts';
import type { AddressMatch } from '../protocol/dns/address-match.ts';
import { type DomainName, NameError, nameKey, parseName } from '../protocol/dns/name.ts';
import { formatFault } from './fault.ts';
import type { Endpoint, NamedElements } from './named-elements.ts';
import { IGNORED_ZONE_OPTIONS } from './named-ignored.ts';
import type { Statement, Word } from './named-syntax.ts';

export interface NamedZone {
  /** Absolute, in lower case. */
  readonly name: DomainName;
  readonly kind: 'primary' | 'secondary';
  /** Joined with `directory`; null for a secondary that keeps no copy. */
  readonly file: string | null;
  /** Where a secondary transfers from; empty for a primary. */
  readonly primaries: readonly Endpoint[];
  /** The zone's own, or that of `options`. */
  readonly allowTransfer: AddressMatch;
  readonly allowQuery: AddressMatch;
  readonly alsoNotify: readonly Endpoint[];
  /** `notify no` is false. */
  readonly notify: boolean;
  /** Where the zone statement stands. */
  readonly place: { readonly file: string; readonly line: number };
}

/** Zone types that another kind of name server has; taken and left alone. */
const OTHER_ZONE_TYPES = ['hint', 'forward', 'stub', 'static-stub', 'redirect', 'delegation-only', 'mirror'];
const ZONE_TYPES: Readonly<Record<string, NamedZone['kind']>> = { master: 'primary', primary: 'primary', slave: 'secondary', secondary: 'secondary' };

const ZONE_OPTIONS = ['type', 'file', 'masters', 'primaries', 'allow-transfer', 'allow-query', 'also-notify', 'notify'];

/** What may be said in `options` and again in a zone. */
export interface ZoneSettings {
  allowTransfer: AddressMatch;
  allowQuery: AddressMatch;
  alsoNotify: readonly Endpoint[];
  notify: boolean;
}

export interface ZoneContext {
  readonly elements: NamedElements;
  readonly defaults: ZoneSettings;
  readonly directory: string | null;
  warn(text: string): void;
}

/** True where the option was such a setting. */
export function readSetting(elements: NamedElements, into: ZoneSettings, option: Statement): boolean {
  switch (option.words[0]?.text) {
    case 'allow-transfer':
      into.allowTransfer = elements.match(option);
      return true;
    case 'allow-query':
      into.allowQuery = elements.match(option);
      return true;
    case 'also-notify':
      into.alsoNotify = elements.endpoints(option);
      return true;
    case 'notify': {
      const word = elements.value(option, 'yes, no or explicit');
      if (!['yes', 'no', 'explicit', 'primary-only', 'master-only', 'true', 'false', '1', '0'].includes(word ?? 'yes')) {
        elements.fault(option, `'${word}': expected yes, no or explicit`, 'notify');
      }
      into.notify = !['no', 'false', '0'].includes(word ?? '');
      return true;
    }
    default:
      return false;
  }
}

/** Null for zones of other classes and kinds, and where the statement is at fault. `directory` is where relative files are. */
export function readZone(statement: Statement, context: ZoneContext): NamedZone | null {
  const { elements } = context;
  const [, name, classWord, extra] = statement.words;
  if (name === undefined || statement.block === null) {
    elements.fault(statement, 'expected zone "name" IN { … };');
    return null;
  }
  if (extra !== undefined || (classWord !== undefined && classWord.text.toUpperCase() !== 'IN')) {
    if (classWord !== undefined && /^(?:CH|HS|CHAOS|HESIOD)$/i.test(classWord.text)) return null;
    elements.fault(extra ?? statement, `'${(extra ?? classWord)?.text}': expected IN { after the zone's name`);
  }
  const settings = { ...context.defaults };
  let type: string | null = null;
  let file: string | null = null;
  let primaries: readonly Endpoint[] = [];
  for (const option of statement.block) {
    const [verb] = option.words;
    if (verb === undefined) continue;
    if (verb.text === 'type') type = elements.value(option, 'primary or secondary');
    else if (verb.text === 'file') file = elements.value(option, 'a file in quotes');
    else if (verb.text === 'masters' || verb.text === 'primaries') primaries = elements.endpoints(option);
    else if (readSetting(elements, settings, option)) continue;
    else if (IGNORED_ZONE_OPTIONS.has(verb.text)) elements.ignore(verb);
    else elements.unknown(verb, 'zone option', [...ZONE_OPTIONS, ...IGNORED_ZONE_OPTIONS]);
  }
  if (type !== null && OTHER_ZONE_TYPES.includes(type)) {
    if (type !== 'hint')
      context.warn(formatFault({ ...statement, message: `zone "${name.text}" of type ${type} is left alone: only primary and secondary zones are served` }));
    return null;
  }
  return checkedZone({ statement, name, type, file, primaries, settings }, context);
}

function checkedZone(
  zone: {
    readonly statement: Statement;
    readonly name: Word;
    readonly type: string | null;
    readonly file: string | null;
    readonly primaries: readonly Endpoint[];
    readonly settings: ZoneSettings;
  },
  { elements, directory }: ZoneContext,
): NamedZone | null {
  const { statement, name, type, file, primaries, settings } = zone;
  const kind = ZONE_TYPES[type ?? ''];
  if (kind === undefined) {
    const near = type === null ? undefined : nearest(type, [...Object.keys(ZONE_TYPES), ...OTHER_ZONE_TYPES]);
    const said = type === null ? 'has no type' : `has the unknown type '${type}'`;
    elements.fault(
      statement,
      `zone "${name.text}" ${said}: expected type primary (master) or secondary (slave)${near === undefined ? '' : `; did you mean ${near}?`}`,
    );
    return null;
  }
  if (kind === 'primary' && file === null) elements.fault(statement, `zone "${name.text}": a primary zone needs file "…";`);
  if (kind === 'secondary' && primaries.length === 0) elements.fault(statement, `zone "${name.text}": a secondary zone needs primaries { address; };`);
  let origin: DomainName;
  try {
    origin = nameKey(parseName(name.text, '.'));
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    elements.fault(name, `zone "${name.text}": ${error.message}`);
    return null;
  }
  const path = file === null || isAbsolute(file) || directory === null ? file : join(directory, file);
  const place = { file: statement.file, line: statement.line };
  return { name: origin, kind, file: path, primaries: kind === 'secondary' ? primaries : [], ...settings, place };
}
