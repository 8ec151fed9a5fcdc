/** A resolver without a network. */
import { ResolveError, type Resolver } from '../../src/protocol/dns/resolver.ts';

/**
 * Maps type and name to the data, as in `{ 'a mail.example': ['192.0.2.1'], 'mx example': ['10 mail.example'] }`; an MX
 * record without a preference has 10. A missing name does not exist.
 */
export type DnsRecords = Readonly<Record<string, readonly string[] | 'tempfail'>>;

export interface FakeResolver extends Resolver {
  /** The questions so far, as `a mail.example`. */
  readonly asked: string[];
}

export function resolverOf(records: DnsRecords = {}): FakeResolver {
  const asked: string[] = [];
  const answer = async (type: string, name: string): Promise<readonly string[]> => {
    asked.push(`${type} ${name}`);
    const found = records[`${type} ${name}`];
    if (found === 'tempfail') throw new ResolveError('tempfail', 'no answer');
    if (found === undefined) throw new ResolveError('notfound', `${name} does not exist`);
    return found;
  };
  return {
    asked,
    mx: async (name) => (await answer('mx', name)).map(mailExchange),
    a: (name) => answer('a', name),
    aaaa: (name) => answer('aaaa', name),
    ptr: (ip) => answer('ptr', ip),
    txt: (name) => answer('txt', name),
    ns: (name) => answer('ns', name),
    cname: (name) => answer('cname', name),
  };
}

function mailExchange(text: string): { readonly preference: number; readonly exchange: string } {
  const [, preference = '10', exchange = ''] = /^(?:(\d+) )?(.*)$/.exec(text) ?? [];
  return { preference: Number(preference), exchange };
}
