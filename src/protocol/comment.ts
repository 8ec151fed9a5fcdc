/**
 * Comments of header fields and addresses (RFC 5322 section 3.2.2), which nest.
 *
 * `start` is where the opening parenthesis stands. Returns the index behind the closing one, or null if there is none.
 */
export function endOfComment(text: string, start: number): number | null {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\\') at += 1;
    else if (character === '(') depth += 1;
    else if (character === ')') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return null;
}
