/** What rspamd answers, read with care: another program may stand in its place. */
import { printable } from '../scanners/judging.ts';

const ACTIONS = [
  'no action',
  'greylist',
  'add header',
  'rewrite subject',
  'soft reject',
  'reject',
  'quarantine',
  'discard',
] as const;
type RspamdAction = (typeof ACTIONS)[number];

export interface AddedField {
  readonly name: string;
  readonly value: string;
  /** Above all others; otherwise behind them. */
  readonly onTop: boolean;
}

export interface Answer {
  /** One that rspamd's configuration has invented counts as `no action`. */
  readonly action: RspamdAction;
  readonly score: number;
  /** From which score on it is refused. */
  readonly required: number;
  /** For the reply of a refusal; null: none. */
  readonly text: string | null;
  /** The new subject; null: none. */
  readonly subject: string | null;
  readonly added: readonly AddedField[];
  /** Names. */
  readonly removed: readonly string[];
}

type Values = Readonly<Record<string, unknown>>;

const MOST_FIELDS = 50;
const LONGEST_VALUE = 10_000;
const NAME = /^[!-9;-~]{1,100}$/;

/** Throws where there is no action or score. */
export function readAnswer(given: unknown): Answer {
  const { action, score, required_score: required, messages, subject, milter } = valuesOf(given);
  if (typeof action !== 'string' || typeof score !== 'number')
    throw new Error(`answered without an action and a score: ${printable(JSON.stringify(given) ?? '').slice(0, 100)}`);
  const { add_headers: added, remove_headers: removed } = valuesOf(milter);
  return {
    action: ACTIONS.find((one) => one === action) ?? 'no action',
    score: Math.round(score * 100) / 100,
    required: typeof required === 'number' ? required : 0,
    text: textOf(valuesOf(messages)['smtp_message']),
    subject: textOf(subject),
    added: Object.entries(valuesOf(added))
      .flatMap(([name, value]) => fieldsOf(name, value))
      .slice(0, MOST_FIELDS),
    removed: Object.keys(valuesOf(removed))
      .filter((name) => NAME.test(name))
      .slice(0, MOST_FIELDS),
  };
}

const valuesOf = (value: unknown): Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Values) : {};

const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value.replace(/[\0\r\n]+/g, ' ').slice(0, 1000) : null;

/** `"value"`, `{ "value": "…", "order": 0 }`, or a list of them. Lines of a folded value stay as they are. */
function fieldsOf(name: string, given: unknown): AddedField[] {
  if (!NAME.test(name)) return [];
  return (Array.isArray(given) ? given : [given]).slice(0, MOST_FIELDS).flatMap((one: unknown) => {
    const { value, order } = typeof one === 'string' ? { value: one, order: -1 } : valuesOf(one);
    if (typeof value !== 'string' || value.length > LONGEST_VALUE || /\0|\r(?!\n)|\n(?![ \t]+\S)/.test(value))
      return [];
    return [{ name, value, onTop: typeof order === 'number' && order >= 0 }];
  });
}
