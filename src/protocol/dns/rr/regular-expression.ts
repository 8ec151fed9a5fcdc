/**
 * The substitution expression of NAPTR (RFC 3402 section 3.2): `!ere!replacement!flags`. It is never executed here; an
 * invalid expression is refused, as in BIND.
 */

import { octetsOf, PresentationError } from '../presentation.ts';
import { WireError } from '../wire.ts';
import { type Field, text } from './field.ts';

/** The three parts, including escapes; null unless there are exactly three delimiters. */
function parts(expression: string): readonly [ere: string, replacement: string, flags: string] | null {
  const delimiter = expression.charAt(0);
  if (/[0-9\\i\0]/.test(delimiter)) return null;
  const found: string[] = [''];
  for (let i = 1; i < expression.length; i += 1) {
    const char = expression.charAt(i);
    if (char === delimiter) found.push('');
    else {
      const escaped = char === '\\' ? expression.charAt(i + 1) : '';
      found[found.length - 1] += char + escaped;
      i += escaped.length;
    }
  }
  const [ere, replacement, flags, extra] = found;
  return ere === undefined || replacement === undefined || flags === undefined || extra !== undefined
    ? null
    : [ere, replacement, flags];
}

/** Number of groups: opening parentheses that are neither escaped nor in brackets. */
function countGroups(ere: string): number {
  return (ere.replace(/\\.|\[\^?\]?[^\]]*\]/gs, '').match(/\(/g) ?? []).length;
}

function isRegularExpression(ere: string): boolean {
  try {
    new RegExp(ere);
    return ere !== '';
  } catch {
    return false;
  }
}

function isSubstitution(expression: string): boolean {
  if (expression === '') return true;
  const found = parts(expression);
  if (found === null) return false;
  const [ere, replacement, flags] = found;
  if (!isRegularExpression(ere) || !/^i?$/.test(flags)) return false;
  const groups = countGroups(ere);
  return [...replacement.matchAll(/\\(.)/gs)].every(
    ([, char = '']) => !/[0-9]/.test(char) || (char !== '0' && Number(char) <= groups),
  );
}

export const regularExpression: Field = {
  ...text('a regular expression'),
  copy(message, out) {
    const octets = message.bytes(message.u8());
    if (!isSubstitution(Buffer.from(octets).toString('latin1'))) throw new WireError('not a substitution');
    out.u8(octets.length);
    out.bytes(octets);
  },
  parse(tokens, out) {
    const token = tokens.peek();
    text('a regular expression').parse(tokens, out);
    if (token !== undefined && !isSubstitution(Buffer.from(octetsOf(token)).toString('latin1')))
      throw new PresentationError(
        `near '${token.text.slice(0, 64)}': not a substitution, expected one such as !^.*$!sip:info@example.com!`,
        token.line,
      );
  },
};
