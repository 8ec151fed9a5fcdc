/** What a version that only runs beside another one gets of a hook's argument, and what a handler changed in it. */
import type { Header } from '../../protocol/mime/header.ts';
import type { HookName, MessageChange } from '../hook.ts';
import { notedChange } from '../noted-change.ts';
import { crossingOf, type Fields, type Shape } from '../worker/crossing.ts';

type Values = Record<string, unknown>;

export class Copies {
  /** Connections and transactions: a version finds its notes again. */
  readonly #kept = new WeakMap<object, Values>();

  /** Changes to it reach nobody. */
  of(hook: HookName, argument: object): object {
    const copy = this.#copy(crossingOf(hook), argument as Values);
    if ('change' in copy) copy['change'] = changeOf(argument as Values);
    return copy;
  }

  #copy({ kept, fields }: Fields, value: Values): Values {
    const before = kept ? this.#kept.get(value) : undefined;
    const copy: Values = before ?? {};
    for (const [field, shape] of Object.entries(fields)) copy[field] = this.#one(shape, value[field], before?.[field]);
    if (kept) this.#kept.set(value, copy);
    return copy;
  }

  #one(shape: Shape, value: unknown, before: unknown): unknown {
    if (typeof shape === 'object') return value === null ? null : this.#copy(shape, value as Values);
    if (shape === 'notes')
      return new Map([...(value as Map<string, unknown>), ...((before as typeof value & Map<string, unknown>) ?? [])]);
    return Array.isArray(value) ? [...value] : value;
  }
}

/** Of `data_post`. */
function changeOf(argument: Values): MessageChange {
  const { transaction, content, change } = argument as unknown as {
    readonly transaction: { readonly header: Header };
    readonly content: AsyncIterable<Buffer>;
    readonly change: MessageChange;
  };
  return notedChange({ header: transaction.header, content: () => content, before: change.changed });
}

/** Each field that a handler may change, with its value as JSON. */
export function changeable(hook: HookName, argument: object): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  collect(crossingOf(hook), argument as Values, found);
  return found;
}

function collect({ fields }: Fields, value: Values, found: Map<string, string>): void {
  for (const [field, shape] of Object.entries(fields)) {
    const own = value[field];
    if (typeof shape === 'object') {
      if (own !== null) collect(shape, own as Values, found);
    } else if (shape === 'change') found.set('message', JSON.stringify((own as MessageChange).changed));
    else if (shape === 'set' || shape === 'list') found.set(field, JSON.stringify(own));
  }
}
