/** What a plugin remembers (`server.state`), shown and removed by command. */
import { nearest } from '../nearest.ts';
import type { StateEntry, StateKey } from '../store/plugin-states.ts';
import { type AdminServices, type Operation, OperationError, optionalText, text } from './operation.ts';

/** Entries of one answer, and characters of their values. */
const LISTED = 1000;
const LISTED_CHARACTERS = 16 * 1024 * 1024;

/** An entry as commands show it. */
export interface ShownState {
  readonly key: string;
  readonly value: unknown;
  /** In ISO 8601; null: never. */
  readonly expires: string | null;
}

export interface StateListing {
  readonly plugin: string;
  readonly entries: readonly ShownState[];
  /** The last key, if there are entries behind it; null: these are all. */
  readonly more: string | null;
}

const shown = ({ key, value, expiresAt }: StateEntry): ShownState => ({
  key,
  value: JSON.parse(value),
  expires: expiresAt === null ? null : new Date(expiresAt).toISOString(),
});

export const pluginStateOperations: Readonly<Record<string, Operation>> = {
  /** Behind the key `after`, in the order of keys. */
  'plugin.state': async (services, given): Promise<StateListing> => {
    const plugin = pluginNamed(given);
    const after = optionalText(given, 'after') ?? '';
    const listing = await listed(services, plugin, after);
    if (listing.entries.length === 0 && after === '') requireKnown(services, plugin);
    return listing;
  },
  'plugin.state.get': async (services, given) => {
    const { value, ...of } = await present(services, given);
    return { ...of, value: JSON.parse(value) };
  },
  'plugin.state.delete': async (services, given) => {
    const { plugin, key } = await present(services, given);
    await services.store.pluginStates.put({ plugin, key }, { value: null, expiresAt: null }, services.clock());
    return { plugin, key };
  },
};

/** Other rooms of the store have names with a colon: what the server itself keeps about a plugin. */
function pluginNamed(given: Parameters<Operation>[1]): string {
  const plugin = text(given, 'plugin');
  if (/[\s:]/.test(plugin)) throw new OperationError(`"${plugin}": no plugin has a space or a colon in its name`);
  return plugin;
}

async function listed({ store, clock }: AdminServices, plugin: string, after: string): Promise<StateListing> {
  const entries: ShownState[] = [];
  let characters = 0;
  for await (const entry of entriesOf(store.pluginStates, plugin, after)) {
    if (entry.expiresAt !== null && entry.expiresAt <= clock()) continue;
    characters += entry.value.length;
    if (entries.length === LISTED || (characters > LISTED_CHARACTERS && entries.length > 0))
      return { plugin, entries, more: entries.at(-1)?.key ?? null };
    entries.push(shown(entry));
  }
  return { plugin, entries, more: null };
}

async function* entriesOf(
  states: AdminServices['store']['pluginStates'],
  plugin: string,
  after: string,
): AsyncGenerator<StateEntry, undefined> {
  let last = { plugin, key: after };
  for (;;) {
    const page = await states.entries(last);
    for (const entry of page) {
      if (entry.plugin !== plugin) return;
      yield entry;
      last = { plugin, key: entry.key };
    }
    if (page.length === 0) return;
  }
}

/** The entry that is asked for; OperationError if there is none. */
async function present(
  { store, clock }: AdminServices,
  given: Parameters<Operation>[1],
): Promise<StateKey & { readonly value: string }> {
  const plugin = pluginNamed(given);
  const key = text(given, 'key');
  const value = await store.pluginStates.get({ plugin, key }, clock());
  if (value === null)
    throw new OperationError(
      `plugin ${plugin} remembers nothing under ${JSON.stringify(key)}; "posthorn plugin state ${plugin}" shows its keys`,
    );
  return { plugin, key, value };
}

/** One that is not enabled may have left something behind; one without entries is most likely misspelt. */
function requireKnown({ server }: AdminServices, plugin: string): void {
  const names = server?.plugins().map(({ name }) => name) ?? [plugin];
  if (names.includes(plugin)) return;
  const near = nearest(plugin, names);
  const hint = near === undefined ? '"posthorn plugin list" shows all' : `did you mean ${near}?`;
  throw new OperationError(`there is no plugin ${plugin}; ${hint}`);
}
