/** In the thread: SPF, DKIM, ARC and DMARC of one message. The codecs are mailauth's, in its strict mode. */
import { Readable } from 'node:stream';
import type { ARCData } from 'mailauth';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import type { Ask } from '../pool/messages.ts';
import { octetsOf } from '../pool/octets.ts';
import { checkArc } from './arc.ts';
import { dkimFindings } from './dkim.ts';
import { dmarcFinding } from './dmarc.ts';
import { type Guarded, guardHeader } from './guard.ts';
import type { DnsAnswer } from './questions.ts';
import type { Findings } from './results.ts';
import { checkSpf } from './spf.ts';
import type { Answer, Question, Resolve, Work } from './work.ts';

/** RFC 8301 section 3.2. */
const SHORTEST_KEY = 1024;

export async function judge(work: Work, ask: Ask<Question, Answer>): Promise<Findings> {
  const resolve = resolver(ask);
  const wants = (method: Work['checks'][number]): boolean => work.checks.includes(method);
  const spfRuns = wants('spf') || wants('dmarc') ? checkSpf(work, resolve) : Promise.resolve([]);
  // Its failure is reported where it is awaited.
  spfRuns.catch(() => {});

  const octets = octetsOf(work, async () => (await ask(null)) as Uint8Array | null);
  const { guarded, body } = await beginning(octets, work.size);
  const verified = await dkimVerify(Readable.from(guarded.isTooLarge ? [guarded.header] : body(guarded.header)), {
    resolver: resolve,
    // Not a Return-Path of the message.
    sender: work.sender === '' ? '<>' : work.sender,
    minBitLength: SHORTEST_KEY,
    curTime: new Date(work.now),
    strict: true,
  });
  const chain = verified.arc as ARCData | undefined;
  const arcFound =
    wants('arc') && chain !== undefined && !guarded.isTooLarge
      ? await checkArc(chain, { resolver: resolve, minBitLength: SHORTEST_KEY, strict: true, ip: work.ip })
      : null;
  const isVouched =
    arcFound?.finding.result === 'pass' &&
    arcFound.saysPass &&
    arcFound.finding.sealers.every((domain) => work.sealers.includes(domain));

  const spf = await spfRuns;
  const dkim = dkimFindings(verified, { guarded, now: work.now });
  const dmarc = wants('dmarc')
    ? await dmarcFinding({ work, resolve, verified, spf, dkim: dkim.findings, isOverridden: isVouched })
    : null;
  const aligned = dmarc?.aligned ?? new Set<string>();
  const bimi = wants('bimi') && dmarc !== null ? await dmarc.bimi(verified.headers, resolve) : null;
  return {
    rows: [
      ...(wants('spf') ? spf.map(({ row }) => row) : []),
      ...(wants('dkim') ? dkim.rows : []),
      ...(arcFound === null ? [] : [arcFound.row]),
      ...(dmarc === null ? [] : [dmarc.row]),
      ...(bimi === null ? [] : [bimi]),
    ],
    spf: wants('spf') ? spf.map(({ finding }) => finding) : [],
    dkim: wants('dkim')
      ? dkim.findings.map((one) => ({ ...one, isAligned: one.result === 'pass' && aligned.has(one.domain) }))
      : [],
    dmarc: dmarc?.finding ?? null,
    arc: arcFound?.finding ?? null,
    iprev: null,
  };
}

function resolver(ask: Ask<Question, Answer>): Resolve {
  return async (name, type) => {
    const answer = (await ask({ name, type })) as DnsAnswer;
    if ('records' in answer) return answer.records as string[][];
    throw Object.assign(new Error(`${type} of ${name}: ${answer.code}`), { code: answer.code });
  };
}

interface Opened {
  readonly guarded: Guarded;
  /** The message with another header. */
  body(header: Buffer): AsyncGenerator<Buffer>;
}

/** Above: no empty line is waited for. The server itself looks at no longer header. */
const LONGEST_HEADER = 1024 * 1024;

async function beginning(octets: AsyncGenerator<Buffer>, size: number): Promise<Opened> {
  let head: Buffer = Buffer.alloc(0);
  let end = -1;
  for (;;) {
    const { value, done } = await octets.next();
    if (done === true) break;
    const from = Math.max(0, head.length - 3);
    head = head.length === 0 ? value : Buffer.concat([head, value]);
    end = endOfHeader(head, from);
    if (end >= 0 || head.length > LONGEST_HEADER) break;
  }
  const split = end < 0 ? head.length : end;
  return {
    guarded: guardHeader(head.subarray(0, split), size),
    async *body(header) {
      yield header;
      if (split < head.length) yield head.subarray(split);
      yield* octets;
    },
  };
}

/** Behind the empty line, or -1. */
function endOfHeader(head: Buffer, from: number): number {
  if (from === 0 && head[0] === 13 && head[1] === 10) return 2;
  const at = head.indexOf('\r\n\r\n', from);
  return at < 0 ? -1 : at + 4;
}
