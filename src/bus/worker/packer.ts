/**
 * The server's side: a hook's argument for a worker, and what its handler changed applied to the real one.
 *
 * What the worker has of a connection is remembered, so that only differences are sent. Changes are applied only where
 * the hook's row (crossing.ts) allows them; the bus then checks them like those of every plugin.
 */
import { LRUCache } from 'lru-cache';
import { isSendable } from '../../child/frames.ts';
import type { Header } from '../../protocol/mime/header.ts';
import { AnswerFault } from '../verdict.ts';
import type { Fields, Shape } from './crossing.ts';

/** Connections and transactions known to one worker; the least recently used one is sent whole again. */
const MOST_KNOWN = 2_000;
/** Members of a list, and keys of notes, in one answer. */
const MOST_MEMBERS = 10_000;

export type Packed = Record<string, unknown>;
type Target = Record<string, unknown>;

/** What the worker has of an object. */
interface Known {
  readonly number: number;
  readonly fields: Map<string, unknown>;
  readonly notes: Map<string, unknown>;
}

export interface PackerOptions {
  /** The number by which the worker asks for parameters. */
  readonly readerNumber: (reader: object) => number;
  /** Objects that the worker need not keep. */
  readonly forget: (number: number) => void;
  /** A note that cannot be cloned stays on this side. */
  readonly onUncloneable: (key: string) => void;
}

export class Packer {
  readonly #options: PackerOptions;
  readonly #known: LRUCache<object, Known>;
  #last = 0;

  constructor(options: PackerOptions) {
    this.#options = options;
    this.#known = new LRUCache<object, Known>({ max: MOST_KNOWN, dispose: ({ number }) => options.forget(number) });
  }

  /** Null for null; of a kept object `[number, fields]`, with the fields that differ. */
  pack({ kept, fields }: Fields, value: object | null): unknown {
    if (value === null) return null;
    const known = kept ? this.#knownOf(value) : null;
    const packed: Packed = {};
    for (const field in fields) {
      const shape = fields[field];
      if (shape === undefined || shape === 'content' || shape === 'change') continue;
      const own = (value as Target)[field];
      const sent = known === null ? undefined : known.fields.get(field);
      if (typeof shape === 'object') packed[field] = this.pack(shape, own as object | null);
      else if (shape === 'notes') this.#packNotes(own as Map<string, unknown>, known, packed, field);
      else if (known === null || !known.fields.has(field) || !isSame(sent, own)) {
        known?.fields.set(field, Array.isArray(own) ? [...own] : own);
        packed[field] = this.#packOne(shape, own);
      }
    }
    return known === null ? packed : [known.number, packed];
  }

  /** Throws AnswerFault where a change is not of the right form. */
  apply({ kept, fields }: Fields, value: object, changes: unknown): void {
    if (typeof changes !== 'object' || changes === null) return;
    const known = kept ? (this.#known.get(value) ?? null) : null;
    for (const [field, change] of Object.entries(changes)) {
      const shape = Object.hasOwn(fields, field) ? fields[field] : undefined;
      if (shape === 'set') {
        (value as Target)[field] = change;
        known?.fields.set(field, change);
      } else if (shape === 'list') {
        const members = membersOf(field, change);
        ((value as Target)[field] as unknown[]).splice(0, Number.POSITIVE_INFINITY, ...members);
        known?.fields.set(field, members);
      } else if (shape === 'notes') setNotes((value as Target)[field] as Map<string, unknown>, known, field, change);
      else if (typeof shape === 'object') {
        const inner = (value as Target)[field];
        if (typeof inner === 'object' && inner !== null) this.apply(shape, inner, change);
      }
    }
  }

  #knownOf(value: object): Known {
    const found = this.#known.get(value);
    if (found !== undefined) return found;
    this.#last += 1;
    const made = { number: this.#last, fields: new Map(), notes: new Map() };
    this.#known.set(value, made);
    return made;
  }

  #packOne(shape: Shape, value: unknown): unknown {
    if (shape === 'parameters') return this.#options.readerNumber(value as object);
    if (shape === 'header') return value === null ? null : headerTexts(value as Header);
    return Array.isArray(value) ? [...value] : value;
  }

  /** `[[key, value] …, removed keys]`; nothing where nothing changed. */
  #packNotes(notes: Map<string, unknown>, known: Known | null, packed: Packed, field: string): void {
    const sent = known?.notes ?? new Map<string, unknown>();
    if (notes.size === 0 && sent.size === 0) return;
    const changed: [string, unknown][] = [];
    for (const [key, value] of notes) {
      if (sent.has(key) && sent.get(key) === value) continue;
      sent.set(key, value);
      if (isSendable(value)) changed.push([key, value]);
      else this.#options.onUncloneable(key);
    }
    const removed = sent.size > notes.size ? [...sent.keys()].filter((key) => !notes.has(key)) : [];
    for (const key of removed) sent.delete(key);
    if (changed.length + removed.length > 0) packed[field] = [changed, removed];
  }
}

/** Names and values in turn: cheaper to clone than objects. */
const headerTexts = ({ fields }: Header): string[] => fields.flatMap(({ name, value }) => [name, value]);

/** Lists are compared by their members: they are changed in place. */
function isSame(sent: unknown, own: unknown): boolean {
  if (sent === own) return true;
  if (!Array.isArray(sent) || !Array.isArray(own) || sent.length !== own.length) return false;
  return own.every((member, at) => member === sent[at]);
}

function membersOf(field: string, value: unknown): unknown[] {
  if (!Array.isArray(value) || value.length > MOST_MEMBERS)
    throw new AnswerFault(`made ${field} something other than a list of at most ${MOST_MEMBERS} members`);
  return value;
}

function setNotes(notes: Map<string, unknown>, known: Known | null, field: string, change: unknown): void {
  const [changed, removed] = membersOf(field, change);
  for (const member of membersOf(field, changed)) {
    const [key, value] = membersOf(field, member);
    if (typeof key !== 'string') throw new AnswerFault(`set ${field} with a key that is not a text`);
    notes.set(key, value);
    known?.notes.set(key, value);
  }
  for (const key of membersOf(field, removed)) {
    notes.delete(key as string);
    known?.notes.delete(key as string);
  }
}
