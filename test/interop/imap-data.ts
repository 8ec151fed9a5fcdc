/** IMAP responses as values, independent of how a server writes a string: quoted, literal, or as an atom. */

export type Data = string | null | readonly Data[];

/** Parses one parenthesized list or word at the start of `text`; `text` contains literals octet by octet (latin1). */
export function readData(text: string): Data {
  return read(text, 0)[0];
}

function read(text: string, at: number): [Data, number] {
  const first = text[at];
  if (first === '(') {
    const items: Data[] = [];
    let next = at + 1;
    while (text[next] !== ')') {
      if (text[next] === ' ') {
        next += 1;
        continue;
      }
      if (next >= text.length) throw new Error(`no end of the list: ${text.slice(at, at + 80)}`);
      const [item, end] = read(text, next);
      items.push(item);
      next = end;
    }
    return [items, next + 1];
  }
  if (first === '"') {
    let value = '';
    let next = at + 1;
    for (; text[next] !== '"'; next += 1) {
      if (next >= text.length) throw new Error(`no end of the string: ${text.slice(at, at + 80)}`);
      if (text[next] === '\\') next += 1;
      value += text[next] ?? '';
    }
    return [value, next + 1];
  }
  const literal = /^\{(\d+)\}\r\n/.exec(text.slice(at, at + 20));
  if (literal !== null) {
    const start = at + literal[0].length;
    const end = start + Number(literal[1]);
    return [text.slice(start, end), end];
  }
  // BODY[HEADER.FIELDS (SUBJECT)] is one word.
  const word = /^[^\s()"{[]+(?:\[[^\]]*\](?:<\d+>)?)?/.exec(text.slice(at))?.[0] ?? '';
  if (word === '') throw new Error(`unexpected: ${text.slice(at, at + 80)}`);
  return [word === 'NIL' ? null : word, at + word.length];
}
