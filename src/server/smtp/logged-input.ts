/** What the log shows of a client's input. */

/** Octets. */
export const MOST_SHOWN = 100;

/** The beginning of a text. What follows AUTH may be a password, which Postfix logs. */
export const inputStart = (text: string): string => text.slice(0, MOST_SHOWN).split(/(?<=\bauth\b)/i, 1)[0] ?? '';

/** The same of one command, in one line. */
export const shownCommand = (text: string): string => inputStart(text).replace(/[\0-\x1f\x7f]/g, '?');
