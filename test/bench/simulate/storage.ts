/** What the database keeps: octets on one member of each replica set, together. */
import type { Assumed } from './assumptions.ts';
import type { Measured } from './figures.ts';
import type { Inputs } from './inputs.ts';
import type { Population } from './population.ts';

/** Octets of keys (documents.ts, mail/queue-id.ts), for each message. */
const KEYS = {
  'messages._id': 42,
  'messages.modseq': 33 + 8,
  'contents._id': 16,
  'contents._id hashed': 8,
  'searchTexts._id': 16,
  'searchTexts._id hashed': 8,
} as const;
/** Days for which an expunged message leaves its row, and octets of it. */
const REMEMBERED = 30;
const GONE = 150;

export interface Storage {
  readonly messages: number;
  /** On disks. */
  readonly bodies: number;
  readonly documents: number;
  readonly indexes: number;
  readonly total: number;
  /** Of one message. */
  readonly perMessage: number;
  /** What should be in memory. */
  readonly hot: { readonly indexes: number; readonly rows: number; readonly recent: number; readonly total: number };
  /** Octets in a year that come in addition, at the beginning. */
  readonly growth: number;
}

export function storageOf(inputs: Inputs, population: Population, measured: Measured, a: Assumed): Storage {
  const { figures } = measured;
  const { accounts } = inputs;
  const messages = accounts * population.kept.mean;
  const { mean } = population.size;
  const bodies = messages * mean * a.bodies;
  const text = figures['octets.text'] * Math.min(mean, a.text);
  const gone = accounts * (inputs.in + inputs.out) * inputs.removed * REMEMBERED * GONE;
  const small = accounts * (figures['octets.account'] + 6 * figures['octets.mailbox']);
  const documents = (messages * (figures['octets.content'] + figures['octets.row'] + text) + gone + small) * a.rows;
  // A clustered collection needs no index of its ids.
  const keys = Object.entries(KEYS).filter(([name]) => !(inputs.clustered > 0 && name === 'messages._id'));
  const entry = keys.reduce((sum, [, octets]) => sum + octets * a.prefix + a.entry, 0);
  const indexes = messages * entry;
  const hot = {
    indexes,
    // Rows lie in order of arrival, among those of all accounts: who wants those of some must keep all.
    rows: messages * (inputs.clustered > 0 ? inputs.active * inputs.inbox : 1) * figures['octets.row'] + small,
    recent: accounts * (inputs.in + inputs.out) * a.recentDays * (mean + figures['octets.content']),
  };
  const total = bodies + documents + indexes;
  return {
    messages,
    bodies,
    documents,
    indexes,
    total,
    perMessage: messages === 0 ? 0 : total / messages,
    hot: { ...hot, total: hot.indexes + hot.rows + hot.recent },
    growth: total * inputs.growth,
  };
}
