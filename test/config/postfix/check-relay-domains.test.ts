/** Mail for a domain of relay_domains is accepted from everyone: a table that matches every domain is a fault. */
import { describe, expect, it } from 'vitest';
import { formatFault } from '../../../src/config/fault.ts';
import { checkRelayDomains } from '../../../src/config/postfix/check-relay-domains.ts';
import { parametersOf, serviceOf } from '../../kit/parameters.ts';
import { openTables } from '../../kit/tables.ts';

const { tables } = openTables();

/** One of two services that share it. */
function check(value: string): string[] {
  const service = serviceOf(parametersOf({ relay_domains: value }), () => ({ file: 'main.cf', line: 4 }));
  return checkRelayDomains([service, { ...service, name: 'submission' }], 'main.cf', tables).map(formatFault);
}

describe('relay_domains', () => {
  it.each(['static:all', 'regexp:{{/./ ok}}', 'pcre:{{/^/ ok}}'])('"%s" matches every domain, a fault', (table) => {
    const fault = `main.cf:4: relay_domains: "${table}" matches every domain: anyone may relay to a domain of relay_domains; list the domains that you relay for`;
    expect(check(table)).toEqual([fault]);
    expect(check(`example.com, !example.org, ${table}`)).toEqual([fault]);
  });

  it('domains, and tables of some domains, are accepted', () => {
    expect(check('example.com, inline:{example.org=ok}, pcre:{{/[.]example$$/ ok}}')).toEqual([]);
    expect(check('')).toEqual([]);
  });
});
