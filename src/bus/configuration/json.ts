/** JSON (RFC 8259). The lines come from the reader of YAML, which takes all of JSON. */
import { messageOf } from '../../errors.ts';
import { Lines, type Parsed } from './lines.ts';
import { readYaml } from './yaml.ts';

export async function readJson(text: string): Promise<Parsed> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = messageOf(error);
    const line = /\(line (\d+) /.exec(message)?.[1];
    const words = message.replace(/ in JSON at position .*/s, '');
    return {
      value: null,
      lines: new Lines(),
      faults: [
        {
          line: line === undefined ? text.trimEnd().split('\n').length : Number(line),
          message: `is not JSON: ${words}`,
        },
      ],
    };
  }
  const { lines, faults } = await readYaml(text);
  // What YAML alone minds is none of JSON's faults; a key given twice is one.
  return { value, lines, faults: faults.filter(({ message }) => message.includes('unique')) };
}
