/**
 * What a plugin says about its configuration: a schema of the Standard Schema interface (https://standardschema.dev),
 * as zod, valibot, arktype and others make them, or settings of `setting.ts`, which are such schemas too.
 */
import type { Fault } from '../fault.ts';
import { isBusKey } from './bus-keys.ts';
import type { PluginFile, Values } from './file.ts';
import { type Path, pathWords } from './lines.ts';
import { type Setting, setting } from './setting.ts';
import { type StandardSchema, unknownKey } from './standard-schema.ts';

/** What `config` of definePlugin may be: settings by their names, or one schema for all. */
export type ConfigSchema = StandardSchema | Readonly<Record<string, Setting<unknown>>>;

/** The type of `server.config`. */
export type ConfigOf<C> =
  C extends StandardSchema<infer Output>
    ? Output
    : C extends Readonly<Record<string, Setting<unknown>>>
      ? { readonly [K in keyof C]: C[K] extends Setting<infer T> ? T : never }
      : Values;

/** The plugin's values, checked and with defaults; every fault of the file at once. Throws what a schema throws. */
export async function checkAgainst(
  schema: ConfigSchema,
  values: Values,
  { path: file, lines, exists }: PluginFile,
): Promise<{ readonly value: unknown; readonly faults: readonly Fault[] }> {
  const isForeign = '~standard' in schema;
  const taken = isForeign ? undefined : Object.keys(schema).find(isBusKey);
  if (taken !== undefined)
    throw new Error(`config: "${taken}" is what the server itself reads from ${file}; give the setting another name`);
  const standard = isForeign
    ? (schema as StandardSchema)
    : setting.object(schema as Readonly<Record<string, Setting<unknown>>>);
  const result = await standard['~standard'].validate(values);
  const at = (path: Path, message: string): Fault => ({
    file,
    line: lines.of(path),
    message: `${path.length === 0 ? '' : `${pathWords(path)}: `}${message}${exists ? '' : ' (there is no such file)'}`,
  });
  if (result.issues !== undefined)
    return {
      value: values,
      faults: result.issues.map(({ path = [], message }) =>
        at(
          path.map((step) => stepOf(typeof step === 'object' ? step.key : step)),
          message,
        ),
      ),
    };
  return {
    value: result.value,
    faults: isForeign ? dropped(values, result.value).map(([key, words]) => at([key], words)) : [],
  };
}

const stepOf = (step: PropertyKey): string | number => (typeof step === 'number' ? step : String(step));

/** Most schemas leave out what they do not know without a word. */
function dropped(given: Values, taken: unknown): (readonly [key: string, message: string])[] {
  if (typeof taken !== 'object' || taken === null) return [];
  return Object.keys(given)
    .filter((key) => !(key in taken))
    .map((key) => [key, unknownKey(key, Object.keys(taken))]);
}
