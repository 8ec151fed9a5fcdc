/** Worker: a hook's argument as its handler sees it, and what the handler changed. */
import { isSendable } from '../../child/frames.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { type Header, headerOf } from '../../protocol/mime/header.ts';
import { AnswerFault } from '../verdict.ts';
import type { Fields, Shape } from './crossing.ts';

type Target = Record<string, unknown>;

/** `connection.notes`: keys that a handler sets are sent back. */
class Notes extends Map<string, unknown> {
  readonly touched = new Set<string>();

  override set(key: string, value: unknown): this {
    // A Map is filled while it is made, before there are fields.
    this.touched?.add(key);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    this.touched.add(key);
    return super.delete(key);
  }

  override clear(): void {
    for (const key of this.keys()) this.touched.add(key);
    super.clear();
  }

  /** From the server. */
  receive(changed: readonly (readonly [string, unknown])[], removed: readonly string[]): void {
    for (const [key, value] of changed) super.set(key, value);
    for (const key of removed) super.delete(key);
  }
}

interface Seen {
  readonly values: Target;
  /** The lists that a handler gets, and copies of what was in them. */
  readonly lists: Record<string, { readonly own: unknown[]; before: readonly unknown[] }>;
}

/** The operations of a call, for fields that are not data. */
export interface Operations {
  readonly content: () => unknown;
  readonly change: () => unknown;
  readonly reader: (number: number) => ParameterReader;
  readonly onUncloneable: (key: string) => void;
}

export class Mirror {
  readonly #operations: Operations;
  readonly #kept = new Map<number, Target>();
  /** By object: what the server has of what a handler may change. */
  readonly #seen = new WeakMap<object, Seen>();

  constructor(operations: Operations) {
    this.#operations = operations;
  }

  /** The argument of a hook. */
  unpack(shape: Fields, packed: unknown): object | null {
    if (packed === null) return null;
    const [number, fields] = shape.kept ? (packed as [number, Target]) : [null, packed as Target];
    const target = (number === null ? undefined : this.#kept.get(number)) ?? this.#make(shape, number);
    const seen = this.#seenOf(target);
    for (const field in fields) {
      const inner = shape.fields[field];
      if (inner !== undefined) this.#set(target, seen, field, inner, fields[field]);
    }
    return target;
  }

  /** What differs from what the server has; undefined if nothing does. Throws AnswerFault. */
  changes(shape: Fields, value: unknown): Target | undefined {
    const seen = typeof value === 'object' && value !== null ? this.#seen.get(value) : undefined;
    if (seen === undefined) return undefined;
    const target = value as Target;
    let changes: Target | undefined;
    for (const field in shape.fields) {
      const changed = this.#changed(shape.fields[field], target, seen, field);
      if (changed === undefined) continue;
      changes ??= {};
      changes[field] = changed;
    }
    return changes;
  }

  forget(numbers: readonly number[]): void {
    for (const number of numbers) this.#kept.delete(number);
  }

  #make({ fields }: Fields, number: number | null): Target {
    const made: Target = {};
    for (const [field, shape] of Object.entries(fields))
      if (shape === 'notes') made[field] = new Notes();
      else if (shape === 'content') made[field] = this.#operations.content();
      else if (shape === 'change') made[field] = this.#operations.change();
    this.#seenOf(made);
    if (number !== null) this.#kept.set(number, made);
    return made;
  }

  #seenOf(target: object): Seen {
    const found = this.#seen.get(target) ?? { values: {}, lists: {} };
    this.#seen.set(target, found);
    return found;
  }

  #set(target: Target, seen: Seen, field: string, shape: Shape, value: unknown): void {
    if (typeof shape === 'object') target[field] = this.unpack(shape, value);
    else if (shape === 'notes') (target[field] as Notes).receive(...(value as Parameters<Notes['receive']>));
    else if (shape === 'header') target[field] = value === null ? null : headerFrom(value as string[]);
    else if (shape === 'parameters') target[field] = this.#operations.reader(value as number);
    else if (shape === 'list') {
      const own = seen.lists[field]?.own ?? [];
      own.splice(0, own.length, ...(value as unknown[]));
      target[field] = own;
      seen.lists[field] = { own, before: [...own] };
    } else {
      target[field] = value;
      if (shape === 'set') seen.values[field] = value;
    }
  }

  #changed(shape: Shape | undefined, target: Target, seen: Seen, field: string): unknown {
    const value = target[field];
    if (shape === 'set') {
      if (value === seen.values[field]) return undefined;
      seen.values[field] = value;
      // Null is a value; what is undefined would count as nothing.
      return value ?? null;
    }
    const list = seen.lists[field];
    if (shape === 'list' && list !== undefined) {
      const { own, before } = list;
      if (value !== own) throw new AnswerFault(`replaced the list ${field}; push to it`);
      if (own.length === before.length && own.every((member, at) => member === before[at])) return undefined;
      list.before = [...own];
      return [...own];
    }
    if (shape === 'notes') return this.#changedNotes(value);
    return typeof shape === 'object' ? this.changes(shape, value) : undefined;
  }

  #changedNotes(notes: unknown): unknown {
    if (!(notes instanceof Notes) || notes.touched.size === 0) return undefined;
    const keys = [...notes.touched];
    notes.touched.clear();
    const set = keys.filter((key) => notes.has(key));
    const changed = set.filter((key) => isSendable(notes.get(key))).map((key) => [key, notes.get(key)]);
    if (changed.length < set.length)
      for (const key of set) if (!isSendable(notes.get(key))) this.#operations.onUncloneable(key);
    return [changed, keys.filter((key) => !notes.has(key))];
  }
}

function headerFrom(texts: readonly string[]): Header {
  const fields = Array.from({ length: texts.length / 2 }, (_, i) => ({
    name: texts[2 * i] ?? '',
    value: texts[2 * i + 1] ?? '',
  }));
  return headerOf(fields);
}
