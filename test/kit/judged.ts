/** The judgement of one message by plugins/mail-auth, without a server: DNS is a table. */
import { judge } from '../../plugins/mail-auth/judge.ts';
import { answering, type DnsAnswer } from '../../plugins/mail-auth/questions.ts';
import type { Findings } from '../../plugins/mail-auth/results.ts';
import type { Work } from '../../plugins/mail-auth/work.ts';
import { openContent } from '../../plugins/pool/octets.ts';
import { ResolveError, type Resolver } from '../../src/protocol/dns/resolver.ts';

/** Records by `TYPE name`, in lower case; `tempfail` is no answer, `void` a name without such a record. */
export type Zone = Readonly<Record<string, readonly string[] | 'tempfail' | 'void'>>;

export interface Asked extends Findings {
  /** The DNS questions, as `TYPE name`. */
  readonly questions: readonly string[];
}

export const WORK = {
  checks: ['spf', 'dkim', 'dmarc', 'arc'],
  ip: '203.0.113.9',
  helo: 'client.example.org',
  sender: 'a@example.org',
  receiver: 'mail.example.test',
  now: Date.parse('2026-01-01T12:00:00Z'),
  sealers: [],
  organization: 'walk',
  sample: 0,
  patience: 10_000,
} as const satisfies Partial<Work>;

/** `message`: octets, or text of octets (latin1). */
export async function judged(message: string | Uint8Array, zone: Zone, work: Partial<Work> = {}): Promise<Asked> {
  const octets = typeof message === 'string' ? Buffer.from(message, 'latin1') : Buffer.from(message);
  const { beginning, next } = await openContent(pieces(octets));
  const questions: string[] = [];
  const answer = answering(tableResolver(zone, questions), performance.now() + 60_000);
  const findings = await judge(
    { ...WORK, size: octets.length, ...beginning, ...work },
    async (question): Promise<DnsAnswer | Uint8Array | null> => (question === null ? next() : answer(question)),
  );
  return { ...findings, questions };
}

const PIECE = 16_384;
async function* pieces(octets: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < octets.length; at += PIECE) yield octets.subarray(at, at + PIECE);
}

function tableResolver(zone: Zone, questions: string[]): Resolver {
  const names = new Set(Object.keys(zone).map((key) => key.split(' ')[1]));
  const look = async (type: string, given: string): Promise<readonly string[]> => {
    const name = given.toLowerCase();
    questions.push(`${type} ${name}`);
    const found = zone[`${type} ${name}`];
    if (found === 'tempfail') throw new ResolveError('tempfail', 'no answer');
    if (found === undefined || found === 'void') throw new ResolveError(names.has(name) ? 'nodata' : 'notfound', name);
    return found;
  };
  return {
    txt: (name) => look('TXT', name),
    a: (name) => look('A', name),
    aaaa: (name) => look('AAAA', name),
    ns: (name) => look('NS', name),
    cname: (name) => look('CNAME', name),
    ptr: (ip) => look('PTR', ip),
    async mx(name) {
      return (await look('MX', name)).map((line) => {
        const [preference = '0', exchange = ''] = line.split(' ');
        return { preference: Number(preference), exchange };
      });
    },
  };
}
