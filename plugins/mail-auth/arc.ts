/** ARC (RFC 8617): what a chain of forwarders says. */
import type { ARCData, ARCResult } from 'mailauth';
import type { ArcFinding, Row } from './results.ts';

export type Chain = ARCData;

interface Tag {
  readonly value?: unknown;
}

export function arcFinding(
  { status, i }: ARCResult,
  { chain }: Chain,
): { readonly finding: ArcFinding; readonly row: Row; readonly saysPass: boolean } {
  const sets = Array.isArray(chain) ? chain : [];
  const tag = (field: unknown, name: string): string => {
    const found = (field as { readonly parsed?: Readonly<Record<string, Tag>> } | undefined)?.parsed?.[name]?.value;
    return typeof found === 'string' ? found.toLowerCase() : '';
  };
  const sealers = sets.map((set) => tag(set['arc-seal'], 'd'));
  // The newest sealer speaks of the chain; only the first one saw the message as its author had sent it.
  const saysPass = tag(sets[0]?.['arc-authentication-results'], 'dmarc') === 'pass';
  const instance = typeof i === 'number' && i > 0 ? `i=${i}` : '';
  const comment = status.result === 'pass' ? `${instance} ${sealers.join(' ')}` : (status.comment ?? instance);
  return {
    finding: { result: status.result, sealers },
    row: {
      method: 'arc',
      result: status.result,
      comment,
      properties: status.result === 'none' ? [] : [['smtp.remote-ip', status.smtp?.['remote-ip' as never] ?? '']],
    },
    saysPass,
  };
}
