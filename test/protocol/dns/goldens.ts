/** Answers recorded from BIND, and ours in the same form. Sections are compared as sets. */
import { type RRset, recordsOf } from '../../../src/protocol/dns/message.ts';
import { nameKey } from '../../../src/protocol/dns/name.ts';
import { printRdata } from '../../../src/protocol/dns/rr/rdata.ts';
import { typeName } from '../../../src/protocol/dns/rr/table.ts';
import { jsonLines } from '../../kit/json-lines.ts';

export interface Goldens<Golden> {
  readonly sections: readonly (readonly string[])[];
  readonly goldens: readonly Golden[];
}

/** A file contains each section once, then the answers, which refer to them by index. */
export function readGoldens<Golden extends readonly unknown[]>(file: URL): Goldens<Golden> {
  const stored = jsonLines<Golden | { readonly section: readonly string[] }>(file);
  return {
    sections: stored.flatMap((line) => ('section' in line ? [line.section] : [])),
    goldens: stored.filter((line): line is Golden => !('section' in line)),
  };
}

/**
 * Lowercases names inside the data of a type: BIND keeps the case of the name where we use a pointer to the question.
 */
const NAMES_INSIDE = new Set(['NS', 'CNAME', 'MX', 'SOA', 'PTR']);

export const linesOf = (sets: readonly RRset[]): readonly string[] =>
  recordsOf(sets)
    .map(({ name, ttl, type, rdata }) => {
      const data = printRdata(type, rdata);
      return `${nameKey(name)} ${ttl} ${typeName(type)} ${NAMES_INSIDE.has(typeName(type)) ? data.toLowerCase() : data}`;
    })
    .sort();
