/** The text of a reply as plugins give it: a string, several lines, an error, or a DSN object with a code of its own. */
import { messageOf } from '../../../src/errors.ts';

interface Replied {
  readonly code: number | null;
  readonly text: string;
}

export function repliedText(given: unknown): Replied {
  if (given === undefined || given === null) return { code: null, text: '' };
  if (Array.isArray(given)) return { code: null, text: given.map((line) => repliedText(line).text).join('\n') };
  if (typeof given === 'string' || typeof given === 'number') return { code: null, text: String(given) };
  const { code, reply } = given as { readonly code?: unknown; readonly reply?: unknown };
  // Some give the code as text.
  return typeof reply === 'string' && /^[2-5]\d\d$/.test(String(code))
    ? { code: Number(code), text: reply }
    : { code: null, text: messageOf(given) };
}
