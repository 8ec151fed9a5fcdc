/**
 * Options as getopt(3) reads them: letters may be combined (`-hx`), a value may follow at once (`-qkey`) or as the next
 * word, `--` ends them, and so does the first word that is no option. A value that may be left out follows at once.
 */

export interface Opted {
  /** In the order given; '' where the letter takes no value. */
  readonly options: readonly (readonly [letter: string, value: string])[];
  readonly operands: readonly string[];
}

/** `invalid option -- 'x'`, in the words of the C library. */
export class OptionFault extends Error {
  override readonly name = 'OptionFault';
  readonly letter: string;

  constructor(what: string, letter: string) {
    super(`${what} -- '${letter}'`);
    this.letter = letter;
  }
}

/**
 * `letters` as for getopt(3): a colon follows each letter that takes a value, two if it may be left out. Throws
 * OptionFault.
 */
export function getopt(words: readonly string[], letters: string): Opted {
  const options: [string, string][] = [];
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-') || word === '-') break;
    if (word === '--') {
      at += 1;
      break;
    }
    for (let index = 1; index < word.length; index += 1) {
      const letter = word.charAt(index);
      const known = letter === ':' ? -1 : letters.indexOf(letter);
      if (known < 0) throw new OptionFault('invalid option', letter);
      if (letters.charAt(known + 1) !== ':') {
        options.push([letter, '']);
        continue;
      }
      const rest = word.slice(index + 1);
      const isNext = rest === '' && letters.charAt(known + 2) !== ':';
      if (isNext) at += 1;
      const value = isNext ? words[at] : rest;
      if (value === undefined) throw new OptionFault('option requires an argument', letter);
      options.push([letter, value]);
      break;
    }
  }
  return { options, operands: words.slice(at) };
}
