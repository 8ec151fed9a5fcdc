/** The metrics of a running server: what it counts (counters.ts), and what can be measured now. */
import { setTimeout as delay } from 'node:timers/promises';
import { pluginFamilies } from '../bus/lent/metrics.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Family, Sample } from '../counter.ts';
import { countedFamilies } from '../counters.ts';
import { few } from '../few.ts';
import { MetricsPort } from '../metrics/port.ts';
import { EventLoopDelay, processFamilies } from '../metrics/process.ts';
import { formatFamilies } from '../metrics/text.ts';
import { ownVersion } from '../version.ts';
import type { ServerParts } from './server-parts.ts';
import { type ServerStatus, statusOf } from './status.ts';

/** How long the store is waited for, ms: less than the patience of whoever asks (Prometheus: 10 s). */
const STORE_PATIENCE = 3_000;

/** Of one process, and where Prometheus asks for them if there is no supervisor, which asks all. */
export class ServerMetrics implements AsyncDisposable {
  readonly #parts: ServerParts;
  readonly #lag = new EventLoopDelay();
  readonly #port = new MetricsPort(
    async () => formatFamilies(await this.families()),
    (...request) => this.#parts.generations.current.bus.routes.answer(...request),
  );

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** As metrics_listen says, at the start and at each reload. Returns warnings. */
  async become({ parameters }: Configuration): Promise<readonly string[]> {
    const { options, portOffset } = this.#parts;
    const address = options.isSupervised === true ? '' : parameters.string('metrics_listen');
    const why = options.isSupervised === true ? 'one of several front processes' : 'metrics_listen is not set';
    const { names } = this.#parts.generations.current.bus.routes;
    return [
      ...(address === '' && names.length > 0 ? [`warning: nobody can reach ${few(names, 3)}: ${why}`] : []),
      ...(options.isSupervised === true ? [] : await this.#port.become(address, portOffset)),
    ];
  }

  async families(): Promise<Family[]> {
    const { listeners, generations, certificates } = this.#parts;
    // A database that is away must not take the other figures with it.
    const status = await Promise.race([
      statusOf(this.#parts, []).catch(() => null),
      delay(STORE_PATIENCE, null, { ref: false }),
    ]);
    return [
      shared('posthorn_info', 'The version of Posthorn and of Node.', [
        [{ version: ownVersion(), node: process.versions.node }, 1],
      ]),
      own('posthorn_open_connections', 'Connections open now.', [[{}, listeners.connections]]),
      own('posthorn_sessions', 'Sessions open now.', byName('protocol', generations.sessions)),
      own('posthorn_deliveries_in_progress', 'Recipients to whom mail is delivered now.', [
        [{}, generations.current.delivery.runner.active],
      ]),
      shared('posthorn_store_reachable', 'Whether the store answers: 1 or 0.', [[{}, status === null ? 0 : 1]]),
      ...(status === null ? [] : storeFamilies(status)),
      shared(
        'posthorn_certificate_expiry_timestamp_seconds',
        'When a certificate in use expires, in seconds since 1970.',
        certificates.validity.map(({ file, expiresAt }) => [{ file }, Math.floor(expiresAt / 1000)]),
      ),
      ...processFamilies(),
      ...this.#lag.families,
      ...countedFamilies(),
      ...pluginFamilies(),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lag.stop();
    await this.#port[Symbol.asyncDispose]();
  }
}

function storeFamilies({ queue, queueAge, store, processes }: ServerStatus): Family[] {
  return [
    shared('posthorn_queue_recipients', 'Recipients in the queue, of the first 10000.', byName('queue', queue)),
    shared('posthorn_queue_oldest_age_seconds', 'Age of the oldest message in the queue; 0 if it is empty.', [
      [{}, queueAge],
    ]),
    ...(store.size === null
      ? []
      : [shared('posthorn_store_size_bytes', 'Size of the store with its files.', [[{}, store.size]])]),
    shared('posthorn_store_free_bytes', 'Free on the disk of the data folder.', [[{}, store.free]]),
    shared('posthorn_processes', 'Processes that share the store.', [[{}, processes]]),
  ];
}

type Row = readonly [labels: Sample['labels'], value: number];

const gauge = (across: Family['across'], name: string, help: string, rows: readonly Row[]): Family => ({
  name,
  help,
  type: 'gauge',
  across,
  samples: rows.map(([labels, value]) => ({ suffix: '', labels, value })),
});

/** Of this process: several have the sum. */
const own = (name: string, help: string, rows: readonly Row[]): Family => gauge('sum', name, help, rows);

/** The same for all processes. */
const shared = (name: string, help: string, rows: readonly Row[]): Family => gauge('max', name, help, rows);

const byName = (label: string, values: Readonly<Record<string, number>>): readonly Row[] =>
  Object.entries(values).map(([name, value]) => [{ [label]: name }, value]);
