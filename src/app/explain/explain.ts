/**
 * `posthorn explain`: what this server would do with a message that does not exist. A real session of the SMTP server
 * and a real intake are asked, with a trace; at their end is a store that keeps nothing.
 *
 * Nothing is sent, stored, counted or learned: limits of clients are counted apart, lines of the log go to the trace,
 * no account is made, and plugins and policy services that may remember what they are asked are not asked.
 */
import type { Explanation, Hypothetical } from '../../admin/explanation.ts';
import type { Service } from '../../config/configuration.ts';
import type { Log } from '../../log.ts';
import { formatReply } from '../../mail/status.ts';
import type { Acceptance } from '../../store/store.ts';
import { type Trace, type TraceStep, traced } from '../../tracing.ts';
import { destinationsOf } from './destinations.ts';
import type { ExplainParts } from './parts.ts';
import { hypotheticalReceiver, submit } from './receiver.ts';
import { converse, openSession } from './session.ts';

/** Further ones are not kept. */
const MOST_STEPS = 20_000;

/** Rejects with OperationError if the question makes no sense. */
export async function explain(asked: Hypothetical, parts: ExplainParts): Promise<Explanation> {
  const { bus, configuration } = parts.foundation;
  const collected = new Collected();
  const receiver = hypotheticalReceiver(parts, collected.log, (acceptance) => collected.keep(acceptance));
  const opened = asked.client === null ? null : await openSession(asked, asked.client, parts);
  if (opened === null) {
    const reply = await traced(collected, () => submit(asked, receiver, configuration.parameters));
    collected.add({ kind: 'reply', text: formatReply(reply) });
  } else {
    const serving = { ...parts, hooks: bus, receiver, log: collected.log };
    await traced(collected, () => converse(asked, opened, serving));
  }
  const steps = collected.steps.map((step) => (opened === null ? step : placed(step, opened.service)));
  return {
    service: opened?.service.name ?? null,
    assumed: opened?.assumed ?? [],
    steps,
    destinations: await destinationsOf(steps, collected.kept, parts),
  };
}

/** Everything that was asked, in order. */
class Collected implements Trace {
  readonly hypothetical = true;
  readonly steps: TraceStep[] = [];
  readonly log: Log;
  /** What the store was given. */
  kept: Acceptance | null = null;

  constructor() {
    const say = (_fields: object, text: string): void => {
      // What the log would say of a message that is kept is not so.
      if (this.kept === null) this.add({ kind: 'log', text });
    };
    this.log = { debug: () => {}, info: say, warn: say, error: say, child: () => this.log };
  }

  keep(acceptance: Acceptance): void {
    this.kept = acceptance;
  }

  add(step: TraceStep): void {
    if (this.steps.length < MOST_STEPS) this.steps.push(step);
  }
}

/** A rule with the line where it is set. */
function placed(step: TraceStep, service: Service): TraceStep {
  return step.kind === 'rule' ? { ...step, place: service.setAt(step.list, step.item) ?? null } : step;
}
