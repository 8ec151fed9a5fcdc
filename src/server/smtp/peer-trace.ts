/**
 * debug_peer_list: what is asked and decided in the session of a client of that list, in the log. With debug_peer_level
 * 1 the dialog, rules and routes; above that also each key that a table is asked for.
 *
 * Whether a client is in the list is known when its name is: what comes earlier waits.
 */
import type { Connection } from '../../bus/hook.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { DebugPeers } from '../../lookup/debug-peers.ts';
import { formatStep, type Trace, type TraceStep } from '../../tracing.ts';
import { clientOf } from './maillog.ts';

/** Steps before the name is known; further ones are lost. */
const MOST_WAITING = 100;
const LONGEST_LINE = 2_000;

export class PeerTrace implements Trace {
  readonly hypothetical = false;
  readonly #peers: DebugPeers;
  readonly #log: Log;
  #waiting: TraceStep[] | null = [];
  /** Null: not in the list, or not known yet. */
  #connection: Connection | null = null;

  constructor(peers: DebugPeers, log: Log) {
    this.#peers = peers;
    this.#log = log;
  }

  add(step: TraceStep): void {
    if (step.kind === 'lookup' && this.#peers.level < 2) return;
    if (this.#connection !== null) this.#write(this.#connection, step);
    else if (this.#waiting !== null && this.#waiting.length < MOST_WAITING) this.#waiting.push(step);
  }

  /** The client's name is known. Never rejects. */
  async meet(connection: Connection): Promise<void> {
    let listed = false;
    try {
      listed = await this.#peers.isListed(connection.remote.ip, connection.remote.name);
    } catch (error) {
      this.#log.warn({ session: connection.id }, `debug_peer_list: ${messageOf(error)}`);
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    if (!listed) return;
    this.#connection = connection;
    for (const step of waiting) this.#write(connection, step);
  }

  #write(connection: Connection, step: TraceStep): void {
    const client = clientOf(connection);
    const lines =
      step.kind === 'command' || step.kind === 'reply'
        ? step.text.split('\r\n').map((line) => `${step.kind === 'command' ? '<' : '>'} ${client}: ${line}`)
        : [`${client}: ${formatStep(step)}`];
    for (const line of lines)
      this.#log.info(
        { session: connection.id, debug: step.kind },
        line.replace(/[\0-\x1f\x7f]/g, '?').slice(0, LONGEST_LINE),
      );
  }
}
