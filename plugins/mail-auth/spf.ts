/** SPF (RFC 7208): of the name in HELO, and of the reverse-path's domain. */
import { isIP } from 'node:net';
import { spf } from 'mailauth/lib/spf/index.js';
import type { Row, SpfFinding } from './results.ts';
import type { Resolve, Work } from './work.ts';

export interface SpfResult {
  readonly finding: SpfFinding;
  readonly row: Row;
}

/** The HELO identity first (RFC 7208 section 2.3); the other one not for the null reverse-path. */
export async function checkSpf(work: Work, resolve: Resolve): Promise<readonly SpfResult[]> {
  const { helo, sender } = work;
  // An address literal has no policy.
  const isName = helo !== '' && !helo.startsWith('[') && isIP(helo) === 0;
  const runs = [
    ...(isName ? [check('helo', work, resolve)] : []),
    ...(sender === '' ? [] : [check('mailfrom', work, resolve)]),
  ];
  return Promise.all(runs);
}

async function check(
  identity: SpfFinding['identity'],
  { ip, helo, sender, receiver, patience }: Work,
  resolver: Resolve,
): Promise<SpfResult> {
  const asked = identity === 'helo' ? '' : sender;
  const { status, domain } = await spf({
    ...{ ip, helo, sender: asked, mta: receiver, resolver, strict: true },
    maxElapsedTime: patience,
  });
  const { result } = status;
  return {
    finding: { identity, domain: domain.toLowerCase(), result },
    row: {
      method: 'spf',
      result,
      comment: comment(result, { domain, ip, said: status.comment ?? '' }),
      properties: [identity === 'helo' ? ['smtp.helo', helo] : ['smtp.mailfrom', sender]],
    },
  };
}

function comment(
  result: string,
  { domain, ip, said }: { readonly domain: string; readonly ip: string; readonly said: string },
): string {
  switch (result) {
    case 'pass':
      return `domain of ${domain} designates ${ip} as permitted sender`;
    case 'fail':
    case 'softfail':
      return `domain of ${domain} does not designate ${ip} as permitted sender`;
    case 'permerror':
    case 'temperror':
      // What went wrong stands last.
      return said.split(': ').at(-1) ?? '';
    default:
      return '';
  }
}
