/** A plugin's configuration: its file read, divided into what is the bus's and what is the plugin's, and checked. */
import type { Fault } from '../fault.ts';
import { LATE, within } from '../settle.ts';
import { type BusSettings, partKeys } from './bus-keys.ts';
import { readPluginFile, type Values } from './file.ts';
import { type ConfigSchema, checkAgainst } from './schema.ts';

/** Carries every fault of the file. */
export class FaultyConfiguration extends Error {
  override readonly name = 'FaultyConfiguration';
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super('its configuration is faulty');
    this.faults = faults;
  }
}

/** For a schema that asks somebody else, ms. */
const CHECK_WITHIN = 60_000;

/** What must be known before the plugin's code is; faults are found with it. */
export async function readSettings(name: string, configDirectory: string | null): Promise<BusSettings> {
  const { file } = await readPluginFile(name, configDirectory);
  return file === null ? {} : partKeys(file).settings;
}

/** `name` as the file `plugins` lists the plugin. Rejects with FaultyConfiguration, or with what the schema throws. */
export async function readConfiguration(
  name: string,
  configDirectory: string | null,
  schema: ConfigSchema | undefined,
): Promise<{ readonly settings: BusSettings; readonly config: Values }> {
  const { file, faults } = await readPluginFile(name, configDirectory);
  if (file === null) throw new FaultyConfiguration(faults);
  const { settings, own, faults: wrong } = partKeys(file);
  if (schema === undefined) {
    if (wrong.length > 0) throw new FaultyConfiguration(wrong);
    return { settings, config: own };
  }
  const checked = await within(checkAgainst(schema, own, file), CHECK_WITHIN);
  if (checked === LATE)
    throw new Error(`the schema of its configuration did not answer within ${CHECK_WITHIN / 1000} s`);
  const { value, faults: more } = checked as Awaited<ReturnType<typeof checkAgainst>>;
  if (wrong.length + more.length > 0)
    throw new FaultyConfiguration([...wrong, ...more].toSorted((a, b) => a.line - b.line));
  return { settings, config: value as Values };
}
