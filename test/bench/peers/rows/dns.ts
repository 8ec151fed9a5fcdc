/** Answers of the name servers, with one thread on each side. */
import { DOMAIN } from '../corpus.ts';
import type { DnsJob } from '../load/job.ts';
import { type PeerRow, rate } from '../row.ts';

const NAMES = ['mail', 'www', 'nothing'].map((name) => `${name}.${DOMAIN}`);

const dns = (kind: DnsJob['kind'], about: string, connections: number, window: number): PeerRow => ({
  name: kind,
  about,
  storm: 'dns',
  programs: ['bind'],
  needs: 'nothing',
  measure: async (side, { generator, seconds, say }) => {
    const where = { port: side.ports.dns, tls: false, connections, seconds };
    const load = await generator.run({ kind, window, names: [DOMAIN, ...NAMES], ...where });
    say(`${Math.round(load.octets / load.units)} octets an answer`);
    return [rate(kind, 'answers', load)];
  },
});

export const dnsRows: readonly PeerRow[] = [
  dns('dns-udp', 'answers over UDP, 256 questions on their way', 1, 256),
  dns('dns-tcp', 'answers over TCP, 4 connections with 16 questions on their way', 4, 16),
];
