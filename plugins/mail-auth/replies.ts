/** Refusals by what was found (RFC 7372, RFC 7489 section 10.3). */
import { deny, denySoft, reply, type Verdict } from '../../src/bus/plugin.ts';
import type { Reason } from './settings.ts';

const CODES: Readonly<Record<string, readonly [subject: string, text: string]>> = {
  dmarc: ['7.26', 'message is not authenticated as its From domain wants it (DMARC)'],
  spf: ['7.23', 'client is not permitted by the SPF record of the sender domain'],
  helo: ['7.23', 'client is not permitted by the SPF record of its HELO name'],
  dkim: ['7.20', 'no DKIM signature of the message holds'],
  arc: ['7.29', 'ARC validation failed'],
  iprev: ['7.25', 'client address has no confirmed name'],
};

/** `reasons`: those for which it is refused, the first one is said. */
export function refusal(action: 'reject' | 'defer', reasons: readonly Reason[]): Verdict {
  const [method = ''] = (reasons[0] ?? '').split('_');
  const [subject, text] = CODES[method] ?? ['7.0', 'message cannot be authenticated'];
  if (action === 'reject') return deny(reply(550, `5.${subject}`, `Error: ${text}`));
  const isTemporary = reasons[0]?.endsWith('temperror') === true;
  return isTemporary
    ? denySoft(reply(451, '4.7.0', 'Error: message cannot be authenticated now, try again later'))
    : denySoft(reply(451, `4.${subject}`, `Error: ${text}`));
}
