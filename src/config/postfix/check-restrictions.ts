/**
 * Whether a restriction list can be evaluated: every name known, every argument present. The names of requirement P7.
 * Unknown names wait for the plugins, which may define them.
 */

import { parsePolicyService } from '../../lookup/policy-service.ts';
import { type RestrictionArgument, restrictionNames } from '../../lookup/restriction-names.ts';
import { type ListItem, splitList } from '../../lookup/split-list.ts';
import { nearest } from '../../nearest.ts';
import { ownValue } from '../../own-value.ts';

interface RestrictionFault {
  /** The item as written, to find its line. */
  readonly item: string;
  readonly message: string;
}

interface UnknownName {
  readonly item: string;
  /** The unknown name just before it, whose argument it may be; null if there is none. */
  readonly after: string | null;
  /** The known name that was probably meant. */
  readonly hint: string | undefined;
}

export interface RestrictionCheck {
  readonly faults: readonly RestrictionFault[];
  readonly unknown: readonly UnknownName[];
  /** `type:name` of the tables that the list uses. */
  readonly tables: readonly string[];
}

/** `hash:` without a name is one too: whoever opens it says what is missing. */
const TABLE = /^(?:proxy:)?[a-z][a-z0-9]*:/;

/** `value` is expanded; `classes` are the names of smtpd_restriction_classes. */
export function checkRestrictions(value: string, classes: ReadonlySet<string>): RestrictionCheck {
  const faults: RestrictionFault[] = [];
  const unknown: UnknownName[] = [];
  const tables: string[] = [];
  let after: string | null = null;
  const items = splitList(value);
  for (let i = 0; i < items.length; i += 1) {
    const item = items[i]?.text ?? '';
    const argument = argumentOf(item);
    const before = after;
    after = null;
    if (argument === undefined) {
      if (classes.has(item)) continue;
      if (TABLE.test(item)) tables.push(item);
      else
        unknown.push({
          item,
          after: before,
          hint: nearest(item.toLowerCase(), [...Object.keys(restrictionNames), ...classes], 3),
        });
      after = TABLE.test(item) ? null : item;
    } else if (argument !== 'none' && argument !== 'restriction') {
      const problem = checkArgument(item, argument, items[i + 1], tables);
      if (problem !== undefined) faults.push({ item, message: problem });
      // If the next item is a restriction, the argument is missing: that item is not skipped.
      if (items[i + 1] !== undefined && argumentOf(items[i + 1]?.text ?? '') === undefined) i += 1;
    } else if (argument === 'restriction' && items[i + 1] === undefined) {
      faults.push({ item, message: `a restriction is missing after "${item}"` });
    }
  }
  return { faults, unknown, tables };
}

const argumentOf = (item: string): RestrictionArgument | undefined => ownValue(restrictionNames, item.toLowerCase());

const EXPECTED: Readonly<
  Record<
    Exclude<RestrictionArgument, 'none' | 'restriction'>,
    {
      readonly what: string;
      readonly fits: (text: string) => boolean;
      /** What is wrong with one that fits. */
      readonly fault?: (text: string) => string | undefined;
    }
  >
> = {
  table: { what: 'a lookup table such as hash:/etc/postfix/access', fits: (text) => TABLE.test(text) },
  domain: { what: 'a domain such as zen.spamhaus.org', fits: (text) => text.includes('.') && !text.includes(':') },
  service: {
    what: 'a policy service such as inet:127.0.0.1:10023',
    fits: (text) => /^(?:inet|unix):.|^\{/.test(text),
    fault: (text) => {
      const service = parsePolicyService(text);
      return typeof service === 'string' ? service : undefined;
    },
  },
  seconds: { what: 'a number of seconds', fits: (text) => /^\d{1,4}$/.test(text) },
};

function checkArgument(
  item: string,
  argument: keyof typeof EXPECTED,
  next: ListItem | undefined,
  tables: string[],
): string | undefined {
  const { what, fits, fault } = EXPECTED[argument];
  if (next === undefined) return `${what} is missing after "${item}"`;
  if (!fits(next.text)) return `after "${item}": expected ${what}, found "${next.text.slice(0, 60)}"`;
  if (argument === 'table') tables.push(next.text);
  const found = fault?.(next.text);
  return found === undefined ? undefined : `after "${item}": ${found}`;
}

export function unknownRestriction(item: string, hint: string | undefined): string {
  const name = `there is no restriction "${item.slice(0, 80)}"`;
  return hint === undefined
    ? `${name}; define your own lists in smtpd_restriction_classes`
    : `${name}; did you mean "${hint}"?`;
}
