/**
 * Quoted and unquoted local parts (RFC 5321 section 4.1.2): `"john smith"@example.com` names the user
 * john smith. Tables, accounts and address extensions use the unquoted form; envelopes the quoted one.
 */

const DOT_STRING =
  /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+)*$/u;
/** Fast path for nearly every local part; the pattern above is ten times slower. */
const PLAIN = /^[\w+-]+(?:\.[\w+-]+)*$/;
const QUOTED = /^"((?:[^"\\]|\\.)*)"$/s;

/** The unquoted text of a local part. */
export function unquoteLocalPart(local: string): string {
  const content = QUOTED.exec(local)?.[1];
  return content === undefined ? local : content.replace(/\\(.)/gs, '$1');
}

/** The local part for `text`, quoted if necessary. */
export function quoteLocalPart(text: string): string {
  return PLAIN.test(text) || DOT_STRING.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** An address whose local part may have quotes and backslashes in any place (`"a"."b"@domain`): quoted where it must be. */
export function standardAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  if (local === '' || PLAIN.test(local)) return address;
  const text = local.replace(/"((?:[^"\\]|\\.)*)"|\\(.)/gs, (_all, inner?: string, alone?: string) =>
    inner === undefined ? (alone ?? '') : inner.replace(/\\(.)/gs, '$1'),
  );
  return quoteLocalPart(text) + (at < 0 ? '' : address.slice(at));
}
