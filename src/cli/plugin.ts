/** `posthorn plugin`: for those who write plugins, and for those who run them. */
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Command, CommanderError } from 'commander';
import type { PluginFacts } from '../bus/bus.ts';
import { ConfigurationError } from '../config/fault.ts';
import type { Family } from '../counter.ts';
import { EX_CONFIG, printFaults, printJson, shellWord, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { addReplayCommand } from './plugin-replay.ts';
import { addStateCommand } from './plugin-state.ts';
import { addVersionCommands } from './plugin-versions.ts';
import { tell } from './tell.ts';

export function addPluginCommands(program: Command): void {
  const plugin = program.command('plugin').description('make, test and look at plugins');
  plugin
    .command('new <folder>')
    .description('make a folder with a plugin that works and its tests; the name of the folder is that of the plugin')
    .option('--js', 'in JavaScript instead of TypeScript', false)
    .action(async (name: string, { js }: { readonly js: boolean }) => {
      const { makePlugin } = await import('../authoring/new-plugin.ts');
      const files = makePlugin({ folder: resolve(name), language: js ? 'js' : 'ts' });
      const shown = shellWord(name);
      console.log(`Made ${name}: ${files.join(', ')}.`);
      console.log(`Now: posthorn plugin test ${shown}, and read ${join(name, 'README.md')}.`);
    });
  withPlace(
    plugin
      .command('test [plugin] [files...]')
      .description('run the tests of a plugin: of this folder, of another one, or of one in plugins.d by its name'),
  ).action(async (name: string | undefined, files: readonly string[], options: PlaceOptions) => {
    const { runTests } = await import('../authoring/run-tests.ts');
    const code = await runTests(folderOf(name, place(options)), files);
    if (code !== 0) throw new CommanderError(code, 'posthorn.plugin.test', 'tests failed');
  });
  withPlace(
    plugin.command('check').description('load the plugins as a start would, and show what each of them registers'),
  ).action(async (options: PlaceOptions) => {
    const where = place(options);
    const { checkConfiguration } = await import('../app/check.ts');
    const { faults, plugins } = await checkConfiguration(where.config, where.data);
    if (where.json) printJson({ plugins, faults });
    else if (plugins.length > 0) console.log(describe(plugins, where.config));
    if (faults.length === 0) return;
    if (!where.json)
      printFaults(new ConfigurationError(faults), { json: false, meaning: 'a start would report them too' });
    throw new CommanderError(EX_CONFIG, 'posthorn.plugin.check', 'faulty configuration');
  });
  withPlace(
    plugin
      .command('list')
      .description('the plugins of the running server in their order, with calls, time and failures of each hook'),
  ).action(async (options: PlaceOptions) => {
    const where = place(options);
    const plugins = (await tell(where, 'server.plugins')) as readonly PluginFacts[];
    const families = (await tell(where, 'server.metrics')) as readonly Family[];
    const uses = usesOf(families);
    const next = nextUse(families);
    if (where.json)
      printJson(
        plugins.map(({ hooks, ...facts }) => ({
          ...facts,
          ...(facts.next === undefined ? {} : { next: { ...facts.next, ...next(facts.name) } }),
          hooks: hooks.map((hook) => ({ ...hook, ...uses(facts.name, hook.hook) })),
        })),
      );
    else console.log(describeUse(plugins, uses, next));
  });
  addReplayCommand(plugin);
  addStateCommand(plugin);
  addVersionCommands(plugin);
}

/** Throws an Error that says where it was looked for. */
function folderOf(name: string | undefined, { config }: PlaceOptions): string {
  if (name === undefined) return process.cwd();
  const places = [resolve(name), join(config, 'plugins.d', name)];
  const found = places.find((folder) => existsSync(folder));
  if (found === undefined) throw new Error(`there is no plugin ${name}: neither ${places.join(' nor ')} exists`);
  return found;
}

function describe(plugins: readonly PluginFacts[], config: string): string {
  const rows = plugins.map(({ name, file, policy, hooks, restrictions, jobs, routes }) => [
    name,
    [
      ...new Set(hooks.map(({ hook }) => hook)),
      ...jobs.map((job) => `job:${job}`),
      ...routes.map((route) => `route:${route.replace(' ', ':')}`),
    ].join(' '),
    restrictions.length > 4
      ? `${restrictions.slice(0, 3).join(' ')} … (${restrictions.length})`
      : restrictions.join(' '),
    `${policy.deadline / 1000} s, then ${policy.onError}`,
    (policy.order ?? []).join(', '),
    [...(policy.activeFor?.domains ?? []), ...(policy.activeFor?.accounts ?? [])].join(' '),
    file?.startsWith(config) === true ? relative(config, file) : (file ?? ''),
  ]);
  return table(['plugin', 'hooks', 'restrictions', 'deadline', 'order', 'for', 'file'], rows);
}

interface Use {
  readonly calls: number;
  /** Of all calls together. */
  readonly seconds: number;
  readonly failures: number;
}

/** From the metrics, which a supervisor has added up over its processes. */
function usesOf(families: readonly Family[]): (plugin: string, hook: string) => Use {
  const value = (family: string, suffix: string, plugin: string, hook: string): number =>
    families
      .find(({ name }) => name === family)
      ?.samples.find(
        ({ suffix: own, labels }) => own === suffix && labels['plugin'] === plugin && labels['hook'] === hook,
      )?.value ?? 0;
  return (plugin, hook) => ({
    calls: value('posthorn_hook_duration_seconds', '_count', plugin, hook),
    seconds: value('posthorn_hook_duration_seconds', '_sum', plugin, hook),
    failures: value('posthorn_hook_failures_total', '', plugin, hook),
  });
}

/** What the next version of a plugin answered beside the one in use: calls by `same`, `different`, `failed`, `skipped`. */
function nextUse(families: readonly Family[]): (plugin: string) => Readonly<Record<string, number>> {
  const samples = families.find(({ name }) => name === 'posthorn_plugin_next_calls_total')?.samples ?? [];
  return (plugin) => {
    const sums: Record<string, number> = { same: 0, different: 0, failed: 0, skipped: 0 };
    for (const { labels, value } of samples)
      if (labels['plugin'] === plugin) sums[labels['result'] ?? ''] = (sums[labels['result'] ?? ''] ?? 0) + value;
    return sums;
  };
}

function versionLines({ name, next, fellBack }: PluginFacts, nextOf: ReturnType<typeof nextUse>): string[] {
  const lines = fellBack === undefined ? [] : [`plugin ${name}: ${fellBack}.`];
  if (next === undefined) return lines;
  if (next.file === null) return [...lines, `plugin ${name}: its next version does not run: ${next.why}`];
  const { same = 0, different = 0, failed = 0, skipped = 0 } = nextOf(name);
  const told = `${same} answers the same, ${different} different, ${failed} calls failed, ${skipped} were skipped`;
  return [...lines, `plugin ${name}: its next version ${next.file} decides nothing yet: ${told}.`];
}

function describeUse(
  plugins: readonly PluginFacts[],
  uses: (plugin: string, hook: string) => Use,
  next: ReturnType<typeof nextUse>,
): string {
  const rows = plugins.flatMap(({ name, hooks, jobs, routes, leftOut }) => {
    const paths = routes.map((route) => `route ${route.slice(route.indexOf(' ') + 1)}`);
    const names = [...new Set([...hooks.map(({ hook }) => hook), ...jobs.map((job) => `job ${job}`), ...paths])];
    if (leftOut !== undefined) return [[name, '(left out)', '', '', '', '']];
    if (names.length === 0) return [[name, '-', '', '', '', '']];
    return names.map((hook, i) => {
      const { calls, seconds, failures } = uses(name, hook);
      const mean = calls === 0 ? '' : `${((seconds / calls) * 1000).toFixed(3)} ms`;
      return [i === 0 ? name : '', hook, String(calls), `${seconds.toFixed(2)} s`, mean, String(failures)];
    });
  });
  const gone = plugins.flatMap(({ name, leftOut }) => (leftOut === undefined ? [] : [`plugin ${name} is ${leftOut}.`]));
  return [
    table(['plugin', 'hook', 'calls', 'time', 'a call', 'failures'], rows),
    ...gone,
    ...plugins.flatMap((plugin) => versionLines(plugin, next)),
  ].join('\n');
}
