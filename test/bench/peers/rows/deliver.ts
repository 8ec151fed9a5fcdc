/** Durable deliveries: a message counts once its 250 has arrived; then the bench waits for it in the mailbox. */
import { setTimeout as delay } from 'node:timers/promises';
import { ACCOUNTS, DOMAIN, PASSWORD } from '../corpus.ts';
import type { SmtpJob } from '../load/job.ts';
import { type PeerRow, rate, type Storm } from '../row.ts';
import { at, type Service } from '../side.ts';

interface Delivery {
  readonly name: string;
  readonly about: string;
  readonly service: Service;
  readonly storm: Storm;
  readonly connections: number;
  readonly octets: number;
}

/** Timeout for emptying a queue, in s. */
const PATIENCE = 90;

const delivery = ({ name, about, service, storm, connections, octets }: Delivery): PeerRow => ({
  name,
  about,
  storm,
  programs: storm === 'submit' ? ['postfix', 'dovecot'] : ['postfix'],
  needs: 'nothing',
  measure: async (side, { generator, seconds, say }) => {
    const before = await side.received();
    const began = performance.now();
    const who = { accounts: ACCOUNTS, domain: DOMAIN, password: storm === 'submit' ? PASSWORD : null };
    const where = { ...at(side, service), connections, seconds, startTls: service === 'submission' };
    const job: SmtpJob = { kind: 'smtp', octets, ...who, ...where };
    const load = await generator.run(job);
    let arrived = await side.received();
    // If all are there at the first check, the check took the time, not the delivery.
    const atOnce = arrived - before >= load.units;
    while (arrived - before < load.units) {
      if (performance.now() - began > PATIENCE * 1000)
        throw new Error(`${load.units} messages were taken, ${arrived - before} arrived in ${PATIENCE} s`);
      await delay(20);
      arrived = await side.received();
    }
    const all = atOnce ? load.seconds : (performance.now() - began) / 1000;
    say(`${load.units} messages taken in ${load.seconds.toFixed(2)} s, all arrived after ${all.toFixed(2)} s`);
    return [rate(name, 'messages', load), rate(`${name}-arrived`, 'messages', { units: load.units, seconds: all })];
  },
});

const smtp = { service: 'smtp', storm: 'deliver' } as const;
const each = 'a connection and a login for each message';

export const deliverRows: readonly PeerRow[] = [
  delivery({ ...smtp, name: 'deliver-4k-1', about: '4 KB, one connection', connections: 1, octets: 4_096 }),
  delivery({ ...smtp, name: 'deliver-4k-20', about: '4 KB, 20 connections', connections: 20, octets: 4_096 }),
  delivery({ ...smtp, name: 'deliver-4k-100', about: '4 KB, 100 connections', connections: 100, octets: 4_096 }),
  delivery({ ...smtp, name: 'deliver-100k-20', about: '100 KB, 20 connections', connections: 20, octets: 102_400 }),
  delivery({
    name: 'submit-465',
    about: `4 KB over TLS, ${each}, 10 at a time`,
    service: 'submissions',
    storm: 'submit',
    connections: 10,
    octets: 4_096,
  }),
  delivery({
    name: 'submit-587',
    about: `4 KB over STARTTLS, ${each}, 10 at a time`,
    service: 'submission',
    storm: 'submit',
    connections: 10,
    octets: 4_096,
  }),
];
