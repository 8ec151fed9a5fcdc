/** Mail for a domain of relay_domains is accepted from everyone: a table that matches every domain is a fault. */
import { describe, expect, it } from 'vitest';
import { formatFault } from '../../../src/config/fault.ts';
import { checkRelayDomains } from '../../../src/config/postfix/check-relay-domains.ts';
import { parametersOf, serviceOf } from '../../kit/parameters.ts';
import { openTables } from '../../kit/tables.ts';

const { tables } = openTables();

/** The first of two services may set its own in master.cf. */
function check(value: string, own = value): string[] {
  const main = parametersOf({ relay_domains: value });
  const service = serviceOf(parametersOf({ relay_domains: own }), () => ({ file: 'master.cf', line: 1 }));
  const plain = serviceOf(main, () => ({ file: 'main.cf', line: 4 }));
  return checkRelayDomains(main, [service, { ...plain, name: 'submission' }], 'main.cf', tables)
    .map(formatFault)
    .map((fault) => (own === value ? fault.replace('master.cf:1', 'main.cf:4') : fault));
}

describe('relay_domains', () => {
  it.each(['static:all', 'regexp:{{/./ ok}}', 'pcre:{{/^/ ok}}'])('"%s" matches every domain, a fault', (table) => {
    const fault = `main.cf:4: relay_domains: "${table}" matches every domain: anyone may relay to a domain of relay_domains; list the domains that you relay for`;
    expect(check(table)).toEqual([fault]);
    expect(check(`example.com, !example.org, ${table}`)).toEqual([fault]);
  });

  it('what a service sets in master.cf does not count: domains are those of main.cf', () => {
    expect(check('static:all', 'example.com')).toEqual([
      expect.stringMatching(/^main\.cf:4: relay_domains: "static:all"/),
    ]);
    expect(check('example.com', 'static:all')).toEqual([]);
  });

  it('domains, and tables of some domains, are accepted', () => {
    expect(check('example.com, inline:{example.org=ok}, pcre:{{/[.]example$$/ ok}}')).toEqual([]);
    expect(check('')).toEqual([]);
  });
});
