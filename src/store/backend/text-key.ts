/** A key of SEARCH, and the prepared texts in which it is looked for. */
import type { TextKey } from '../mailboxes.ts';

/** The key as the texts have it: the fields are JSON, in which some characters are written in another way. */
export const soughtText = ({ where, text }: TextKey): string =>
  where === 'fields' ? JSON.stringify(text).slice(1, -1) : text;

/** Whether the header (SearchText.head) has the text in the value of this field. */
export const hasField = (head: string, field: string, text: string): boolean =>
  head.split('\r\n').some((line) => line.startsWith(`${field}: `) && line.includes(text, field.length + 2));

/** Others are not decided: in the header a line end would be looked for across lines. */
export const isDecidable = ({ text }: TextKey): boolean => text !== '' && !/[\r\n\0]/.test(text);
