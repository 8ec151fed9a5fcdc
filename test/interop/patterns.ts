/** Random patterns that both Postfix and we can read, and keys of the same few letters; the same at each run. */
const PATTERNS = 250;
const KEYS = 40;

/** A small generator of numbers (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function randomPatterns(type: 'regexp' | 'pcre'): {
  readonly patterns: readonly string[];
  readonly keys: readonly string[];
} {
  const random = numbers(type === 'pcre' ? 7 : 11);
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
  const atoms = ['a', 'b', 'B', '.', '[ab]', '[^a]', '[a-c@]', '[[:alpha:]]', '@', '\\.', '-'];
  const repeats = type === 'pcre' ? ['*', '+', '?', '{2}', '{1,2}', '*?', '+?', '++'] : ['*', '+', '?', '{2}', '{1,2}'];
  let groups = 0;
  const atom = (depth: number): string => {
    if (depth > 2 || random(3) > 0) return pick(atoms);
    if (type === 'pcre' && random(4) === 0) return `${pick(['(?:', '(?=', '(?!', '(?>'])}${branch(depth + 1)})`;
    groups += 1;
    return `(${branch(depth + 1)})`;
  };
  const branch = (depth: number): string =>
    Array.from({ length: 1 + random(3) }, () => {
      const one = atom(depth);
      // What a group captured in its last round, or in an empty one, differs from engine to engine.
      return random(3) === 0 && !one.startsWith('(') ? one + pick(repeats) : one;
    }).join('');
  const patterns = Array.from({ length: PATTERNS }, () => {
    groups = 0;
    const body = `${pick(['', '', '^'])}${branch(0)}${pick(['', '', '$'])}`;
    const result = Array.from({ length: groups }, (_, i) => `<\${${i + 1}}>`).join('');
    return `/${body}/${pick(['', '', 'i'])} ok ${result}`;
  });
  const keys = Array.from({ length: KEYS }, () =>
    Array.from({ length: 1 + random(7) }, () => pick([...'abBcA@.-'])).join(''),
  );
  return { patterns, keys: [...new Set(keys)] };
}
