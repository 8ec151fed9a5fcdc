/** An answer that was not made from a zone: a plugin gives its records as lines of a master file. */
import { CLASS, type DnsQuestion, type RRset } from './message.ts';
import { nameKey } from './name.ts';
import { parseZoneFile } from './zone-file.ts';

const MOST_RECORDS = 200;
const LONGEST_LINE = 2_000;
/** Seconds, where a line has no TTL of its own. */
const TTL = 60;

/**
 * `@` and an owner left out are the name asked about; names without a final dot are below it; the class is IN. Throws
 * an Error whose message says which line is wrong.
 */
export function givenAnswer(lines: readonly string[], question: DnsQuestion): readonly RRset[] {
  // Most handlers answer NEXT.
  if (lines.length === 0) return [];
  if (lines.length > MOST_RECORDS) throw new Error(`${lines.length} records; at most ${MOST_RECORDS} are allowed`);
  const odd = lines.find(
    (line) => typeof line !== 'string' || line.length > LONGEST_LINE || !/^[^$\r\n\0()][^\r\n\0]*$/.test(line),
  );
  if (odd !== undefined)
    throw new Error(
      `the record ${JSON.stringify(String(odd).slice(0, 60))} is not one line such as "@ 60 A 192.0.2.1"`,
    );
  const head = `$ORIGIN ${question.name}\n$TTL ${TTL}\n`;
  const { records, faults } = parseZoneFile(
    head + lines.map((line) => (/^\s/.test(line) ? `@${line}` : line)).join('\n'),
    {
      file: 'answer',
      origin: '.',
    },
  );
  const [fault] = faults;
  if (fault !== undefined)
    throw new Error(`the record ${JSON.stringify(lines[fault.line - 3] ?? '')}: ${fault.message}`);
  const sets = new Map<string, { -readonly [K in keyof RRset]: RRset[K] }>();
  for (const { name, type, ttl, rdata } of records) {
    const key = `${nameKey(name)} ${type}`;
    const set = sets.get(key);
    if (set === undefined) sets.set(key, { name, type, class: CLASS.IN, ttl, rdatas: [rdata] });
    else Object.assign(set, { ttl: Math.min(set.ttl, ttl), rdatas: [...set.rdatas, rdata] });
  }
  return [...sets.values()];
}
