/** One of the two that are compared: where it listens, what it holds in memory. */
import type { Target } from './load/wire.ts';

export const SERVICES = ['imap', 'imaps', 'pop3', 'pop3s', 'smtp', 'submission', 'submissions', 'dns'] as const;
export type Service = (typeof SERVICES)[number];

/** The programs that a row keeps busy: on Posthorn's side always one, on the other side these. */
export type Program = 'dovecot' | 'postfix' | 'bind';

export interface Side {
  readonly name: 'Posthorn' | 'peer';
  readonly ports: Readonly<Record<Service, number>>;
  /** Octets resident now. */
  memory(programs: readonly Program[]): number;
  /** Messages in the INBOXes of the receivers now. */
  received(): Promise<number>;
  /** 99 of 100 delays of the event loop since the last call are not longer, ms; null where there is no such loop. */
  loopDelay(): Promise<number | null>;
  stop(): Promise<void>;
}

const WITH_TLS: ReadonlySet<Service> = new Set(['imaps', 'pop3s', 'submissions']);

export const at = ({ ports }: Side, service: Service): Target => ({
  port: ports[service],
  tls: WITH_TLS.has(service),
});
