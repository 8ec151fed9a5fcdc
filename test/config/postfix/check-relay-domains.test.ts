/** Mail for a domain of relay_domains is taken from everybody: a table that holds every domain is a fault. */
import { describe, expect, it } from 'vitest';
import { formatFault } from '../../../src/config/fault.ts';
import { checkRelayDomains } from '../../../src/config/postfix/check-relay-domains.ts';
import { createTables } from '../../../src/lookup/tables.ts';
import { parametersOf } from '../../delivery/house.ts';

const tables = createTables({ resolvePath: (path) => path, log: { info() {}, warn() {} }, clock: () => 0 });

/** Of two services that share it. */
function check(value: string): string[] {
  const setAt = () => ({ file: 'main.cf', line: 4 });
  const service = {
    name: 'smtp',
    addresses: [],
    port: 25,
    wrapperMode: false,
    maxSessions: 0,
    parameters: parametersOf({ relay_domains: value }),
    setAt,
  };
  return checkRelayDomains([service, { ...service, name: 'submission' }], 'main.cf', tables).map(formatFault);
}

describe('relay_domains', () => {
  it.each(['static:all', 'regexp:{{/./ ok}}', 'pcre:{{/^/ ok}}'])('"%s" is every domain, a fault', (table) => {
    const fault = `main.cf:4: relay_domains: "${table}" matches every domain: anyone may relay to a domain of relay_domains; list the domains that you relay for`;
    expect(check(table)).toEqual([fault]);
    expect(check(`example.com, !example.org, ${table}`)).toEqual([fault]);
  });

  it('domains, and tables of some domains, are taken', () => {
    expect(check('example.com, inline:{example.org=ok}, pcre:{{/[.]example$$/ ok}}')).toEqual([]);
    expect(check('')).toEqual([]);
  });
});
