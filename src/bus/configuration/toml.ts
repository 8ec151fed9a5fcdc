/** TOML 1.0. */
import type { AST } from 'toml-eslint-parser';
import { messageOf } from '../../errors.ts';
import { Lines, type Parsed, type Path } from './lines.ts';

export async function readToml(text: string): Promise<Parsed> {
  const { getStaticTOMLValue, parseTOML } = await import('toml-eslint-parser');
  const lines = new Lines();
  const names = (key: AST.TOMLKey): string[] => key.keys.map((one) => (one.type === 'TOMLBare' ? one.name : one.value));
  const noteContent = (node: AST.TOMLContentNode, path: Path): void => {
    if (node.type === 'TOMLArray')
      for (const [i, item] of node.elements.entries()) {
        lines.set([...path, i], item.loc.start.line);
        noteContent(item, [...path, i]);
      }
    if (node.type === 'TOMLInlineTable') for (const pair of node.body) notePair(pair, path);
  };
  const notePair = ({ key, value, loc }: AST.TOMLKeyValue, path: Path): void => {
    let inside = path;
    for (const name of names(key)) {
      inside = [...inside, name];
      if (lines.of(inside) === lines.of(inside.slice(0, -1))) lines.set(inside, loc.start.line);
    }
    lines.set(inside, loc.start.line);
    noteContent(value, inside);
  };
  try {
    const program = parseTOML(text, { tomlVersion: '1.0' });
    for (const node of program.body[0].body)
      if (node.type === 'TOMLKeyValue') notePair(node, []);
      else {
        lines.set(node.resolvedKey, node.loc.start.line);
        for (const pair of node.body) notePair(pair, node.resolvedKey);
      }
    return { value: getStaticTOMLValue(program), lines, faults: [] };
  } catch (error) {
    const line = Number((error as { readonly lineNumber?: unknown }).lineNumber ?? 0);
    return { value: null, lines, faults: [{ line, message: `is not TOML: ${messageOf(error)}` }] };
  }
}
