/**
 * Reads `plugins.d/NAME.json`, `.toml`, `.ini` or `.yaml`: a plugin's configuration, with the line of each value. At
 * most MOST_OCTETS are read, whatever the file is.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { readIni } from './ini.ts';
import { readJson } from './json.ts';
import { Lines, type Parsed } from './lines.ts';
import { readToml } from './toml.ts';
import { readYaml } from './yaml.ts';

export type Values = Readonly<Record<string, unknown>>;

export interface PluginFile {
  /** The file that is there, or the one that could be. */
  readonly path: string;
  readonly exists: boolean;
  readonly values: Values;
  readonly lines: Lines;
}

/** @internal */
export const MOST_OCTETS = 1024 * 1024;

const FORMATS: Readonly<Record<string, (text: string) => Parsed | Promise<Parsed>>> = {
  json: readJson,
  toml: readToml,
  ini: readIni,
  yaml: readYaml,
  yml: readYaml,
};

/** Null for the file where there are faults. */
export async function readPluginFile(
  name: string,
  configDirectory: string | null,
): Promise<{ readonly file: PluginFile | null; readonly faults: readonly Fault[] }> {
  const place = join(configDirectory ?? '', 'plugins.d', name);
  const none = { path: `${place}.json`, exists: false, values: {}, lines: new Lines() };
  if (configDirectory === null) return { file: none, faults: [] };
  const found: { readonly path: string; readonly ending: string; readonly text: string }[] = [];
  for (const ending of Object.keys(FORMATS)) {
    const path = `${place}.${ending}`;
    const text = await readBounded(path);
    if (typeof text === 'object') return refused({ file: path, line: 0, message: text.fault });
    if (text !== undefined) found.push({ path, ending, text });
  }
  const [first, second] = found;
  if (first === undefined) return { file: none, faults: [] };
  if (second !== undefined)
    return refused({
      file: first.path,
      line: 0,
      message: `is there twice, and as ${second.path}; keep one of them`,
    });
  const { path, ending, text } = first;
  const parsed = await FORMATS[ending]?.(text);
  if (parsed === undefined) return { file: none, faults: [] };
  if (parsed.faults.length > 0) return refused(...parsed.faults.map((fault) => ({ file: path, ...fault })));
  const values = parsed.value ?? {};
  if (typeof values !== 'object' || Array.isArray(values))
    return refused({ file: path, line: 1, message: 'must hold names and values, such as { "onError": "pass" }' });
  return { file: { path, exists: true, values: values as Values, lines: parsed.lines }, faults: [] };
}

const refused = (...faults: Fault[]): { readonly file: null; readonly faults: readonly Fault[] } => ({
  file: null,
  faults,
});

/** Undefined: there is no such file. */
async function readBounded(path: string): Promise<string | undefined | { readonly fault: string }> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : { fault: `cannot be read: ${message}` };
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return { fault: 'is not a file' };
    if (stat.size > MOST_OCTETS)
      return { fault: `has ${stat.size} octets, expected at most ${MOST_OCTETS}; put data into a file of its own` };
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_OCTETS), 0, MOST_OCTETS, 0);
    return buffer.toString('utf8', 0, bytesRead).replace(/^\ufeff/, '');
  } catch (error) {
    return { fault: `cannot be read: ${(error as Error).message}` };
  } finally {
    await file.close();
  }
}
