/** `posthorn plugin state`: what a plugin remembers. */
import type { Command } from 'commander';
import { OperationError } from '../admin/operation.ts';
import type { ShownState, StateListing } from '../admin/plugin-states.ts';
import { printJson, shellWord, table } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';

interface StateCommandOptions extends PlaceOptions {
  readonly key?: string;
  readonly delete?: string;
  readonly after?: string;
}

/** Characters of a value in a table. */
const SHOWN = 60;

export function addStateCommand(plugin: Command): void {
  withPlace(
    plugin
      .command('state <plugin>')
      .description('what a plugin remembers (server.state): its keys, until when, and the beginning of each value'),
  )
    .option('--key <key>', 'show the whole value of this key, as JSON')
    .option('--delete <key>', 'remove this key')
    .option('--after <key>', 'list what is behind this key; at most 1000 keys are listed at once')
    .action(async (name: string, options: StateCommandOptions) => {
      const { key, delete: removed, after } = options;
      if ([key, removed, after].filter((option) => option !== undefined).length > 1)
        throw new OperationError('use only one of --key, --delete and --after');
      const where = place(options);
      if (removed !== undefined) {
        const result = await operate(where, 'plugin.state.delete', { plugin: name, key: removed });
        if (where.json) printJson(result);
        else console.log(`Plugin ${name} no longer remembers ${shownKey(removed)}.`);
      } else if (key !== undefined) {
        const result = (await operate(where, 'plugin.state.get', { plugin: name, key })) as { readonly value: unknown };
        printJson(where.json ? result : result.value);
      } else {
        const listing = (await operate(where, 'plugin.state', { plugin: name, after })) as StateListing;
        if (where.json) printJson(listing);
        else console.log(describe(listing));
      }
    });
}

const describe = ({ plugin, entries, more }: StateListing): string => {
  const left = more === null ? '' : `\nThere are more: posthorn plugin state ${plugin} --after ${shellWord(more)}`;
  return entries.length === 0
    ? `Plugin ${plugin} remembers nothing.`
    : `${table(['key', 'until', 'value'], entries.map(row))}${left}`;
};

const row = ({ key, value, expires }: ShownState): string[] => [
  shownKey(key),
  expires === null ? 'always' : expires.replace(/\.\d+Z$/, 'Z'),
  shortened(JSON.stringify(value)),
];

/** Keys come from strangers too: what a terminal would act on, or a table not line up, is escaped. */
const shownKey = (key: string): string => (/^[^\p{C}"]+$/u.test(key) ? key : escaped(JSON.stringify(key)));

const shortened = (json: string): string => {
  const text = escaped(json);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
};

const escaped = (text: string): string =>
  text.replace(/\p{C}/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
