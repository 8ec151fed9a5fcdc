/**
 * LIST (RFC 9051 section 6.3.9): with selection and return options (RFC 5258), STATUS (RFC 5819) and special uses (RFC
 * 6154).
 */
import { HIERARCHY_SEPARATOR } from '../../../mail/mailbox.ts';
import { compilePattern } from '../../../protocol/imap/list-pattern.ts';
import { formatMailbox, patternFromWire } from '../../../protocol/imap/mailbox-name.ts';
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import type { Command } from '../command.ts';
import { ok } from '../completion.ts';
import { type NamedMailbox, readTree, superiors } from '../mailbox-tree.ts';
import type { Authenticated, Selected } from '../state.ts';
import { parseStatusItems, statusResponse } from '../status-items.ts';

interface ListOptions {
  /** Null: no name starts with it. */
  readonly reference: string | null;
  /** Patterns that no name can match are null. */
  readonly patterns: readonly (string | null)[];
  readonly select: ReadonlySet<string>;
  readonly returns: ReadonlySet<string>;
  readonly statusItems: readonly string[];
}

const SELECTIONS: ReadonlySet<string> = new Set(['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE']);
const RETURNS: ReadonlySet<string> = new Set(['SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE', 'STATUS']);
const MAX_PATTERNS = 50;

function parse(scanner: Scanner): ListOptions {
  scanner.space();
  const select = new Set<string>();
  if (scanner.sees('(')) {
    for (const name of scanner.list(() => option(scanner, SELECTIONS), { empty: true })) select.add(name);
    scanner.space();
  }
  const reference = patternFromWire(scanner.astring());
  scanner.space();
  const pattern = (): string | null => patternFromWire(scanner.listMailbox());
  const patterns = scanner.sees('(') ? scanner.list(pattern) : [pattern()];
  if (patterns.length > MAX_PATTERNS) scanner.fail(`More than ${MAX_PATTERNS} patterns`);
  let statusItems: readonly string[] = [];
  const returns = new Set<string>();
  if (scanner.accept(' ')) {
    if (scanner.keyword() !== 'RETURN') scanner.fail('Expected RETURN');
    scanner.space();
    scanner.list(
      () => {
        const name = option(scanner, RETURNS);
        returns.add(name);
        if (name !== 'STATUS') return;
        scanner.space();
        statusItems = parseStatusItems(scanner);
      },
      { empty: true },
    );
  }
  scanner.end();
  if (select.has('RECURSIVEMATCH') && !select.has('SUBSCRIBED')) scanner.fail('RECURSIVEMATCH needs SUBSCRIBED');
  return { reference, patterns, select, returns, statusItems };
}

function option(scanner: Scanner, known: ReadonlySet<string>): string {
  const name = scanner.keyword('an option');
  return known.has(name) ? name : scanner.fail(`Unknown option ${name.slice(0, 40)}`);
}

/** The attributes that every response has, and those requested. */
function attributes(mailbox: NamedMailbox, options: ListOptions): string {
  const { select, returns } = options;
  const shown = mailbox.mailbox === null ? ['\\NonExistent', '\\Noselect'] : [];
  if ((select.has('SUBSCRIBED') || returns.has('SUBSCRIBED')) && mailbox.subscribed) shown.push('\\Subscribed');
  shown.push(mailbox.hasChildren ? '\\HasChildren' : '\\HasNoChildren');
  if (mailbox.mailbox !== null && mailbox.mailbox.specialUse !== '') shown.push(mailbox.mailbox.specialUse);
  return shown.join(' ');
}

function selects(mailbox: NamedMailbox, select: ReadonlySet<string>): boolean {
  if (select.has('SUBSCRIBED') && !mailbox.subscribed) return false;
  if (select.has('SPECIAL-USE') && (mailbox.mailbox?.specialUse ?? '') === '') return false;
  // A name that exists only as a subscription is not a mailbox.
  return mailbox.mailbox !== null || mailbox.hasChildren || select.has('SUBSCRIBED');
}

/**
 * RECURSIVEMATCH (RFC 5258 section 4): a superior is listed if inferiors match that are not listed themselves; if all
 * are listed, CHILDINFO would add nothing.
 */
const superiorsOf = (untold: readonly NamedMailbox[]): ReadonlySet<string> =>
  new Set(untold.flatMap(({ name }) => superiors(name)));

export const list: Command<Authenticated | Selected> = (scanner) => {
  const options = parse(scanner);
  return async (session, { account }) => {
    const { mailboxes } = session.services.store;
    const { reference, patterns, select, statusItems } = options;
    const [first = ''] = patterns;
    if (first === '' && patterns.length === 1) {
      session.write(`* LIST (\\Noselect) "${HIERARCHY_SEPARATOR}" ""\r\n`);
      return ok('List completed.');
    }
    const matchers = patterns.flatMap((pattern) =>
      pattern === null || reference === null ? [] : [compilePattern(reference + pattern)],
    );
    const tree = await readTree(mailboxes, account.id);
    const matches = ({ name }: NamedMailbox): boolean => matchers.some((matcher) => matcher(name));
    const hidden = select.has('RECURSIVEMATCH')
      ? superiorsOf(tree.filter((found) => selects(found, select) && !matches(found)))
      : new Set<string>();
    for (const found of tree) {
      const childInfo = hidden.has(found.name) ? ' ("CHILDINFO" ("SUBSCRIBED"))' : '';
      if ((childInfo === '' && !selects(found, select)) || !matches(found)) continue;
      session.write(
        `* LIST (${attributes(found, options)}) "${HIERARCHY_SEPARATOR}" ${formatMailbox(found.name)}${childInfo}\r\n`,
      );
      if (statusItems.length === 0 || found.mailbox === null) continue;
      session.write(await statusResponse(mailboxes, found.mailbox, statusItems));
      await session.connection.drained();
    }
    return ok('List completed.');
  };
};
