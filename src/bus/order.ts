/**
 * The order in which plugins are called: as `after` and `before` say, and as the file `plugins` does among what they
 * leave free. A plugin that is named there and not enabled changes nothing.
 */

export interface Ordered {
  /** As the file `plugins` names it, and as it calls itself. */
  readonly names: readonly string[];
  readonly after: readonly string[];
  readonly before: readonly string[];
}

/** What a plugin wants, for people: `after greylist`, `before spam (not enabled)`. */
export function orderWords({ after, before }: Ordered, plugins: readonly Ordered[]): readonly string[] {
  const enabled = new Set(plugins.flatMap(({ names }) => names));
  const words = (which: string, names: readonly string[]): string[] =>
    names.map((name) => `${which} ${name}${enabled.has(name) ? '' : ' (not enabled)'}`);
  return [...words('after', after), ...words('before', before)];
}

/** In their order, or the names of those in a circle, each to be called before the next. */
export function inOrder<T extends Ordered>(
  plugins: readonly T[],
): readonly T[] | { readonly circle: readonly string[] } {
  const named = (name: string): readonly T[] => plugins.filter(({ names }) => names.includes(name));
  const first = new Map<T, Set<T>>(plugins.map((plugin) => [plugin, new Set(plugin.after.flatMap(named))]));
  for (const plugin of plugins) for (const later of plugin.before.flatMap(named)) first.get(later)?.add(plugin);
  const ordered: T[] = [];
  const left = new Set(plugins);
  while (left.size > 0) {
    const next = [...left].find((plugin) => [...(first.get(plugin) ?? [])].every((one) => !left.has(one)));
    if (next === undefined) return { circle: circleIn(left, first) };
    left.delete(next);
    ordered.push(next);
  }
  return ordered;
}

/** Each of `left` waits for another of them: going back from one leads into a circle. */
function circleIn<T extends Ordered>(left: ReadonlySet<T>, first: ReadonlyMap<T, ReadonlySet<T>>): string[] {
  const way: T[] = [];
  let at = [...left][0];
  while (at !== undefined && !way.includes(at)) {
    way.push(at);
    at = [...(first.get(at) ?? [])].find((one) => left.has(one));
  }
  const circle = at === undefined ? way : way.slice(way.indexOf(at));
  return circle.toReversed().map(({ names }) => names[0] ?? '');
}
