/** Answers compared with those of BIND 9.18 (recursion no) for the same zones; sections are compared as sets. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answerFrom } from '../../../src/protocol/dns/answer.ts';
import { CLASS } from '../../../src/protocol/dns/message.ts';
import { nameKey, parentName } from '../../../src/protocol/dns/name.ts';
import { TYPE, typeNumber } from '../../../src/protocol/dns/rr/table.ts';
import type { Zone } from '../../../src/protocol/dns/zone.ts';
import { loadZone } from '../../../src/protocol/dns/zone-check.ts';
import { linesOf, readGoldens } from './goldens.ts';

type Golden = readonly [
  name: string,
  type: string,
  mode: string,
  rcode: number,
  flags: string,
  answers: number,
  authorities: number,
  additionals: number,
];

const folder = new URL('./golden/', import.meta.url);
const { sections, goldens } = readGoldens<Golden>(new URL('answers.jsonl', folder));
const files: Readonly<Record<string, string>> = {
  'baidu.com.': 'named.baidu.com',
  'qq.com.': 'named.qq.com',
  '1.0.127.in-addr.arpa.': 'named.127.0.1',
  'example.com.': 'db.example',
  'child.example.com.': 'db.sub',
};

const zones = new Map<string, Zone>();
for (const [origin, file] of Object.entries(files)) {
  const { zone, faults } = loadZone(readFileSync(new URL(`zones/${file}`, folder), 'latin1'), { file, origin });
  if (zone === null) throw new Error(JSON.stringify(faults));
  zones.set(origin, zone);
}

function zoneOf(key: string, type: number = TYPE.A): Zone | null {
  let own: Zone | null = null;
  for (let at = key; ; at = parentName(at)) {
    const zone = zones.get(at);
    if (zone !== undefined && !(type === TYPE.DS && at === key)) return zone;
    own ??= zone ?? null;
    if (at === '.') return own;
  }
}

describe('authoritative answers', () => {
  const names = [...new Set(goldens.map(([name]) => name))];
  it.each(names)('B3: every question for %s gets the answer of BIND', (name) => {
    for (const [, type, mode, rcode, flags, answers, authorities, additionals] of goldens.filter(
      (golden) => golden[0] === name,
    )) {
      const number = typeNumber(type) ?? 0;
      const zone = zoneOf(nameKey(name), number);
      // Not our zone, or not allowed: the server refuses (test/server/dns).
      if (zone === null || rcode === 5 || rcode === 4) {
        expect(zone === null || name.endsWith('refuse.test.') || rcode === 4, `${name} ${type}`).toBe(true);
        continue;
      }
      const options = {
        recursionDesired: mode === 'rd',
        recursion: true,
        dnssecOk: mode === 'do',
        zoneOf: (key: string) => zoneOf(key),
      };
      const answer = answerFrom(zone, { name, type: number, class: CLASS.IN }, options);
      const given = [
        answer.rcode,
        answer.authoritative,
        linesOf(answer.answers),
        linesOf(answer.authorities),
        linesOf(answer.additionals),
      ];
      expect(given, `${name} ${type} ${mode}`).toEqual([
        rcode,
        flags.includes('aa'),
        sections[answers],
        sections[authorities],
        sections[additionals],
      ]);
    }
  });

  it('B3: a name that leads into another of our zones is followed if the client requests recursion', () => {
    const zone = zoneOf('example.com.');
    if (zone === null) throw new Error('no zone');
    const ask = (recursionDesired: boolean) =>
      linesOf(
        answerFrom(
          zone,
          { name: 'ext.example.com.', type: TYPE.A, class: CLASS.IN },
          { recursionDesired, recursion: true, dnssecOk: false, zoneOf: (key) => zoneOf(key) },
        ).answers,
      );
    expect(ask(false)).toEqual(['ext.example.com. 3600 CNAME www.baidu.com.']);
    expect(ask(true)).toEqual(['ext.example.com. 3600 CNAME www.baidu.com.', 'www.baidu.com. 86400 A 127.0.1.80']);
  });
});
