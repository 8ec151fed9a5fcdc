/** ARC (RFC 8617): what a chain of forwarders says. */
import type { ARCData, ARCOptions } from 'mailauth';
import { arc } from 'mailauth/lib/arc/index.js';
import type { ArcFinding, Row } from './results.ts';

interface Tag {
  readonly value?: unknown;
}

export interface ArcJudgement {
  readonly finding: ArcFinding;
  readonly row: Row;
  /** The first sealer says that DMARC passed. */
  readonly saysPass: boolean;
}

export async function checkArc(data: ARCData, options: ARCOptions & { readonly ip: string }): Promise<ArcJudgement> {
  const sets = Array.isArray(data.chain) ? data.chain : [];
  const sealers = sets.map((set) => tag(set['arc-seal'], 'd'));
  // The newest sealer speaks of the chain; only the first one saw the message as its author had sent it. Read before the
  // chain is verified: mailauth then takes the newest set apart.
  const saysPass = tag(sets[0]?.['arc-authentication-results'], 'dmarc') === 'pass';
  const { status, i } = await arc(data, options);
  const instance = typeof i === 'number' && i > 0 ? `i=${i}` : '';
  return {
    finding: { result: status.result, sealers },
    row: {
      method: 'arc',
      result: status.result,
      comment: status.result === 'pass' ? `${instance} ${sealers.join(' ')}` : (status.comment ?? instance),
      properties: status.result === 'none' ? [] : [['smtp.remote-ip', options.ip]],
    },
    saysPass,
  };
}

function tag(field: unknown, name: string): string {
  const found = (field as { readonly parsed?: Readonly<Record<string, Tag>> } | undefined)?.parsed?.[name]?.value;
  return typeof found === 'string' ? found.toLowerCase() : '';
}
