/** YAML 1.2, one document. */
import type { Document, Node, Pair } from 'yaml';
import { messageOf } from '../../errors.ts';
import { Lines, type Parsed, type Path } from './lines.ts';

/** Each alias may bring back a whole tree. */
const MOST_ALIASES = 100;

export async function readYaml(text: string): Promise<Parsed> {
  let firstAlias = 1;
  const { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } = await import('yaml');
  const counter = new LineCounter();
  const lines = new Lines();
  const lineOf = (offset: number): number => counter.linePos(offset).line;
  const note = (node: unknown, path: Path): void => {
    const at = (node as Node | null)?.range?.[0];
    if (at !== undefined) lines.set(path, lineOf(at));
    if (isAlias(node) && at !== undefined && firstAlias === 1) firstAlias = lineOf(at);
    if (isSeq(node)) for (const [i, item] of node.items.entries()) note(item, [...path, i]);
    if (!isMap(node)) return;
    for (const pair of node.items as Pair[]) {
      if (!isPair(pair) || !isScalar(pair.key)) continue;
      const inside = [...path, String(pair.key.value)];
      note(pair.value, inside);
      lines.set(inside, lineOf(pair.key.range?.[0] ?? 0));
    }
  };
  try {
    const document: Document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
    const faults = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
      line: lineOf(pos[0]),
      message: `is not YAML: ${message}`,
    }));
    if (faults.length > 0) return { value: null, lines, faults };
    note(document.contents, []);
    return { value: document.toJS({ maxAliasCount: MOST_ALIASES }), lines, faults };
  } catch (error) {
    // Nested deeper than the stack, or more aliases than allowed.
    return {
      value: null,
      lines,
      faults: [{ line: firstAlias, message: `cannot be read as YAML: ${messageOf(error)}` }],
    };
  }
}
