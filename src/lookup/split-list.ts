/**
 * Splits list values of main.cf: items separated by commas or white space; a `{ … }` group is
 * one item. `hash: /path`, as many tutorials write it, is joined into one item.
 */

export interface ListItem {
  readonly text: string;
  /** The offset of the item in the value. */
  readonly offset: number;
  /** The item was written as `type: name`, with white space after the colon. */
  readonly joined: boolean;
}

const SEPARATOR = /[\s,]/;
/** A table type whose name follows after a space. `!` negates list items. */
const TYPE_ALONE = /^!?(?:proxy:)?[a-z][a-z0-9]*:$/;

/** The items of a value. A group keeps its braces; an unclosed one extends to the end. Linear. */
export function splitList(value: string): ListItem[] {
  const items: ListItem[] = [];
  let at = 0;
  while (at < value.length) {
    if (SEPARATOR.test(value.charAt(at))) {
      at += 1;
      continue;
    }
    const end = itemEnd(value, at);
    const text = value.slice(at, end);
    const before = items.at(-1);
    if (
      before !== undefined &&
      !before.joined &&
      TYPE_ALONE.test(before.text) &&
      onlySpace(value, before.offset + before.text.length, at)
    ) {
      items[items.length - 1] = { text: before.text + text, offset: before.offset, joined: true };
    } else {
      items.push({ text, offset: at, joined: false });
    }
    at = end;
  }
  return items;
}

/** The same as plain strings. */
export const splitTexts = (value: string): string[] => splitList(value).map((item) => item.text);

/** The text inside a `{ … }` group, trimmed, or undefined if the item is not a group. */
export function groupContent(item: string): string | undefined {
  return item.startsWith('{') && item.endsWith('}') ? item.slice(1, -1).trim() : undefined;
}

function itemEnd(value: string, start: number): number {
  let depth = 0;
  let at = start;
  for (; at < value.length; at += 1) {
    const character = value.charAt(at);
    if (character === '{') depth += 1;
    else if (character === '}' && depth > 0) depth -= 1;
    else if (depth === 0 && SEPARATOR.test(character)) break;
  }
  return at;
}

const onlySpace = (value: string, from: number, to: number): boolean => value.slice(from, to).trim() === '';
