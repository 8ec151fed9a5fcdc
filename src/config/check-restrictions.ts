/** Whether a restriction list can be evaluated: every name known, every argument there. Requirement P7's names. */
import { type RestrictionArgument, restrictionNames } from '../lookup/restriction-names.ts';
import { type ListItem, splitList } from '../lookup/split-list.ts';
import { nearest } from '../nearest.ts';

interface RestrictionFault {
  /** The item as it stands, to find its line. */
  readonly item: string;
  readonly message: string;
}

export interface RestrictionCheck {
  readonly faults: readonly RestrictionFault[];
  /** `type:name` of the tables that the list uses. */
  readonly tables: readonly string[];
}

const TABLE = /^(?:proxy:)?[a-z][a-z0-9]*:./;

/** `value` is expanded; `classes` are the names of smtpd_restriction_classes. */
export function checkRestrictions(value: string, classes: ReadonlySet<string>): RestrictionCheck {
  const faults: RestrictionFault[] = [];
  const tables: string[] = [];
  const items = splitList(value);
  for (let i = 0; i < items.length; i += 1) {
    const item = items[i]?.text ?? '';
    const argument = argumentOf(item);
    if (argument === undefined) {
      if (classes.has(item)) continue;
      if (TABLE.test(item)) tables.push(item);
      else faults.push({ item, message: unknownName(item, classes) });
    } else if (argument !== 'none' && argument !== 'restriction') {
      const problem = checkArgument(item, argument, items[i + 1], tables);
      if (problem !== undefined) faults.push({ item, message: problem });
      // Where the next item is a restriction, the argument was forgotten: it is read as what it is.
      if (items[i + 1] !== undefined && argumentOf(items[i + 1]?.text ?? '') === undefined) i += 1;
    } else if (argument === 'restriction' && items[i + 1] === undefined) {
      faults.push({ item, message: `a restriction is missing after "${item}"` });
    }
  }
  return { faults, tables };
}

const argumentOf = (item: string): RestrictionArgument | undefined => {
  const name = item.toLowerCase();
  return Object.hasOwn(restrictionNames, name) ? restrictionNames[name] : undefined;
};

const EXPECTED: Readonly<Record<Exclude<RestrictionArgument, 'none' | 'restriction'>, { readonly what: string; readonly fits: (text: string) => boolean }>> = {
  table: { what: 'a lookup table such as hash:/etc/postfix/access', fits: (text) => TABLE.test(text) },
  domain: { what: 'a domain such as zen.spamhaus.org', fits: (text) => text.includes('.') && !text.includes(':') },
  service: { what: 'a policy service such as inet:127.0.0.1:10023', fits: (text) => /^(?:inet|unix):.|^\{/.test(text) },
  seconds: { what: 'a number of seconds', fits: (text) => /^\d{1,4}$/.test(text) },
};

function checkArgument(item: string, argument: keyof typeof EXPECTED, next: ListItem | undefined, tables: string[]): string | undefined {
  const { what, fits } = EXPECTED[argument];
  if (next === undefined) return `${what} is missing after "${item}"`;
  if (!fits(next.text)) return `after "${item}": expected ${what}, found "${next.text.slice(0, 60)}"`;
  if (argument === 'table') tables.push(next.text);
  return undefined;
}

function unknownName(item: string, classes: ReadonlySet<string>): string {
  const hint = nearest(item.toLowerCase(), [...Object.keys(restrictionNames), ...classes], 3);
  const name = `there is no restriction "${item.slice(0, 80)}"`;
  return hint === undefined ? `${name}; a list of your own is named in smtpd_restriction_classes` : `${name}; did you mean "${hint}"?`;
}
