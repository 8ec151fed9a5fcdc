/** Dovecot's variables in paths (doc.dovecot.org, "Config variables"): `%u`, `%Ln`, `%1n`, `%{user | username}`. */

import { ownValue } from '../../own-value.ts';

export interface UserValues {
  /** As Dovecot names the user. */
  readonly user: string;
  /** Null: not known. */
  readonly home: string | null;
}

/** A path cannot be said for this user; the message says why. */
class VariableError extends Error {
  override readonly name = 'VariableError';
}

const VARIABLE = /%(?:%|\{([^{}]*)\}|(?:(\d+)\.)?(\d*)([A-Z]*)([a-z]))/g;

/** The local part; the user as a whole where there is no domain. */
const nameOf = (user: string): string => user.replace(/@[^@]*$/, '');
const domainOf = (user: string): string => /@([^@]*)$/.exec(user)?.[1] ?? '';

type Value = (values: UserValues) => string;

const SHORT: Readonly<Record<string, Value>> = {
  u: ({ user }) => user,
  n: ({ user }) => nameOf(user),
  d: ({ user }) => domainOf(user),
  h: ({ home }) => {
    if (home === null) throw new VariableError('its home directory is not known');
    return home;
  },
};
const LONG: Readonly<Record<string, string>> = { user: 'u', username: 'n', domain: 'd', home: 'h' };

const FILTERS: Readonly<Record<string, (value: string) => string>> = {
  username: nameOf,
  domain: domainOf,
  lower: (value) => value.toLowerCase(),
  upper: (value) => value.toUpperCase(),
};
const MODIFIERS: Readonly<Record<string, string>> = { L: 'lower', U: 'upper' };

const own = <T>(table: Readonly<Record<string, T>>, name: string, whole: string): T => {
  const found = ownValue(table, name);
  if (found === undefined) throw new VariableError(`${whole} is not known here`);
  return found;
};

/** Throws VariableError for a variable or a modifier that is not known: a guessed path may be another user's. */
export function expandVariables(template: string, values: UserValues): string {
  return template.replace(
    VARIABLE,
    (whole, long?: string, offset = '', width = '', modifiers = '', short?: string): string => {
      if (whole === '%%') return '%';
      if (long !== undefined) {
        const [name = '', ...filters] = long.split('|').map((word) => word.trim());
        const value = own(SHORT, own(LONG, name, whole), whole)(values);
        return filters.reduce((text, filter) => own(FILTERS, filter, whole)(text), value);
      }
      const value = own(SHORT, short ?? '', whole)(values);
      const from = Number(offset);
      const part = width === '' ? value : value.slice(from, from + Number(width));
      return [...modifiers].reduce(
        (text, modifier) => own(FILTERS, own(MODIFIERS, modifier, whole), whole)(text),
        part,
      );
    },
  );
}

/** `~` and what follows it, then the variables. */
export function expandPath(template: string, values: UserValues): string {
  return expandVariables(template.replace(/^~(?=\/|$)/, '%h'), values);
}

export interface SegmentPattern {
  readonly pattern: RegExp;
  /** Of its groups: `u`, `n`, `d`; '' for a part of one that says nothing. */
  readonly variables: readonly string[];
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What one segment of a path is for any user. */
export function segmentPattern(segment: string): SegmentPattern {
  const variables: string[] = [];
  let source = '';
  let at = 0;
  for (const match of segment.matchAll(VARIABLE)) {
    const [whole, long, , width = '', modifiers = '', short = ''] = match;
    source += literal(segment.slice(at, match.index));
    at = match.index + whole.length;
    if (whole === '%%') {
      source += '%';
      continue;
    }
    source += '([^/]+)';
    const name = long === undefined ? short : (ownValue(LONG, long.trim()) ?? '');
    variables.push(width === '' && /^L?$/.test(modifiers) ? name : '');
  }
  return { pattern: new RegExp(`^${source}${literal(segment.slice(at))}$`), variables };
}
