/**
 * The templates of database tables: `%s` the whole, `%u` its local part, `%d` its domain, `%1` to `%9` the labels of the
 * key's domain from the right, `%%` a percent sign. In `result_format` the lower-case letters stand for a result, and
 * `%S %U %D` for the key; in queries both stand for the key.
 */

/** A text with what can be taken from it. */
interface Parts {
  readonly whole: string;
  /** All of it if there is no domain. */
  readonly user: string;
  /** Null if there is none. */
  readonly domain: string | null;
}

type Piece = string | { readonly of: 'key' | 'value'; readonly part: keyof Parts } | { readonly label: number };

const LETTERS: Readonly<Record<string, keyof Parts>> = { s: 'whole', u: 'user', d: 'domain' };

export class Template {
  readonly #pieces: readonly Piece[];

  /** Throws an Error that says what is wrong. */
  constructor(text: string) {
    const pieces: Piece[] = [];
    let at = 0;
    for (const { index, 0: found } of text.matchAll(/%[\s\S]?/g)) {
      const letter = found.charAt(1);
      const part = LETTERS[letter.toLowerCase()];
      pieces.push(text.slice(at, index));
      at = index + found.length;
      if (letter === '%') pieces.push('%');
      else if (/[1-9]/.test(letter)) pieces.push({ label: Number(letter) });
      else if (part !== undefined) pieces.push({ of: letter === letter.toLowerCase() ? 'value' : 'key', part });
      else throw new Error(`"${found}": expected %s, %u, %d, %S, %U, %D, %1 to %9, or %% for a percent sign`);
    }
    this.#pieces = [...pieces, text.slice(at)].filter((piece) => piece !== '');
  }

  /**
   * Undefined if the value or the key does not have what the template names: there is no such query, or no such result.
   */
  expand(key: string, value: string, quote: (text: string) => string): string | undefined {
    if (key === '' || value === '') return undefined;
    const parts = { key: partsOf(key), value: partsOf(value) };
    const texts: string[] = [];
    for (const piece of this.#pieces) {
      if (typeof piece === 'string') texts.push(piece);
      else {
        const found = 'label' in piece ? label(parts.key, piece.label) : part(parts[piece.of], piece.part);
        if (found === undefined) return undefined;
        texts.push(quote(found));
      }
    }
    return texts.join('');
  }

  /** Whether the key has what the template takes from it. */
  fits(key: string): boolean {
    const parts = partsOf(key);
    return this.#pieces.every((piece) => {
      if (typeof piece === 'string') return true;
      if ('label' in piece) return label(parts, piece.label) !== undefined;
      return piece.of === 'value' || part(parts, piece.part) !== undefined;
    });
  }
}

function partsOf(text: string): Parts {
  const at = text.lastIndexOf('@');
  return at < 0
    ? { whole: text, user: text, domain: null }
    : { whole: text, user: text.slice(0, at), domain: text.slice(at + 1) };
}

const part = (parts: Parts, name: keyof Parts): string | undefined => parts[name] || undefined;

function label({ domain }: Parts, number: number): string | undefined {
  return domain
    ?.split('.')
    .filter((text) => text !== '')
    .at(-number);
}
