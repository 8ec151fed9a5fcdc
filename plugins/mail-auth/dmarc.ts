/** DMARC (RFC 9989, with `pct` of RFC 7489). */
import type { DKIMVerifyResult, DMARCResult } from 'mailauth';
import { evaluateDmarc } from 'mailauth/lib/dmarc/index.js';
import { byPublicSuffixList } from './by-list.ts';
import type { DkimFinding, DmarcFinding, Policy, Row } from './results.ts';
import type { SpfResult } from './spf.ts';
import type { Resolve, Work } from './work.ts';

export interface Evidence {
  readonly work: Work;
  readonly resolve: Resolve;
  readonly verified: DKIMVerifyResult;
  readonly spf: readonly SpfResult[];
  readonly dkim: readonly Omit<DkimFinding, 'isAligned'>[];
  readonly isOverridden: boolean;
}

export interface DmarcJudgement {
  /** Null: From names no domain, or more than one. */
  readonly finding: DmarcFinding | null;
  readonly row: Row;
  /** Signing domains that align with From. */
  readonly aligned: ReadonlySet<string>;
  /** The logo's record of the domain; null where there is none to look for. */
  bimi(headers: unknown, resolve: Resolve): Promise<Row | null>;
}

/** RFC 7489 section 6.6.4. */
const LOWER: Readonly<Record<Policy, Policy>> = { reject: 'quarantine', quarantine: 'none', none: 'none' };

export async function dmarcFinding(evidence: Evidence): Promise<DmarcJudgement> {
  const { work, resolve, verified, spf, dkim, isOverridden } = evidence;
  const { headerFrom, fromFields } = verified;
  const author = headerFrom[0]?.split('@').at(-1)?.trim().toLowerCase().replace(/\.$/, '') ?? '';
  const { response, dkimAligned, reason } = await evaluateDmarc({
    headerFrom,
    fromFields,
    // RFC 7489 section 3.1.2: of the null reverse-path that of HELO.
    spfDomains: spf
      .filter(
        ({ finding: { identity, result } }) => result === 'pass' && (identity === 'mailfrom') === (work.sender !== ''),
      )
      .map(({ finding: { domain } }) => domain),
    dkimDomains: dkim
      .filter(({ result }) => result === 'pass')
      .map(({ domain, unsigned }, index) => ({ id: String(index), domain, underSized: unsigned })),
    resolver: work.organization === 'list' ? byPublicSuffixList(resolve, author) : resolve,
    strict: true,
  } as Parameters<typeof evaluateDmarc>[0]);
  if (response === false)
    return {
      finding: null,
      row: {
        method: 'dmarc',
        result: 'permerror',
        comment: (reason ?? 'no author').replaceAll('-', ' '),
        properties: [],
      },
      aligned: new Set(),
      bimi: async () => null,
    };
  const { status, policyDomain = '' } = response;
  const from = status.header?.from ?? '';
  const policy = isPolicy(response.policy) ? response.policy : 'none';
  const isSpared = work.sample >= percentOf(response.rr);
  const applied = isSpared ? LOWER[policy] : policy;
  const isFailed = status.result === 'fail';
  return {
    finding: { result: status.result, from, policyDomain, policy: isFailed ? applied : 'none', isOverridden },
    row: {
      method: 'dmarc',
      result: status.result,
      comment: [
        policyDomain === '' ? '' : `p=${response.p} of ${policyDomain}`,
        isFailed && isSpared ? 'spared by pct' : '',
        isFailed && isOverridden ? 'forwarded by trusted sealers' : '',
        status.result === 'temperror' ? (response.error ?? '') : '',
      ]
        .filter((word) => word !== '')
        .join(', '),
      properties: [
        ...(policyDomain === '' || status.result === 'temperror' ? [] : [['policy.dmarc', applied] as const]),
        ['header.from', from],
      ],
    },
    aligned: dkimAligned ?? new Set(),
    bimi: (headers, resolver) => bimiRow(response, headers, resolver),
  };
}

const isPolicy = (text: unknown): text is Policy => text === 'none' || text === 'quarantine' || text === 'reject';

/** RFC 7489 section 6.3; 100 where the record has none, or nonsense. RFC 9989 has no `pct` any more. */
function percentOf(record = ''): number {
  const found = /(?:^|;)[ \t]*pct[ \t]*=[ \t]*(\d{1,3})[ \t]*(?:;|$)/.exec(record)?.[1];
  const percent = Number(found ?? 100);
  return Math.min(percent, 100);
}

/** Loaded where somebody wants it: it brings an HTTP client that is not used. */
async function bimiRow(dmarc: DMARCResult, headers: unknown, resolver: Resolve): Promise<Row | null> {
  const { bimi } = await import('mailauth/lib/bimi/index.js');
  const found = await bimi({ dmarc, headers, resolver, strict: true });
  if (found === false) return null;
  const { result, comment = '', header } = found.status;
  const selector = typeof header?.['selector'] === 'string' ? header['selector'] : '';
  return {
    method: 'bimi',
    result,
    comment,
    properties:
      result === 'pass'
        ? [
            ['header.d', String(header?.['d'] ?? '')],
            ['header.selector', selector],
          ]
        : [],
  };
}
