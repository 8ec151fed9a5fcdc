/** Valid and invalid zone files, compared with the output of named-checkzone 9.18. */
import { describe, expect, it } from 'vitest';
import { type LoadedZone, loadZone } from '../../../src/protocol/dns/zone-check.ts';
import { jsonLines } from '../../kit/json-lines.ts';

/** The output of named-checkzone: warnings and faults, then whether the zone was loaded. */
function describeLoad(origin: string, loaded: LoadedZone): readonly string[] {
  const zone = `zone ${origin.replace(/\.$/, '')}/IN`;
  const lines = [...loaded.warnings, ...loaded.faults].map(({ file, line, message }) =>
    line > 0 ? `${file}:${line}: ${message}` : `${zone}: ${message}`,
  );
  return [
    ...lines,
    loaded.zone === null ? `${zone}: not loaded due to errors.` : `${zone}: loaded serial ${loaded.zone.soa.serial}`,
  ];
}

interface Case {
  readonly name: string;
  readonly text: string;
  readonly loads: boolean;
  readonly said: readonly string[];
}

const cases = jsonLines<Case>(new URL('./golden/checkzone.jsonl', import.meta.url));
const enoent = (): never => {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
};

/** Messages of BIND that we report in other places or not at all. */
const OTHERS = /^OK$|loading from master file|file does not end with newline/;
/** The part of BIND's line that ours starts with. */
const gist = (line: string): string =>
  line
    .replace(/^(dns_rdata_fromtext|dns_master_load|\$GENERATE): /, '')
    .replace(/^gen:6: /, 'gen:6: $GENERATE: ')
    .replace(/syntax error$/, '')
    // Our warnings are a separate list.
    .replace(/:(\d+): warning: /, ':$1: ')
    // BIND shows the name as written, and the line where an entry ends.
    .replace("'1.2.3.4': MX", "'1.2.3.4.example.com': MX")
    .replace("'1.2.3.4.': MX", "'1.2.3.4': MX")
    .replace('unbal:6: near eof: ', 'unbal:5: ');

describe('zone check', () => {
  it.each(cases)('B2: the file "$name" gets the verdict of named-checkzone', ({ name, text, loads, said }) => {
    const loaded = loadZone(text, { file: name, origin: 'example.com.', read: enoent });
    expect(loaded.zone !== null).toBe(loads);
    const ours = describeLoad('example.com.', loaded);
    // After an unknown directive, BIND reads its argument as a record.
    const theirs = said
      .filter((line) => !OTHERS.test(line) && line !== "dirunknown:5: unknown RR type 'bar'")
      .map(gist);
    for (const line of theirs)
      expect(
        ours.some((our) => our.startsWith(line)),
        `${line}\nnot in\n${ours.join('\n')}`,
      ).toBe(true);
    expect(ours).toHaveLength(theirs.length);
  });

  it('data of more than 65535 octets is only a fault with its line, as in BIND', () => {
    const text = `$TTL 60\n@ SOA ns r 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nbig TXT ${`"${'x'.repeat(255)}" `.repeat(300)}\n`;
    const loaded = loadZone(text, { file: 'db.example', origin: 'example.com.', read: enoent });
    expect(loaded.zone).toBeNull();
    expect(loaded.faults).toEqual([
      { file: 'db.example', line: 5, message: 'ran out of space: the data of a record has 65535 octets at most' },
    ]);
  });

  it('a WKS with more ports than a function call can have arguments is loaded', () => {
    const loaded = loadZone(
      `$TTL 60\n@ SOA ns r 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nns WKS 192.0.2.1 tcp${' 25'.repeat(300_000)}\n`,
      {
        file: 'z',
        origin: 'example.com.',
      },
    );
    expect(loaded.faults).toEqual([]);
    expect(loaded.zone).not.toBeNull();
  });

  it('B2: all faults of a file are reported at once, each with its line and what was expected', () => {
    const text =
      '$TTL 1D\n@ IN SOA ns admin (\n 1 1D\n 1Q 1W 3H )\n@ NS ns\nns A 1.2.3\nwww CNAM ns\nmail MX ten mail\n';
    const { faults } = loadZone(text, { file: 'z', origin: 'example.com.' });
    expect(faults.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      "4: near '1Q': not a valid time, expected the retry time such as 1H",
      "6: near '1.2.3': bad dotted quad, expected an IPv4 address such as 192.0.2.1",
      "7: unknown RR type 'CNAM': did you mean CNAME?",
      "8: near 'ten': not a valid number, expected a preference such as 10",
    ]);
  });
});
