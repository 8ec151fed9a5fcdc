/** One of the two compared sides: where it listens, how much memory it uses. */
import type { Target } from './load/wire.ts';

export const SERVICES = ['imap', 'imaps', 'pop3', 'pop3s', 'smtp', 'submission', 'submissions', 'dns'] as const;
export type Service = (typeof SERVICES)[number];

/** The programs that a row loads: always one on Posthorn's side, these on the other. */
export type Program = 'dovecot' | 'postfix' | 'bind';

export interface Side {
  readonly name: 'Posthorn' | 'peer';
  readonly ports: Readonly<Record<Service, number>>;
  /** Octets resident now. */
  memory(programs: readonly Program[]): number;
  /** Messages now in the INBOXes of the recipients. */
  received(): Promise<number>;
  /** The 99th percentile of event loop delays since the last call, in ms; null without such a loop. */
  loopDelay(): Promise<number | null>;
  stop(): Promise<void>;
}

const WITH_TLS: ReadonlySet<Service> = new Set(['imaps', 'pop3s', 'submissions']);

export const at = ({ ports }: Side, service: Service): Target => ({
  port: ports[service],
  tls: WITH_TLS.has(service),
});
