/** Opens a table of rules, whose text is in a file or in the table's name: `cidr:{ {rule}, {rule} }`. */
import { inlineText, parseRules, type RuleList, type RuleReading } from './rule-list.ts';
import type { LookupTable } from './table.ts';
import type { TableContext } from './table-type.ts';
import { watchFile } from './watched-file.ts';

export interface RuleKind<K> extends RuleReading<K> {
  /** Null if the key matches no rule, negated ones included. */
  readonly keyOf: (key: string) => K | null;
}

/** A rule that takes too long is logged once in so many ms. */
const REPORT_INTERVAL = 60_000;

/** Throws TableFault. */
export function openRules<K>(name: string, argument: string, context: TableContext, kind: RuleKind<K>): LookupTable {
  const { log, clock } = context;
  const parse = (text: string, file: string): RuleList<K> => {
    const rules = parseRules(text, file, { ...kind, skipsWrong: context.skipsWrongRules === true });
    for (const { line, message } of rules.warnings) log.warn({ file, line }, `${file}:${line}: ${message}`);
    return rules;
  };
  const inline = inlineText(argument, name);
  const fixed = inline === undefined ? null : parse(inline, name);
  const { current, stale } =
    fixed === null
      ? watchFile({
          path: context.resolvePath(argument),
          // biome-ignore lint/correctness/useYield: one step, the number of rules is limited
          parse: function* (text, file) {
            return parse(text, file);
          },
          log,
          clock,
        })
      : { current: () => fixed, stale: () => null };
  let reported = Number.NEGATIVE_INFINITY;
  const tooLong = (line: number): void => {
    if (clock() - reported < REPORT_INTERVAL) return;
    reported = clock();
    log.warn(
      { table: name, line },
      `${name}, line ${line}: the pattern takes too long for a key and counts as no match`,
    );
  };
  return {
    name,
    wholeKeyOnly: true,
    get(text) {
      const key = kind.keyOf(text);
      return key === null ? undefined : current().find(key, tooLong);
    },
    entries: () => current().results.map((result) => ['', result]),
    where(text) {
      const key = kind.keyOf(text);
      const line = key === null || fixed !== null ? undefined : current().lineOf(key);
      return line === undefined ? null : { file: context.resolvePath(argument), line };
    },
    stale,
    fixed: fixed !== null,
  };
}
