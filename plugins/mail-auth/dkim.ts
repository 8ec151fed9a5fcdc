/** DKIM (RFC 6376, 8301, 8463): what the verifier says of each signature. */
import type { DKIMResult, DKIMVerifyResult } from 'mailauth';
import { type Guarded, LIMITS } from './guard.ts';
import type { DkimFinding, Row } from './results.ts';

/** How far the signer's clock may be ahead, ms. */
const MOST_AHEAD = 5 * 60_000;

export interface DkimFindings {
  readonly findings: readonly Omit<DkimFinding, 'isAligned'>[];
  readonly rows: readonly Row[];
}

export function dkimFindings(
  { results }: DKIMVerifyResult,
  { guarded, now }: { readonly guarded: Guarded; readonly now: number },
): DkimFindings {
  if (guarded.isTooLarge) return none('permerror', 'header too large to verify');
  const signed = results.filter(({ signingDomain }) => signingDomain !== undefined);
  if (signed.length === 0 && guarded.dropped === 0) return none('none', 'message not signed');
  const read = signed.map((one) => finding(one, now));
  return {
    findings: read.map(([found]) => found),
    rows: [
      ...read.map(([, row]) => row),
      ...(guarded.dropped === 0
        ? []
        : [{ ...NEUTRAL, comment: `${guarded.dropped} more not verified, at most ${LIMITS.signatures} are` }]),
    ],
  };
}

const NEUTRAL = { method: 'dkim', result: 'neutral', properties: [] } as const;

const none = (result: string, comment: string): DkimFindings => ({
  findings: [],
  rows: [{ method: 'dkim', result, comment, properties: [] }],
});

function finding(signature: DKIMResult, now: number): readonly [Omit<DkimFinding, 'isAligned'>, Row] {
  const { status, signingDomain = '', selector = '', signTime, modulusLength } = signature;
  // RFC 6376 section 3.5: a signature of the future may be ignored.
  const isEarly = status.result === 'pass' && signTime != null && Date.parse(signTime) > now + MOST_AHEAD;
  const result = isEarly ? 'neutral' : status.result;
  const unsigned = status.underSized ?? 0;
  const words = [
    isEarly ? 'signature of the future' : (status.comment ?? ''),
    unsigned > 0 ? `${unsigned} octets of the body are not signed` : '',
    result === 'pass' && modulusLength !== undefined ? `${modulusLength}-bit key` : '',
    status.testing === true ? 'testing' : '',
  ];
  const rules = status.policy?.['dkim-rules'] ?? '';
  const properties = Object.entries(status.header ?? {}).map(([name, value]): [string, string] => [
    `header.${name}`,
    typeof value === 'string' ? value : '',
  ]);
  return [
    { result, domain: signingDomain.toLowerCase().replace(/\.$/, ''), selector, unsigned },
    {
      method: 'dkim',
      result,
      comment: words.filter((word) => word !== '').join(', '),
      properties: [...(rules === '' ? [] : [['policy.dkim-rules', rules] as const]), ...properties],
    },
  ];
}
