/** Answers from zones signed by dnssec-signzone, with DO set, compared with BIND 9.18: signatures and proofs. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answerFrom } from '../../../src/protocol/dns/answer.ts';
import { CLASS, type RRset } from '../../../src/protocol/dns/message.ts';
import { isWithin } from '../../../src/protocol/dns/name.ts';
import { typeNumber } from '../../../src/protocol/dns/rr/table.ts';
import { loadZone } from '../../../src/protocol/dns/zone-check.ts';
import { linesOf, readGoldens } from './goldens.ts';

type Golden = readonly [
  name: string,
  type: string,
  rcode: number,
  flags: string,
  answers: number,
  authorities: number,
  additionals: number,
];

const folder = new URL('./golden/', import.meta.url);

/** Keeps only the covered type of a signature. */
const lines = (sets: readonly RRset[]): readonly string[] =>
  linesOf(sets)
    .map((line) => line.replace(/(RRSIG \S+ \d+ \d+ \d+).*/, '$1'))
    .sort();

describe.each(['nsec', 'nsec3'])('a zone signed with %s', (kind) => {
  const { sections, goldens } = readGoldens<Golden>(new URL(`${kind}.jsonl`, folder));
  const { zone } = loadZone(readFileSync(new URL(`zones/db.${kind}`, folder), 'latin1'), {
    file: kind,
    origin: 'example.com.',
  });

  it('B3: is answered with the signatures and proofs of BIND', () => {
    if (zone === null) throw new Error('the zone does not load');
    for (const [name, type, rcode, flags, answers, authorities, additionals] of goldens) {
      const options = {
        recursionDesired: false,
        recursion: true,
        dnssecOk: true,
        zoneOf: (key: string) => (isWithin(key, 'example.com.') ? zone : null),
      };
      const answer = answerFrom(zone, { name, type: typeNumber(type) ?? 0, class: CLASS.IN }, options);
      const given = [
        answer.rcode,
        answer.authoritative,
        lines(answer.answers),
        lines(answer.authorities),
        lines(answer.additionals),
      ];
      expect(given, `${name} ${type}`).toEqual([
        rcode,
        flags.includes('aa'),
        sections[answers],
        sections[authorities],
        sections[additionals],
      ]);
    }
  });
});
