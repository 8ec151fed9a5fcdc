/**
 * Who watches how mail is decided, step by step: `posthorn explain` asks about a message that does not exist, and
 * debug_peer_list has the sessions of some clients written to the log. The code that decides says what it asks and what
 * comes of it; watching changes no decision.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export type TraceStep =
  /** A line of the dialog, or one that the log would have got. */
  | { readonly kind: 'command' | 'reply' | 'log'; readonly text: string }
  /** A restriction list begins. */
  | { readonly kind: 'list'; readonly list: string; readonly subject: string }
  /** One restriction of a list, or (`depth` above 1) of a class or a list in a table. `item`: its word there. */
  | {
      readonly kind: 'rule';
      readonly list: string;
      readonly rule: string;
      readonly item: string;
      readonly depth: number;
      readonly result: string;
      /** Where it is set, if `posthorn explain` asks. */
      readonly place?: Place | null;
    }
  /** A table was asked for a key; null: it has none. The place is known only to `posthorn explain`. */
  | {
      readonly kind: 'lookup';
      readonly table: string;
      readonly key: string;
      readonly value: string | null;
      readonly place: Place | null;
    }
  /** A plugin had something to say. */
  | { readonly kind: 'plugin'; readonly plugin: string; readonly hook: string; readonly result: string }
  /** A recipient is replaced. */
  | { readonly kind: 'expansion'; readonly address: string; readonly into: readonly string[] }
  | ({ readonly kind: 'route'; readonly address: string } & RouteWords);

/** A line of a file of the configuration. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface RouteWords {
  /** As in master.cf: local, virtual, smtp, lmtp, error, discard … */
  readonly transport: string;
  /** The next hop, the address of the account, or the text of the error. */
  readonly nexthop: string;
}

export interface Trace {
  /** The message does not exist: what remembers being asked (a counter, a greylist) must not be asked. */
  readonly hypothetical: boolean;
  add(step: TraceStep): void;
}

const current = new AsyncLocalStorage<Trace | null>();

/** Null where nobody watches. */
export const trace = (): Trace | null => current.getStore() ?? null;

/** Whatever `run` decides is watched. */
export const traced = <T>(watcher: Trace, run: () => T): T => current.run(watcher, run);

/** For work that others share, begun in a watched session. */
export const untraced = <T>(run: () => T): T => current.run(null, run);

/** In one line. */
export function formatStep(step: TraceStep): string {
  switch (step.kind) {
    case 'command':
      return `< ${step.text}`;
    case 'reply':
      return `> ${step.text}`;
    case 'log':
      return `log: ${step.text}`;
    case 'list':
      return `${step.list} for <${step.subject}>`;
    case 'rule':
      return `${'  '.repeat(step.depth - 1)}${step.rule}: ${step.result}`;
    case 'lookup':
      return `${step.table} "${step.key.replace(/\s+/g, ' ')}": ${step.value === null ? 'not found' : `"${step.value}"`}${placeWords(step.place)}`;
    case 'plugin':
      return `plugin ${step.plugin}, ${step.hook}: ${step.result}`;
    case 'expansion':
      return `<${step.address}> is replaced by ${step.into.length === 0 ? 'nobody' : step.into.map((one) => `<${one}>`).join(', ')}`;
    case 'route':
      return `<${step.address}> goes to ${step.transport}:${step.nexthop}`;
  }
}

const placeWords = (place: Place | null): string => (place === null ? '' : ` (${place.file}:${place.line})`);
