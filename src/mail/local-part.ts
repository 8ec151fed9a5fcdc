/**
 * Local parts with and without quotes (RFC 5321 section 4.1.2): `"john smith"@example.com` names the user
 * john smith. Tables, accounts and address extensions use the plain form; envelopes the quoted one.
 */

const DOT_STRING =
  /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+)*$/u;
/** Nearly every local part; the pattern above costs ten times as much. */
const PLAIN = /^[\w+-]+(?:\.[\w+-]+)*$/;
const QUOTED = /^"((?:[^"\\]|\\.)*)"$/s;

/** The text that a local part stands for; itself where it is not quoted. */
export function unquoteLocalPart(local: string): string {
  const content = QUOTED.exec(local)?.[1];
  return content === undefined ? local : content.replace(/\\(.)/gs, '$1');
}

/** The local part that stands for `text`: in quotes where it needs them. */
export function quoteLocalPart(text: string): string {
  return PLAIN.test(text) || DOT_STRING.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
