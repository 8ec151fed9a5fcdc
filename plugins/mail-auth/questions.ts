/** DNS questions of the thread, answered in the main thread by the resolver that plugins are lent. */
import { ResolveError, type Resolver } from '../../src/bus/plugin.ts';

export type RecordType = 'TXT' | 'A' | 'AAAA' | 'MX' | 'PTR' | 'CNAME';

export interface DnsQuestion {
  readonly name: string;
  readonly type: string;
}

/** Records as Node's `dns.resolve` gives them, or the code of its error. */
export type DnsAnswer = { readonly records: readonly unknown[] } | { readonly code: string };

/** Of one message: SPF alone may ask 10 questions for 10 names each, twice. */
const MOST_QUESTIONS = 250;
/** Of an answer: RFC 7208 section 4.6.4 looks at 10 names of a list. */
const MOST_RECORDS = 50;
const LONGEST_TEXT = 16_384;

const CODES: Readonly<Record<ResolveError['reason'], string>> = {
  notfound: 'ENOTFOUND',
  nodata: 'ENODATA',
  tempfail: 'ESERVFAIL',
};

/** Answers of one message; until `deadline` (performance.now), then none: what waits is a temporary error. */
export function answering(resolver: Resolver, deadline: number): (question: DnsQuestion) => Promise<DnsAnswer> {
  let asked = 0;
  return async ({ name, type }) => {
    asked += 1;
    const left = deadline - performance.now();
    const look = Object.hasOwn(LOOK, type) ? LOOK[type as RecordType] : undefined;
    if (asked > MOST_QUESTIONS || left <= 0 || look === undefined) return { code: 'ETIMEOUT' };
    const host = name.endsWith('.') ? name.slice(0, -1) : name;
    if (!isName(host)) return { code: 'EBADNAME' };
    return withinTime(left, answer(look(resolver, host)));
  };
}

async function answer(looking: Promise<readonly unknown[]>): Promise<DnsAnswer> {
  try {
    const records = await looking;
    return records.length === 0 ? { code: 'ENODATA' } : { records: records.slice(0, MOST_RECORDS) };
  } catch (error) {
    return { code: error instanceof ResolveError ? CODES[error.reason] : 'ESERVFAIL' };
  }
}

const LOOK: Readonly<Record<RecordType, (resolver: Resolver, name: string) => Promise<readonly unknown[]>>> = {
  TXT: async (resolver, name) => (await resolver.txt(name)).map((text) => [text.slice(0, LONGEST_TEXT)]),
  A: (resolver, name) => resolver.a(name),
  AAAA: (resolver, name) => resolver.aaaa(name),
  MX: async (resolver, name) =>
    (await resolver.mx(name)).map(({ exchange, preference }) => ({ exchange, priority: preference })),
  PTR: (resolver, name) => resolver.ptr(addressOf(name)),
  CNAME: (resolver, name) => resolver.cname(name),
};

/** RFC 1035 section 2.3.4. */
const isName = (name: string): boolean =>
  name.length <= 253 && name.split('.').every((label) => label !== '' && Buffer.byteLength(label) <= 63);

/** The address of a name in in-addr.arpa or ip6.arpa (RFC 1035 section 3.5, RFC 3596 section 2.5). */
function addressOf(name: string): string {
  const labels = name.toLowerCase().split('.').slice(0, -2).reverse();
  return labels.length === 4 ? labels.join('.') : (labels.join('').match(/.{4}/g) ?? []).join(':');
}

function withinTime(ms: number, answer: Promise<DnsAnswer>): Promise<DnsAnswer> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ code: 'ETIMEOUT' }), ms);
    void answer.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
