/** What the main thread adds to the findings of a thread, or says where there are none. */
import { createHash } from 'node:crypto';
import type { Connection } from '../../src/bus/plugin.ts';
import { valueText } from './field.ts';
import { type Findings, type Method, NOTHING, type Row } from './results.ts';

const IPREV: Readonly<Record<Connection['remote']['nameStatus'], string>> = {
  ok: 'pass',
  notfound: 'fail',
  tempfail: 'temperror',
};

/** RFC 8601 section 2.7.3: the name of the address leads back to it, as the server has found out at `connect`. */
export function iprevRow({ ip, name, nameStatus }: Connection['remote']): Row {
  const result = IPREV[nameStatus];
  return {
    method: 'iprev',
    result,
    comment: result === 'pass' ? name : '',
    properties: [['policy.iprev', ip]],
  };
}

/** Each check of the thread is a temporary error. */
export function unchecked(checks: readonly Method[]): Findings {
  const methods = checks.filter((method) => method !== 'iprev' && method !== 'bimi');
  const result = 'temperror';
  const has = (method: (typeof methods)[number]): boolean => methods.includes(method);
  return {
    ...NOTHING,
    rows: methods.map((method) => ({ method, result, comment: 'not checked', properties: [] })),
    spf: has('spf') ? [{ identity: 'mailfrom', domain: '', result }] : [],
    dkim: has('dkim') ? [{ result, domain: '', selector: '', unsigned: 0, isAligned: false }] : [],
    dmarc: has('dmarc') ? { result, from: '', policyDomain: '', policy: 'none', isOverridden: false } : null,
    arc: has('arc') ? { result, sealers: [] } : null,
  };
}

/** RFC 7208 section 9.1, of the reverse-path, or of HELO for the null one. Null where SPF was not checked. */
export function receivedSpf({ spf }: Findings, connection: Connection, sender: string): string | null {
  const found = spf.find(({ identity }) => identity === 'mailfrom') ?? spf[0];
  if (found === undefined) return null;
  const pairs = [
    ['client-ip', connection.remote.ip],
    ['envelope-from', sender],
    ['helo', connection.helo ?? ''],
    ['identity', found.identity],
  ] as const;
  const said = pairs.filter(([, value]) => value !== '').map(([key, value]) => `${key}=${valueText(value)}`);
  return `Received-SPF: ${found.result} ${said.join('; ')}`;
}

/** From 0 to 99, the same for the same message. */
export const sampleOf = (queueId: string): number =>
  createHash('sha256').update(queueId).digest().readUInt32BE(0) % 100;
