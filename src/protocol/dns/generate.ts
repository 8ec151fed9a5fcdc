/**
 * $GENERATE (BIND): one line per number in a range. `$` is the number, `$$` a dollar sign,
 * `${offset,width,radix}` the number plus the offset, padded, in radix d o x X n N.
 */

/** Maximum number of lines per directive. */
export const MAX_GENERATED = 65_536;

export interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

/** `1-254` or `0-10/5`; null if invalid. */
export function parseRange(text: string): Range | null {
  const found = /^([0-9]{1,10})-([0-9]{1,10})(?:\/([0-9]{1,10}))?$/.exec(text);
  if (found === null) return null;
  const [start = 0, stop = 0, step = 1] = found.slice(1).map((word) => (word === undefined ? 1 : Number(word)));
  return stop < start || stop > 0x7fffffff || step < 1 ? null : { start, stop, step };
}

const MODIFIER = /^\{(-?[0-9]{1,10})(?:,([0-9]{1,3})(?:,([doxXnN]))?)?\}/;

/** Expands one side of the directive for one number; null if a `${…}` is invalid. */
export function substitute(template: string, value: number): string | null {
  let text = '';
  for (let i = 0; i < template.length; i += 1) {
    const char = template[i];
    if (char === '\\') {
      text += template.slice(i, i + 2);
      i += 1;
    } else if (char !== '$') {
      text += char;
    } else if (template[i + 1] === '$') {
      text += '$';
      i += 1;
    } else if (template[i + 1] === '{') {
      const found = MODIFIER.exec(template.slice(i + 1, i + 40));
      if (found === null) return null;
      const [whole, offset, width, radix] = found;
      text += format(value + Number(offset), Number(width ?? 0), radix ?? 'd');
      i += whole.length;
    } else {
      text += String(value);
    }
  }
  return text;
}

const RADIX: Readonly<Record<string, number>> = { d: 10, o: 8, x: 16, X: 16 };

function format(value: number, width: number, radix: string): string {
  const base = RADIX[radix];
  if (base !== undefined) {
    const digits = value.toString(base).padStart(width, '0');
    return radix === 'X' ? digits.toUpperCase() : digits;
  }
  // Nibbles, least significant first, separated by dots; the width counts the dots.
  const hex = value.toString(16).split('').toReversed();
  const size = Math.ceil(width / 2);
  while (hex.length < size) hex.push('0');
  const nibbles = hex.join('.');
  return radix === 'N' ? nibbles.toUpperCase() : nibbles;
}
